package verify

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/packager"
)

// The expected statements of each carrier follow. They are made by the packages that write them, so that no field is left out.

// gen is when a frame was produced; ok is false where that is not known.
func (c *checker) gen(n int64) (t time.Time, ok bool) {
	f, ok := c.truth.Frames[n]
	return time.Unix(0, f.GenNS).UTC(), ok && f.GenNS != 0
}

func (c *checker) expectedRecord(_ *analyzer.Record, n int64) fields {
	f, known := c.truth.Frames[n]
	known = known && f.Run != 0 // a line of the ledger that says so little says nothing of events
	event := f.Event
	if !known {
		for i := range c.truth.Markers {
			if m := &c.truth.Markers[i]; n >= m.Frame && n <= m.LastFrame {
				event = m.ID
			}
		}
	}
	list := fieldsOf(annotate.Record{
		Frame: n, Channel: c.channel.Name, Run: f.Run, GenNS: f.GenNS, PTS: c.clock.PTS(n), Event: event,
	})
	for i := range list {
		switch f := &list[i]; f.name {
		case "run":
			f.unknown = !known
		case "gen_ns":
			_, has := c.gen(n)
			f.unknown = !has
		case "event":
			f.unknown = !known && len(c.truth.Frames) > 0
		}
	}
	return list
}

// expectedTiming is the pic_timing of a frame, by package analyzer's names of its syntax elements, in ticks of the unit's SPS.
func (c *checker) expectedTiming(r *analyzer.Record, n int64) fields {
	var u unit
	if r.Unit >= 0 && r.Unit < int64(len(c.in.units)) {
		u = c.in.units[r.Unit]
	}
	t := annotate.Timestamp(c.clock, n, annotate.FieldBased(u.unitsInTick, u.timeScale, c.channel.Rate))
	return fieldsOf(map[string]any{
		"pic_struct":           0, // progressive frames
		"clock_timestamp_flag": t.Present, "ct_type": t.ScanType, "nuit_field_based_flag": t.FieldBased, "counting_type": t.CountingType,
		"full_timestamp_flag": t.Full, "discontinuity_flag": t.Discontinuity, "cnt_dropped_flag": t.CntDropped, "n_frames": t.Frames,
		"seconds_value": t.Seconds, "minutes_value": t.Minutes, "hours_value": t.Hours, "time_offset": 0,
	})
}

// expectedMISB is the precision time stamp of a frame. Nanoseconds may be rounded, and are compared by the clock alone.
func (c *checker) expectedMISB(r *analyzer.Record, n int64) fields {
	gen, known := c.gen(n)
	count := field{name: "us", text: strconv.FormatInt(gen.UnixNano()/1000, 10), unknown: !known}
	if _, nanos := statedFields(r)["ns"]; nanos {
		count = field{name: "ns", unknown: true}
	}
	return append(fieldsOf(map[string]any{"discontinuity": false, "locked": true, "reverse": false, "status": h264.MISBLocked}), count)
}

func (c *checker) expectedFI(_ *analyzer.Record, n int64) fields {
	gen, known := c.gen(n)
	f := flv.NewFI(gen, c.clock.Timecode(n).String())
	return fields{
		{name: "sd", text: f.Date, unknown: !known}, {name: "st", text: f.Clock, unknown: !known},
		{name: "tc", text: f.Timecode}, {name: "tz", text: f.Zone},
	}
}

// unknownOf are the fields of a marker that the truth does not know.
func unknownOf(m *markers.Marker) (list []string) {
	if m.GenTime.IsZero() {
		list = append(list, "marker.gen_time", "marker.gen_seconds", "gen_time")
	}
	if m.Run == 0 { // another generator's, as is the id of the generator
		list = append(list, "marker.run", "marker.generator")
	}
	return list
}

