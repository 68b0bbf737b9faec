package gaps

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/recorder"
)

const maxReasons = 3 // how many reasons for failures in a row a finding names

type asked struct {
	run, playlist int64
	resource      hlsclient.Resource
	url, part     string
}

// fetch is a received segment.
type fetch struct {
	// first is when it was first requested, began when the attempt began that brought it, and ended when it was there.
	first, began, ended time.Duration
	bytes               int64
}

// failure is a request that failed, with its further attempts.
type failure struct {
	Finding
	reasons []string
	end     time.Duration // of the last attempt
	last    int64         // the last attempt's exchange
}

// requests goes through the exchanges.
type requests struct {
	f        *finder
	run      int64
	failures map[asked]*failure
	contents contents
	loads    map[int64]*loads
}

// readExchanges looks at all requests, and at the troubles.
func (f *finder) readExchanges() error {
	q := &requests{
		f: f, failures: map[asked]*failure{}, contents: contents{known: map[address]content{}}, loads: map[int64]*loads{},
	}
	for t, err := range f.s.Troubles(f.ctx) {
		if err != nil {
			return err
		}
		if f.wants(t.Playlist) {
			l := q.load(t.Playlist)
			l.troubles = append(l.troubles, *t)
		}
	}
	for e, err := range f.s.Exchanges(f.ctx) {
		if err := cmp.Or(err, f.ctx.Err()); err != nil {
			return err
		}
		if !f.wants(e.Playlist) {
			continue
		}
		if e.Run != q.run {
			q.endRun()
			q.run = e.Run
		}
		q.take(e)
	}
	q.endRun()
	q.contents.end(f.r)
	for _, id := range slices.Sorted(maps.Keys(q.loads)) {
		if err := q.loads[id].finish(f); err != nil {
			return err
		}
	}
	return nil
}

// wants reports whether a playlist is checked. What belongs to none is, unless one was requested.
func (f *finder) wants(playlist int64) bool {
	return playlist == 0 && f.o.Playlist == "" || f.r.playlist(playlist) != nil
}

func (q *requests) take(e *recorder.Exchange) {
	key := asked{e.Run, e.Playlist, e.Resource, e.URL, part(e.Range)}
	if e.Resource == hlsclient.ResourcePlaylist {
		q.load(e.Playlist).take(q.f, e)
	}
	open := q.failures[key]
	if open != nil && e.Attempt <= 1 && e.Resource != hlsclient.ResourcePlaylist { // the same address for another segment
		q.end(key, open, nil)
		open = nil
	}
	if e.Error != "" {
		q.f.r.fail(e)
		if open == nil {
			open = &failure{Finding: Finding{
				Kind: KindRequestFailed, Playlist: e.Playlist, Moment: recorder.Moment{Run: e.Run, At: e.Began}, MSN: e.MSN,
			}}
			q.failures[key] = open
		}
		open.add(e)
		return
	}
	first := e.Began
	if open != nil {
		first = open.At
		q.end(key, open, e)
	}
	if e.Resource == hlsclient.ResourceSegment {
		q.f.fetches[e.ID] = fetch{first, e.Began, e.Ended, e.Bytes}
		q.contents.take(q.f.r, e)
	}
}

func (f *failure) add(e *recorder.Exchange) {
	f.Count++
	f.end, f.last = e.Ended, e.ID
	f.Exchanges = addRow(f.Exchanges, e.ID)
	reason := e.Error
	if text := http.StatusText(e.Status); e.Status >= http.StatusBadRequest && text != "" {
		reason = fmt.Sprintf("%d %s", e.Status, text)
	} else if e.Status >= http.StatusBadRequest {
		reason = fmt.Sprintf("status %d", e.Status)
	}
	if reason = printable(reason); len(f.reasons) < maxReasons && !slices.Contains(f.reasons, reason) {
		f.reasons = append(f.reasons, reason)
	}
}

