package flv

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/refstream/refstream/format/flv/amf0"
	"github.com/refstream/refstream/markers"
)

// CuePoint is an onCuePoint message: something happens at its tag's time. The properties are those that Adobe's tools
// write and Flash players know.
type CuePoint struct {
	Name string
	// Seconds is the tag's time as the message says it, in seconds.
	Seconds float64
	// Type is "event" or "navigation".
	Type string
	// Parameters are further properties, in their order.
	Parameters amf0.Object
}

// paramMarker is the parameter that holds a marker's JSON, exactly.
const paramMarker = "marker"

// NewCuePoint makes the cue point of a marker, at a time in milliseconds. Numbers of frames and ticks become floats here, on the way out, and nothing
// computes with them; where that might lose a digit the value is a text: times in seconds with nanoseconds, times of day,
// and the marker's JSON, which has everything.
//
// ffmpeg takes the texts in a cue point for properties of the whole stream. So none may have a name that means something
// there: one called timecode would give the first frame of a copy in another format the marker's timecode.
func NewCuePoint(m *markers.Marker, ms uint32) (CuePoint, error) {
	whole, err := json.Marshal(m)
	if err != nil {
		return CuePoint{}, fmt.Errorf("write marker as JSON: %w", err)
	}
	return CuePoint{
		Name: m.ID, Seconds: float64(ms) / 1000, Type: "event",
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

// Values is the script that the message is.
func (c CuePoint) Values() []any {
	return []any{nameCuePoint, amf0.Object{
		{Name: "name", Value: c.Name}, {Name: "time", Value: c.Seconds}, {Name: "type", Value: c.Type},
		{Name: "parameters", Value: c.Parameters},
	}}
}

// ParseCuePoint reads the values of a script tag, as leniently as ParseFI. ok is false when it isn't an onCuePoint.
func ParseCuePoint(values []any) (c CuePoint, ok bool) {
	name, args := unwrapScript(values)
	if name != nameCuePoint {
		return CuePoint{}, false
	}
	get := propertiesOf(args)
	c.Name, c.Type = text(get, "name"), text(get, "type")
	seconds, _ := get("time")
	c.Seconds, _ = seconds.(float64)
	switch p, _ := get("parameters"); v := p.(type) {
	case amf0.Object:
		c.Parameters = v
	case amf0.Array:
		c.Parameters = amf0.Object(v)
	}
	return c, true
}

// Marker is the marker that the cue point was made of. ok is false for a cue point of another origin.
func (c CuePoint) Marker() (m markers.Marker, ok bool) {
	b := text(c.Parameters.Get, paramMarker)
	if b == "" || json.Unmarshal([]byte(b), &m) != nil {
		return markers.Marker{}, false
	}
	return m, true
}
