package api

import (
	"container/list"
	"sync"
	"time"

	"github.com/refstream/refstream/markers"
)

const (
	// maxCached bounds the answers kept: some hundred pollers with a query each.
	maxCached = 256
	// maxCachedBytes leaves out answers so large that 256 of them would matter; 1000 markers have half of it.
	maxCachedBytes = 2 << 20
	// maxCachedTotal bounds the memory of all.
	maxCachedTotal = 32 << 20
	// maxCachedAge bounds how long a marker may be seen after it was trimmed from its log, which doesn't change the
	// log's end.
	maxCachedAge = time.Second
)

// cacheKey is what an answer depends on besides the logs.
type cacheKey struct {
	channel string
	run     int64
	query   markerQuery
	format  string
}

// cacheState is how far the logs were when an answer was made, and when that was.
type cacheState struct {
	markers, missing markers.ID
	at               time.Time
}

// cachedBody is an encoded answer. Its bytes are shared and must not be changed.
type cachedBody struct {
	bytes []byte
	etag  string
	next  string // of what the limit left out
}

// bodyCache keeps the answers that were used last. Its methods may be called at once from many goroutines.
type bodyCache struct {
	mu    sync.Mutex
	byKey map[cacheKey]*list.Element
	order *list.List // of *cacheEntry, the last used in front
	size  int
}

type cacheEntry struct {
	key   cacheKey
	state cacheState
	body  cachedBody
}

func newBodyCache() *bodyCache {
	return &bodyCache{byKey: map[cacheKey]*list.Element{}, order: list.New()}
}

// get returns the answer to key that was made with the logs as they are in state.
func (c *bodyCache) get(key cacheKey, state cacheState) (cachedBody, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el := c.byKey[key]
	if el == nil {
		return cachedBody{}, false
	}
	e := el.Value.(*cacheEntry)
	age := state.at.Sub(e.state.at)
	if e.state.markers != state.markers || e.state.missing != state.missing || age < 0 || age > maxCachedAge {
		c.remove(el)
		return cachedBody{}, false
	}
	c.order.MoveToFront(el)
	return e.body, true
}

// put keeps an answer that was made after the logs were as they are in state.
func (c *bodyCache) put(key cacheKey, state cacheState, body cachedBody) {
	if len(body.bytes) > maxCachedBytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if el := c.byKey[key]; el != nil {
		c.remove(el)
	}
	c.byKey[key] = c.order.PushFront(&cacheEntry{key, state, body})
	c.size += len(body.bytes)
	for c.order.Len() > maxCached || c.size > maxCachedTotal {
		c.remove(c.order.Back())
	}
}

func (c *bodyCache) remove(el *list.Element) {
	e := c.order.Remove(el).(*cacheEntry)
	delete(c.byKey, e.key)
	c.size -= len(e.body.bytes)
}
