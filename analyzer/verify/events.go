package verify

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
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

// announcementPrecision is how exact the times of announcements are: the playlist's are in milliseconds, and so are FLV's.
const announcementPrecision = media.Seconds(time.Millisecond)

// announcements are the clocks of the statements about events, and which markers a carrier leaves out.
func (c *checker) announcements(m *comparison) (clocks []report.Clock, findings []report.Finding) {
	for _, source := range eventSources {
		if len(m.events[source]) == 0 && len(m.strange[source]) == 0 {
			if c.carries(source) && c.announceable(source) {
				clocks = append(clocks, report.Clock{Name: string(source), State: report.Gone, Tolerance: announcementPrecision})
			}
			continue
		}
		if list := m.samples[string(source)]; len(list) > 0 {
			clocks = append(clocks, c.clockReport(string(source), int64(announcementPrecision), list, 0, true))
		}
		findings = append(findings, c.unannounced(source, m.events[source])...)
	}
	return clocks, findings
}

// pictureOf is the picture that shows a frame first.
func (c *checker) pictureOf(frame int64) (pixels.Picture, bool) {
	k, ok := slices.BinarySearchFunc(c.anchors, frame, func(i int, n int64) int { return cmp.Compare(c.in.pictures[i].Frame, n) })
	if !ok {
		return pixels.Picture{}, false
	}
	p := c.in.pictures[c.anchors[k]]
	return p, p.Timed
}

// announcedLate is how far behind its picture an announcement may be: muxers interleave data with video by decoding time.
const announcedLate = 500 * time.Millisecond

// breaksOff reports whether a frame is so near to the end of what was read that its announcement may follow after the end.
func (c *checker) breaksOff(frame int64) bool {
	if c.truth.Bounded && c.last >= c.truth.Last {
		return false
	}
	return c.channel.Rate.Nanos(c.last-frame) < int64(announcedLate)
}

// unannounced finds the markers that a carrier leaves out.
func (c *checker) unannounced(source analyzer.Source, stated map[int64][]*analyzer.Record) []report.Finding {
	var left []report.Place
	for i, m := range c.truth.Markers {
		if _, there := c.pictureOf(m.Frame); there && c.within(m.Frame) && len(stated[int64(i)]) == 0 && !c.breaksOff(m.Frame) &&
			!c.explained(report.Unannounced, string(source), m.Frame, m.Frame) {
			left = append(left, report.Place{First: m.Frame, Last: m.LastFrame, Time: m.Time, Marker: m.ID})
		}
	}
	if len(left) == 0 {
		return nil
	}
	n := int64(len(left))
	return []report.Finding{{
		Kind: report.Unannounced, Clock: string(source), Count: n, Places: left,
		Text: fmt.Sprintf("%s says nothing of %s: %s", source, report.Plural(n, "event"), report.Names(left)),
	}}
}

// markerID is the ID of the marker that a statement about an event names, empty where it names none.
func markerID(r analyzer.Record) string {
	var v struct {
		ID     string `json:"ID"`
		Frames []struct {
			Marker *struct {
				ID string `json:"id"`
			} `json:"marker"`
		} `json:"frames"`
		Parameters struct {
			ID string `json:"id"`
		} `json:"parameters"`
	}
	if len(r.Extra) == 0 || json.Unmarshal(r.Extra, &v) != nil {
		return ""
	}
	switch r.Source {
	case analyzer.DateRange:
		return v.ID
	case analyzer.OnCuePoint:
		return v.Parameters.ID
	}
	for _, f := range v.Frames {
		if f.Marker != nil {
			return f.Marker.ID
		}
	}
	return ""
}

// carries reports whether a carrier of this kind announces markers so, when refstream writes it.
func (c *checker) carries(source analyzer.Source) bool {
	switch source {
	case analyzer.ID3:
		return c.in.holdsID3
	case analyzer.OnCuePoint:
		return c.holdsScripts()
	case analyzer.DateRange:
		// Without PROGRAM-DATE-TIME a playlist can't have them (RFC 8216, 4.3.2.7).
		return c.in.kind == input.HLS && !c.in.dash && c.in.states(analyzer.ProgramDateTime)
	}
	return false
}

// announceable reports whether a marker has to be announced. Near the ends of a live stream its announcement may be outside.
func (c *checker) announceable(source analyzer.Source) bool {
	return slices.ContainsFunc(c.truth.Markers, func(m markers.Marker) bool {
		_, there := c.pictureOf(m.Frame)
		return there && (!c.in.cut || m.Frame > c.first && m.Frame+c.channel.FramesPerSegment <= c.last) &&
			!c.explained(report.Unannounced, string(source), m.Frame, m.Frame)
	})
}
