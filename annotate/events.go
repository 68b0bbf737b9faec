package annotate

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/flv/amf0"
	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/markers"
)

// tagDescription is the description of the TXXX frame that holds a marker.
const tagDescription = "refstream"

// ID3 are markers as timed ID3, each at the PTS of its first frame: one TXXX frame with the description "refstream" and the
// marker's JSON as its value. It leaves out those that no tag can hold, since a time is after the year 9999 or the text about a
// mebibyte long: they are no reason to lose a unit.
func ID3(list ...markers.Marker) (tags []id3.Timed) {
	for _, m := range list {
		value, err := json.Marshal(m)
		if err != nil {
			continue
		}
		if tag, err := id3.Text(tagDescription, string(value)); err == nil {
			tags = append(tags, id3.Timed{PTS: m.PTS, Tag: tag})
		}
	}
	return tags
}

// MarkerOfID3 is the marker that the frames of a tag hold, as [ID3] puts it there; ok is false where there is none. It returns
// an error when the frame for it is there but doesn't hold a marker.
func MarkerOfID3(frames []id3.Frame) (m markers.Marker, ok bool, err error) {
	for _, f := range frames {
		if f.ID == "TXXX" && f.Description == tagDescription {
			if err := json.Unmarshal([]byte(f.Text), &m); err != nil {
				return markers.Marker{}, false, fmt.Errorf("read marker of ID3 tag: %w", err)
			}
			return m, true, nil
		}
	}
	return markers.Marker{}, false, nil
}

// Scripts are the script tags of FLV of a frame, and of the markers that have become known with it. It leaves out
// markers that have no JSON.
func Scripts(rec markers.FrameRecord, list []markers.Marker) flv.Scripts {
	s := flv.Scripts{FI: flv.NewFI(time.Unix(0, rec.GenNS), rec.Timecode)}
	for i := range list {
		m := &list[i]
		if c, err := CuePoint(m); err == nil {
			s.Cues = append(s.Cues, flv.Cue{CuePoint: c, Frame: m.Frame, PTS: m.PTS, FI: flv.NewFI(m.GenTime, m.Timecode)})
		}
	}
	return s
}

// paramMarker is the parameter of a cue point that holds a marker's JSON, exactly.
const paramMarker = "marker"

// CuePoint makes the cue point of a marker. Numbers of frames and ticks become floats here, on the way out, and nothing
// computes with them; where that might lose a digit the value is a text: times in seconds with nanoseconds, times of day,
// and the marker's JSON, which has everything.
//
// ffmpeg takes the texts in a cue point for properties of the whole stream. So none may have a name that means something
// there: one called timecode would give the first frame of a copy in another format the marker's timecode.
func CuePoint(m *markers.Marker) (flv.CuePoint, error) {
	whole, err := json.Marshal(m)
	if err != nil {
		return flv.CuePoint{}, fmt.Errorf("write marker as JSON: %w", err)
	}
	return flv.CuePoint{
		Name: m.ID, Seconds: float64(flv.Time(m.PTS)) / 1000, Type: "event",
		Parameters: amf0.Object{
			{Name: "id", Value: m.ID},
			{Name: "channel", Value: m.Channel},
			{Name: "kind", Value: m.Kind},
			{Name: "text", Value: m.Text},
			{Name: "frame", Value: float64(m.Frame)},
			{Name: "last_frame", Value: float64(m.LastFrame)},
			{Name: "pts", Value: float64(m.PTS)},
			{Name: "last_pts", Value: float64(m.LastPTS)},
			{Name: "tc", Value: m.Timecode},
			{Name: "hls_time", Value: m.Time.String()},
			{Name: "hls_end_time", Value: m.EndTime.String()},
			{Name: "utc", Value: m.UTC.Format(time.RFC3339Nano)},
			{Name: "gen_time", Value: m.GenTime.Format(time.RFC3339Nano)},
			{Name: paramMarker, Value: string(whole)},
		},
	}, nil
}

// MarkerOfCue is the marker that a cue point was made of. ok is false for a cue point of another origin.
func MarkerOfCue(c flv.CuePoint) (m markers.Marker, ok bool) {
	v, _ := c.Parameters.Get(paramMarker)
	text, _ := v.(string)
	if json.Unmarshal([]byte(text), &m) != nil {
		return markers.Marker{}, false
	}
	return m, true
}
