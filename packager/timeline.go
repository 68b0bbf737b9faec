package packager

import (
	"slices"
	"sort"

	"github.com/refstream/refstream/markers"
)

// series is the segments of a rendition in a container.
type series struct {
	container Container
	rendition string // empty for the first one
}

func (s series) file(msn int64) string { return s.container.RenditionFile(s.rendition, msn) }

// entry is a slot that had a segment published.
type entry struct {
	msn, last     int64  // last frame
	discontinuity int64  // the segment's discontinuity sequence number
	breaks        bool   // its encoding does not continue the one before
	files         []file // one for each series
}

// file is a segment's file.
type file struct {
	bytes          int64
	initialization string // the file of the initialization section that it needs, empty for none
	gone           bool   // it was lost, or never written
}

// gone reports whether no file of the segment is left.
func (e *entry) gone() bool {
	return !slices.ContainsFunc(e.files, func(f file) bool { return !f.gone })
}

// leaver is a segment that no playlist names any more.
type leaver struct {
	msn int64
	at  int64 // the newest slot when it left
}

// timeline is the slots that the playlist covers: the segments, in order, and the gaps between them.
type timeline struct {
	clock   markers.Clock
	all     []series
	window  int64   // in slots, 0 for no limit
	base    int64   // the first slot that had a segment: slots before it are not in a playlist
	entries []entry // in order; a slot from base on that has none is a gap
	leaving []leaver
}

// add puts a new segment at the end.
func (t *timeline) add(r markers.SegmentRecord) {
	if len(t.entries) == 0 {
		t.base = r.MSN
	}
	e := entry{msn: r.MSN, last: r.LastFrame, discontinuity: r.DiscontinuitySequence, breaks: r.Discontinuity}
	recorded := r.Files()
	for _, s := range t.all {
		f := file{gone: true}
		if i := slices.IndexFunc(recorded, func(f markers.SegmentFile) bool { return f.URI == s.file(r.MSN) }); i >= 0 {
			f = file{bytes: recorded[i].Bytes, initialization: recorded[i].Init}
		}
		e.files = append(e.files, f)
	}
	t.entries = append(t.entries, e)
}

// agree makes the last entry a gap in all renditions of a container where it is one in any.
func (t *timeline) agree() {
	files := t.entries[len(t.entries)-1].files
	for i, f := range files {
		for k := range files {
			files[k].gone = files[k].gone || f.gone && t.all[i].container == t.all[k].container
		}
	}
}

// newest is the last entry's slot, -1 when there is none.
func (t *timeline) newest() int64 {
	if len(t.entries) == 0 {
		return -1
	}
	return t.entries[len(t.entries)-1].msn
}

// from is the index of the first entry at slot msn or later.
func (t *timeline) from(msn int64) int {
	return sort.Search(len(t.entries), func(i int) bool { return t.entries[i].msn >= msn })
}

// start is the first slot of the playlist, its media sequence number; ok is false when there is nothing to play.
//
// Gaps at the front are of no use to a player and only get in its way where it begins to play, so the playlist starts at
// a segment, as soon as that leaves the three target durations that must stay (RFC 8216, 6.2.2).
func (t *timeline) start() (slot int64, ok bool) {
	if len(t.entries) == 0 {
		return 0, false
	}
	low := t.base
	if t.window > 0 {
		low = max(low, t.newest()-t.window+1)
	}
	for _, e := range t.entries[t.from(low):] {
		if !e.gone() {
			keep := t.newest() - MinWindow(t.clock) + 1
			return max(low, min(e.msn, keep)), true
		}
	}
	return 0, false
}

// prune lets go of the entries before the start, once a playlist without them has been written.
func (t *timeline) prune() {
	slot, ok := t.start()
	if !ok || t.window == 0 {
		return
	}
	n := t.from(slot)
	for _, e := range t.entries[:n] {
		if !e.gone() {
			t.leaving = append(t.leaving, leaver{e.msn, t.newest()})
		}
	}
	t.entries = slices.Delete(t.entries, 0, n)
}

// due takes the next file off the list that may be removed now that slot msn has begun, or returns false. A file stays
// for the length of a segment and of the longest playlist after it left (RFC 8216, 6.2.2), measured in slots.
func (t *timeline) due(msn int64) (int64, bool) {
	if len(t.leaving) == 0 || msn-t.leaving[0].at < t.window+1 {
		return 0, false
	}
	old := t.leaving[0].msn
	t.leaving = slices.Delete(t.leaving, 0, 1)
	return old, true
}

// holds reports whether a published segment has frames from first to last.
func (t *timeline) holds(first, last int64) bool {
	for _, e := range t.entries[t.from(t.clock.MSN(first)):] {
		if t.clock.FirstFrame(e.msn) > last {
			return false
		}
		if e.last >= first { // not so after a segment that the end of a stream cut short
			return true
		}
	}
	return false
}

// before is the discontinuity sequence number of the gaps in front of the entry.
func (e *entry) before() int64 {
	if e.breaks {
		return e.discontinuity - 1
	}
	return e.discontinuity
}

// discontinuityAt is the discontinuity sequence number of a slot up to the newest.
func (t *timeline) discontinuityAt(msn int64) int64 {
	e := &t.entries[t.from(msn)]
	if e.msn == msn {
		return e.discontinuity
	}
	return e.before()
}

// slots calls visit for every slot of the playlist in order: number is its discontinuity sequence number, and e is nil
// for a slot that never had a segment.
func (t *timeline) slots(visit func(msn, number int64, e *entry)) {
	slot, ok := t.start()
	if !ok {
		return
	}
	for i := t.from(slot); i < len(t.entries); i++ {
		e := &t.entries[i]
		for ; slot < e.msn; slot++ {
			visit(slot, e.before(), nil)
		}
		visit(slot, e.discontinuity, e)
		slot++
	}
}

// oldest is the oldest slot with a segment that is in the playlist or has yet to be removed.
func (t *timeline) oldest() int64 {
	switch {
	case len(t.leaving) > 0:
		return t.leaving[0].msn
	case len(t.entries) > 0:
		return t.entries[0].msn
	}
	return 0
}

// lastFrame is the last frame of the newest segment, -1 where there is none.
func (t *timeline) lastFrame() int64 {
	if len(t.entries) == 0 {
		return -1
	}
	return t.entries[len(t.entries)-1].last
}
