package verify

import (
	"encoding/json"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/input"
)

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

// carries says whether a carrier of this kind announces markers so, when refstream writes it.
func (c *checker) carries(source analyzer.Source) bool {
	switch source {
	case analyzer.ID3:
		return c.in.holdsID3
	case analyzer.OnCuePoint:
		return c.holdsScripts()
	case analyzer.DateRange:
		// Without PROGRAM-DATE-TIME a playlist can't have them (RFC 8216, 4.3.2.7).
		for _, r := range c.in.statements {
			if r.Source == analyzer.ProgramDateTime {
				return c.in.kind == input.HLS
			}
		}
	}
	return false
}

// announceable says whether there is a marker that has to be announced. At the ends of a stream that was read for a while
// the announcement may have come before, or be due yet.
func (c *checker) announceable() bool {
	for _, m := range c.truth.Markers {
		if _, there := c.pictureOf(m.Frame); there &&
			(!c.in.cut || m.Frame > c.first && m.Frame+c.channel.FramesPerSegment <= c.last) {
			return true
		}
	}
	return false
}
