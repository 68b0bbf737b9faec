package verify

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// announcementPrecision is how exact the times of announcements are: the playlist's are in milliseconds, and so are FLV's.
const announcementPrecision = media.Seconds(time.Millisecond)

// announcements are the clocks of the statements about events, and which markers a carrier leaves out.
func (c *checker) announcements(m *comparison) (clocks []report.Clock, findings []report.Finding) {
	for _, source := range eventSources {
		if len(m.events[source]) == 0 && len(m.strange[source]) == 0 {
			if c.carries(source) && c.announceable() {
				clocks = append(clocks, report.Clock{Name: string(source), State: report.Gone, Tolerance: announcementPrecision})
			}
			continue
		}
		if list := m.samples[string(source)]; len(list) > 0 {
			clocks = append(clocks, newClockReport(string(source), int64(announcementPrecision), list, 0, true))
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
		if _, there := c.pictureOf(m.Frame); there && c.within(m.Frame) && len(stated[int64(i)]) == 0 && !c.breaksOff(m.Frame) {
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
		return c.in.kind == input.HLS && c.in.states(analyzer.ProgramDateTime)
	}
	return false
}

// announceable reports whether a marker has to be announced. Near the ends of a live stream its announcement may be outside.
func (c *checker) announceable() bool {
	return slices.ContainsFunc(c.truth.Markers, func(m markers.Marker) bool {
		_, there := c.pictureOf(m.Frame)
		return there && (!c.in.cut || m.Frame > c.first && m.Frame+c.channel.FramesPerSegment <= c.last)
	})
}
