package replay

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/recorder"
)

// resource is an address that was requested, or that an answer is from.
type resource struct {
	path     string         // in the replay, with its query
	playlist bool           // of one, or of an answer that was redirected here
	listed   bool           // in the index's playlists
	ids      map[int64]bool // of the playlists that it is in the session
	outcomes []outcome      // of requests for it, by when they began
	from     []*resource    // those that were redirected here
}

// quiet: unchanged loadings of a playlist that took no longer are not kept. With many a second they would fill the memory.
const quiet = 50 * time.Millisecond

// add takes the outcome of a request for it.
func (r *resource) add(o outcome) {
	if n := len(r.outcomes); n > 0 {
		last := &r.outcomes[n-1]
		if last.header == o.header {
			o.header = last.header // one text for both
		}
		if r.playlist && last.answered >= 0 && o.answered >= 0 && !last.broken && !o.broken && last.status == o.status &&
			last.body == o.body && last.header == o.header && last.final == o.final && o.ended-o.began <= quiet {
			return
		}
	}
	r.outcomes = append(r.outcomes, o)
}

// pick finds the outcome of a request at a time: the last one before it for the same part, or else the first after it. In later
// passes of a loop the last outcome is used until there is another; past reports that.
func (r *resource) pick(m moment, part *m3u8.ByteRange) (o *outcome, past bool) {
	o, before := latest(r.outcomes, m.at, part)
	for _, f := range r.from {
		other, otherBefore := latest(f.outcomes, m.at, part)
		switch {
		case other == nil:
		case o == nil, otherBefore && !before, otherBefore == before && (other.began > o.began) == before:
			o, before = other, otherBefore
		}
	}
	if before || m.pass == 0 || o == nil {
		return o, false
	}
	const end = time.Duration(1<<63 - 1)
	o, _ = r.pick(moment{at: end}, part)
	return o, true
}

// latest finds the last request for a part that began by then, or else the first.
func latest(list []outcome, at time.Duration, part *m3u8.ByteRange) (o *outcome, before bool) {
	n, _ := slices.BinarySearchFunc(list, at, func(o outcome, at time.Duration) int {
		if o.began <= at {
			return -1
		}
		return 1
	})
	for i := n - 1; i >= 0; i-- {
		if samePart(list[i].part, part) {
			return &list[i], true
		}
	}
	for i := n; i < len(list); i++ {
		if samePart(list[i].part, part) {
			return &list[i], false
		}
	}
	return nil, false
}

func samePart(a, b *m3u8.ByteRange) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// pieces are the latest requests at a time that brought a part of it, by offset.
func (r *resource) pieces(m moment) []*outcome {
	found := map[m3u8.ByteRange]*outcome{}
	for _, from := range append([]*resource{r}, r.from...) {
		for i := range from.outcomes {
			o := &from.outcomes[i]
			if o.part == nil || o.broken || o.content.Length <= 0 {
				continue
			}
			if old := found[o.content]; old == nil || o.began <= m.at && o.began > old.began {
				found[o.content] = o
			}
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b *outcome) int {
		return cmp.Or(cmp.Compare(a.content.Offset, b.content.Offset), cmp.Compare(b.content.Length, a.content.Length))
	})
}

// versions iterates over the bodies that a playlist had; backwards if last is set.
func (r *resource) versions(last bool, yield func(o *outcome) bool) {
	var body recorder.Body
	for k := range r.outcomes {
		if last {
			k = len(r.outcomes) - 1 - k
		}
		o := &r.outcomes[k]
		if !o.whole() || o.body == 0 || o.body == body {
			continue
		}
		if body = o.body; !yield(o) {
			return
		}
	}
}
