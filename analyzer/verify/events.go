package verify

import (
	"fmt"
	"slices"
	"sort"

	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/markers"
)

// shown is a frame that is in the stream, and whether its block is in the events' colour.
type shown struct {
	frame int64
	event bool
}

// stretch is a run of frames in the stream that show an event, first to last. The event itself begins after the frame before and
// ends before the frame after; the frames between are not in the stream.
type stretch struct {
	first, last   int64
	before, after int64
}

// The ends of a stretch at the ends of the stream: nothing is known of what came before or after.
const (
	longAgo = -1 << 62
	farOff  = 1 << 62
)

// stretches finds the events in the picture. Two of them with nothing but missing frames between are two if the markers are two.
func stretches(list []shown, marks []markers.Marker) (out []stretch) {
	parted := func(a, b int64) bool { // one event may end from frame a on, and the next begin up to frame b
		return b > a+1 && slices.ContainsFunc(marks, func(m markers.Marker) bool {
			return m.LastFrame >= a && m.LastFrame < b
		}) && slices.ContainsFunc(marks, func(m markers.Marker) bool { return m.Frame > a && m.Frame <= b })
	}
	for i := 0; i < len(list); i++ {
		if !list[i].event {
			continue
		}
		s := stretch{first: list[i].frame, before: longAgo, after: farOff}
		if i > 0 {
			s.before = list[i-1].frame
		}
		for i+1 < len(list) && list[i+1].event && !parted(list[i].frame, list[i+1].frame) {
			i++
		}
		s.last = list[i].frame
		if i+1 < len(list) {
			s.after = list[i+1].frame
		}
		out = append(out, s)
	}
	return out
}

// eventCheck compares the events in the picture with the markers.
type eventCheck struct {
	clock   markers.Clock
	summary report.EventSummary
	places  map[report.Kind][]report.Place
}

func checkEvents(list []shown, marks []markers.Marker, clock markers.Clock) *eventCheck {
	c := &eventCheck{clock: clock, places: map[report.Kind][]report.Place{}}
	seen := stretches(list, marks)
	taken := make([]bool, len(seen))
	for _, m := range marks {
		i := sort.Search(len(list), func(i int) bool { return list[i].frame >= m.Frame })
		if i == len(list) || list[i].frame > m.LastFrame {
			continue // none of its frames is in the stream
		}
		c.summary.Markers++
		if k := overlapping(seen, taken, m); k >= 0 {
			taken[k] = true
			c.summary.Seen++
			c.compare(m, seen[k])
		} else {
			c.note(report.EventMissed, m.Frame, m.LastFrame, m.ID, 0)
		}
	}
	for k, s := range seen {
		if !taken[k] {
			c.summary.Extra++
			c.note(report.EventExtra, s.first, s.last, "", 0)
		}
	}
	return c
}

// overlapping is the stretch with the most of the marker's frames, or -1: an event that does not overlap is another one.
func overlapping(seen []stretch, taken []bool, m markers.Marker) int {
	most, which := int64(0), -1
	from := sort.Search(len(seen), func(k int) bool { return seen[k].last >= m.Frame })
	for k := from; k < len(seen) && seen[k].first <= m.LastFrame; k++ {
		if n := min(seen[k].last, m.LastFrame) - max(seen[k].first, m.Frame) + 1; n > most && !taken[k] {
			most, which = n, k
		}
	}
	return which
}

func (c *eventCheck) compare(m markers.Marker, s stretch) {
	// By how many frames it begins and ends late, at least.
	start, end := min(max(m.Frame, s.before+1), s.first)-m.Frame, max(min(m.LastFrame, s.after-1), s.last)-m.LastFrame
	switch {
	case start == 0 && end == 0:
		c.summary.Exact++
	case start < 0:
		c.note(report.EventEarly, m.Frame, m.LastFrame, m.ID, start)
	case start > 0:
		c.note(report.EventLate, m.Frame, m.LastFrame, m.ID, start)
	}
	// A shifted event ends as much late as it begins late, unless the end can't be seen.
	if end != start && (s.after != farOff || end > 0) && (s.before != longAgo || start < 0) {
		c.note(report.EventLength, m.Frame, m.LastFrame, m.ID, end-start)
	}
}

func (c *eventCheck) note(k report.Kind, first, last int64, id string, by int64) {
	c.places[k] = append(c.places[k], report.Place{First: first, Last: last, Time: c.clock.Time(first), Marker: id, By: by})
}

func (c *eventCheck) findings() (list []report.Finding) {
	texts := map[report.Kind]string{
		report.EventMissed: "not shown", report.EventExtra: "shown without a marker", report.EventEarly: "early", report.EventLate: "late",
		report.EventLength: "of the wrong length",
	}
	for _, k := range []report.Kind{report.EventMissed, report.EventExtra, report.EventEarly, report.EventLate, report.EventLength} {
		places := c.places[k]
		if len(places) == 0 {
			continue
		}
		f := report.Finding{Kind: k, Count: int64(len(places)), Places: places}
		f.Text = fmt.Sprintf("%s %s%s: %s", report.Plural(f.Count, "event"), texts[k], by(k, places), report.Names(places))
		list = append(list, f)
	}
	return list
}

// by describes how far places are off.
func by(k report.Kind, places []report.Place) string {
	sign := int64(1)
	if k == report.EventEarly {
		sign = -1
	}
	low, high := sign*places[0].By, sign*places[0].By
	for _, p := range places {
		low, high = min(low, sign*p.By), max(high, sign*p.By)
	}
	switch {
	case low == 0 && high == 0:
		return ""
	case low == high && k == report.EventLength && low < 0:
		return fmt.Sprintf(", %s short", report.Plural(-low, "frame"))
	case low == high && k == report.EventLength:
		return fmt.Sprintf(", %s long", report.Plural(low, "frame"))
	case low == high:
		return fmt.Sprintf(" by %s", report.Plural(low, "frame"))
	}
	if k == report.EventLength {
		return fmt.Sprintf(", by %+d to %+d frames", low, high)
	}
	return fmt.Sprintf(" by %d to %d frames", low, high)
}
