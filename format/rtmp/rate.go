package rtmp

import (
	"fmt"
	"time"
)

const (
	// maxChunks a second, and maxBytes, are what a peer may send who has no media to send: commands, acknowledgements and
	// pings, a few dozen in the busiest second of any. There is room for one message of the longest in the smallest usual
	// chunks. Without a limit, chunks of one byte would keep a processor busy.
	maxChunks = 1000
	maxBytes  = 256 << 10
)

// rate counts what a peer sends in a second. It is looked at from one goroutine, with each chunk. Its zero value knows no
// limit.
type rate struct {
	second *time.Ticker
	chunks int
	since  int64 // bytes of the connection when the second began
}

// newRate begins to count. The ticker has no goroutine and ends with the connection's memory.
func newRate() rate { return rate{second: time.NewTicker(time.Second)} }

// count takes one more chunk, with which the connection is at that byte.
func (r *rate) count(at int64) error {
	if r.second == nil {
		return nil
	}
	select {
	case <-r.second.C:
		r.chunks, r.since = 0, at
	default:
	}
	r.chunks++
	if r.chunks > maxChunks || at-r.since > maxBytes {
		return fmt.Errorf("peer sends more than %d chunks or %d bytes in a second", maxChunks, maxBytes)
	}
	return nil
}
