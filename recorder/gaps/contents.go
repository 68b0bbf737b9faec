package gaps

import (
	"fmt"

	"github.com/refstream/refstream/recorder"
)

// address is where a segment is.
type address struct{ url, part string }

// content is what an address gave.
type content struct {
	body recorder.Body
	run  int64
	msn  int64
	id   int64 // of the exchange
}

// contents finds addresses that give another content than they did: a name that is used again in one run, or a segment
// that is another in the next run.
type contents struct {
	known map[address]content
	// open is a finding that the next segment may belong to.
	open *Finding
}

// take looks at a segment that came.
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

// end adds what is open.
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