// end ends the attempts at something; by is the exchange that brought it, nil for none.
func (q *requests) end(key asked, f *failure, by *recorder.Exchange) {
	delete(q.failures, key)
	if by != nil {
		f.end, f.Came = by.Ended, by.ID
	}
	f.Amount = f.end - f.At
	reasons := fmt.Sprintf("%s: %s", strings.Join(f.reasons, "; "), plural(f.Count, "time"))
	why := fmt.Sprintf("%s in %s", reasons, seconds(f.Amount))
	var what string
	switch {
	case key.resource == hlsclient.ResourcePlaylist:
		what = "the playlist"
		if f.Playlist == 0 {
			what = "the first playlist"
		}
	case key.resource == hlsclient.ResourceSegment:
		what = fmt.Sprintf("segment %d", f.MSN)
		if by == nil { // reported with its entry
			f.Text = why
			q.f.lost[f.last] = f.Finding
			return
		}
	default:
		what = fmt.Sprintf("the %s of segment %d", key.resource, f.MSN)
	}
	outcome := why + ", it was not received"
	if by != nil {
		outcome = fmt.Sprintf("%s, and then it succeeded, %s after the first of them", reasons, seconds(f.Amount))
	}
	f.Text = fmt.Sprintf("%s failed: %s", what, outcome)
	q.f.r.add(f.Finding)
}

// endRun ends what failed to the end of a run.
func (q *requests) endRun() {
	inOrder := func(a, b asked) int { return slices.Compare(q.failures[a].Exchanges, q.failures[b].Exchanges) }
	for _, k := range slices.SortedFunc(maps.Keys(q.failures), inOrder) {
		q.end(k, q.failures[k], nil)
	}
}

// load gives the loadings of a playlist. Those of the first one, which may not be known yet, are together.
func (q *requests) load(playlist int64) *loads {
	if p := q.f.r.playlist(playlist); p != nil && (p.Kind == recorder.KindMultivariant || p.Kind == recorder.KindMedia) {
		playlist = 0
	}
	l := q.loads[playlist]
	if l == nil {
		l = &loads{}
		q.loads[playlist] = l
	}
	return l
}

// address is where a segment is.
type address struct{ url, part string }

// content is what an address gave.
type content struct {
	body recorder.Body
	run  int64
	msn  int64
	id   int64 // of the exchange
}

// contents finds addresses with changing content: a name that is reused in one run, or a segment that differs in the next run.
type contents struct {
	known map[address]content
	open  *Finding // a finding that the next segment may belong to
}

func (c *contents) take(r *Report, e *recorder.Exchange) {
	at := address{e.URL, part(e.Range)}
	old, ok := c.known[at]
	c.known[at] = content{e.Body, e.Run, e.MSN, e.ID}
	if !ok || old.body == e.Body || old.run != e.Run && old.msn != e.MSN {
		return
	}
	if o := c.open; o != nil && (o.Playlist != e.Playlist || o.Run != e.Run || o.MSN+o.Count != e.MSN) {
		c.end(r)
	}
	if c.open == nil {
		c.open = &Finding{
			Kind: KindSegmentChanged, Playlist: e.Playlist, Moment: recorder.Moment{Run: e.Run, At: e.Ended}, MSN: e.MSN,
			Text: fmt.Sprintf("the URL of segment %d gave another content for segment %d before", e.MSN, old.msn),
		}
		if old.msn == e.MSN {
			c.open.Text = fmt.Sprintf("the URL of segment %d gave another content before", e.MSN)
		}
	}
	c.open.Count++
	c.open.Exchanges = addRow(addRow(c.open.Exchanges, old.id), e.ID)
}

func (c *contents) end(r *Report) {
	if c.open == nil {
		return
	}
	if n := c.open.Count - 1; n > 0 {
		c.open.Text += fmt.Sprintf("; and %s more after it", plural(n, "segment"))
	}
	r.add(*c.open)
	c.open = nil
}