func (c *checker) expectedDateRange(m *markers.Marker) (list fields) {
	p, err := m3u8.Parse(bytes.NewReader(append([]byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n"), packager.DateRangeTag(*m, c.clock)...)))
	if err != nil || p.Media == nil || len(p.Media.DateRanges) != 1 {
		return nil
	}
	for _, a := range p.Media.DateRanges[0].Attributes {
		list = append(list, field{name: a.Name, text: a.Value})
	}
	return list
}

// fiFrames are the frames that an onFI message may be for, with whether it must be there: the first of each second, and of each
// marker. Next to missing frames, and at an end that was cut off, it is not known which messages there were.
func (c *checker) fiFrames() map[int64]bool {
	out := map[int64]bool{}
	second, before := int64(-1), int64(-2)
	held := int(min(reordered, c.channel.Rate.Base()))
	for k, i := range c.anchors {
		n := c.in.pictures[i].Frame
		s := int64(c.clock.Time(n)) / int64(time.Second)
		if s != second || slices.ContainsFunc(c.truth.Markers, func(m markers.Marker) bool { return m.Frame == n }) {
			begins := n == before+1 || c.truth.Bounded && n == c.truth.First
			followed := k+held < len(c.anchors) && c.in.pictures[c.anchors[k+held]].Frame == n+int64(held)
			out[n] = begins && (followed || c.truth.Bounded && c.last >= c.truth.Last) && !c.breaksOff(n)
		}
		second, before = s, n
	}
	return out
}

func (c *checker) expectedMarker(source analyzer.Source, m *markers.Marker) fields {
	switch source {
	case analyzer.DateRange:
		return c.expectedDateRange(m)
	case analyzer.OnCuePoint:
		cue, err := annotate.CuePoint(m)
		if err != nil {
			return nil
		}
		return fieldsOf(analyzer.AMFJSON(cue.Values()[1:]), unknownOf(m)...)
	}
	return fieldsOf(map[string]any{"frames": []any{ // of ID3
		map[string]any{"id": "TXXX", "description": "refstream", "marker": m},
	}}, unknownOf(m)...)
}

// expectedMetadata is the onMetaData of the stream as it is, by the names of FLV (E.5).
func (c *checker) expectedMetadata() fields {
	return fieldsOf(map[string]any{
		"channel": c.channel.Name, "framerate": float64(c.channel.Rate.Num) / float64(c.channel.Rate.Den),
		"hasVideo": true, "width": c.in.info.Width, "height": c.in.info.Height, "videocodecid": 7, // AVC
	})
}

// mostCodecs is the highest number that FLV has for a codec (E.4.3.1: 4 bits).
const mostCodecs = 15

// roughly is by how much a frame rate may differ: 30 is 30.3 where times are in milliseconds.
const roughly = 0.02

// compareMetadata compares the descriptions of a stream of FLV. Others may write more, or leave any of it out.
func (c *checker) compareMetadata(m *comparison) {
	if c.in.info.Codec != "h264" {
		return
	}
	for i := range c.in.metadata {
		got := statedFields(&c.in.metadata[i])
		_, anew := got["duration"] // ffmpeg writes it, and a frame rate that it has estimated
		for _, f := range c.expectedMetadata() {
			text, there := got[f.name]
			if !there || same(f.text, text, 0) {
				continue
			}
			a, errA := strconv.ParseFloat(f.text, 64)
			b, errB := strconv.ParseFloat(text, 64)
			numbers := errA == nil && errB == nil
			switch f.name {
			case "framerate":
				if anew || c.cadence.retimed || numbers && math.Abs(a-b) <= roughly*a {
					continue
				}
			case "videocodecid":
				if !numbers || b > mostCodecs { // others have names, or four letters as a number
					continue
				}
			case "hasVideo":
				if text == "1" {
					continue
				}
			}
			m.addDifference(fieldKey{analyzer.OnMetaData, f.name}, f.text, text, c.place(c.first))
		}
	}
}

// field is one field of a statement, with the value that the truth gives it, as a text.
type field struct {
	name, text string
	// unknown: the truth does not have its value.
	unknown bool
}

type fields []field

// nothing is the text of a field that is not there.
const nothing = "nothing"

// statedFields are the fields of a statement by their names: members of objects in objects are parted by points, elements of
// arrays have their number in brackets. A marker in a text is taken apart too.
func statedFields(r *analyzer.Record) map[string]string {
	out := map[string]string{}
	if v, err := decodeJSON[any](r.Extra); err == nil {
		flatten(out, "", v)
	}
	return out
}

// decodeJSON decodes the first value of a text, with its numbers as they are written.
func decodeJSON[T any](text []byte) (v T, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

func flatten(out map[string]string, name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			inner := k
			if name != "" {
				inner = name + "." + k
			}
			flatten(out, inner, e)
		}
		return
	case []any:
		for i, e := range v {
			flatten(out, name+"["+strconv.Itoa(i)+"]", e)
		}
		return
	}
	for _, beginning := range []string{"timestamps[0].", "frames[0].", "parameters."} { // as in every statement of refstream
		name = strings.TrimPrefix(name, beginning)
	}
	switch v := v.(type) {
	case string:
		if name == "marker" {
			if marker, err := decodeJSON[map[string]any]([]byte(v)); err == nil {
				flatten(out, name, marker)
				return
			}
		}
		out[name] = v
	case json.Number:
		out[name] = v.String()
	case bool:
		out[name] = strconv.FormatBool(v)
	default:
		out[name] = "null"
	}
}

// fieldsOf are the fields of a value as JSON, in the order of their names. unknown are those that the truth does not have.
func fieldsOf(v any, unknown ...string) (list fields) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	for name, text := range statedFields(&analyzer.Record{Extra: b}) {
		list = append(list, field{name, text, slices.Contains(unknown, name)})
	}
	slices.SortFunc(list, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return list
}

// same reports whether two texts are of one value, which can be written in several ways. Instants may differ by the slack.
func same(a, b string, slack time.Duration) bool {
	if a == b {
		return true
	}
	if x, err := media.ParseSeconds(a); err == nil {
		y, err := media.ParseSeconds(b)
		return err == nil && x == y && len(a) < maxNumber && len(b) < maxNumber
	}
	if strings.ContainsAny(a+b, "eE") { // doubles of AMF
		x, err1 := strconv.ParseFloat(a, 64)
		y, err2 := strconv.ParseFloat(b, 64)
		return err1 == nil && err2 == nil && x == y
	}
	x, err1 := time.Parse(time.RFC3339Nano, a)
	y, err2 := time.Parse(time.RFC3339Nano, b)
	return err1 == nil && err2 == nil && x.Sub(y).Abs() <= slack
}

// maxNumber is how long numbers are whose values are compared: of longer ones not all digits count.
const maxNumber = 20
