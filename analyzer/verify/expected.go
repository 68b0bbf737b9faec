package verify

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/flv/amf0"
	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/packager"
)

// What follows is what the truth has each carrier say. The statements are made by the packages that write them, so that
// no field is left out.

// gen is when a frame was produced; ok is false where that is not known.
func (c *checker) gen(n int64) (t time.Time, ok bool) {
	f, ok := c.truth.Frames[n]
	return time.Unix(0, f.GenNS).UTC(), ok && f.GenNS != 0
}

// expectedRecord is the frame record of a frame.
func (c *checker) expectedRecord(n int64) fields {
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

// expectedTiming is the pic_timing of a frame, by the names that package analyzer gives its syntax elements. The ticks are
// those of the SPS.
func (c *checker) expectedTiming(n int64, unitsInTick, timeScale uint32) fields {
	t := annotate.Timestamp(c.clock, n, annotate.FieldBased(unitsInTick, timeScale, c.channel.Rate))
	number := func(v uint8) string { return strconv.Itoa(int(v)) }
	return fields{
		{name: "clock_timestamp_flag", text: strconv.FormatBool(t.Present)},
		{name: "cnt_dropped_flag", text: strconv.FormatBool(t.CntDropped)},
		{name: "counting_type", text: number(t.CountingType)},
		{name: "ct_type", text: number(t.ScanType)},
		{name: "discontinuity_flag", text: strconv.FormatBool(t.Discontinuity)},
		{name: "full_timestamp_flag", text: strconv.FormatBool(t.Full)},
		{name: "hours_value", text: number(t.Hours)},
		{name: "minutes_value", text: number(t.Minutes)},
		{name: "n_frames", text: strconv.Itoa(int(t.Frames))},
		{name: "nuit_field_based_flag", text: strconv.FormatBool(t.FieldBased)},
		{name: "pic_struct", text: "0"}, // progressive frames
		{name: "seconds_value", text: number(t.Seconds)},
		{name: "time_offset", text: "0"},
	}
}

// expectedMISB is the precision time stamp of a frame.
func (c *checker) expectedMISB(n int64) fields {
	gen, known := c.gen(n)
	return fields{
		{name: "discontinuity", text: "false"}, {name: "locked", text: "true"}, {name: "reverse", text: "false"},
		{name: "status", text: strconv.Itoa(h264.MISBLocked)},
		{name: "us", text: strconv.FormatInt(gen.UnixNano()/1000, 10), unknown: !known},
	}
}

// misbFields are those of a precision time stamp as it is written: whoever writes nanoseconds may have rounded them.
func (c *checker) misbFields(r *analyzer.Record, n int64) fields {
	list := c.expectedMISB(n)
	if _, nanos := statedFields(r)["ns"]; nanos {
		list[len(list)-1] = field{name: "ns", unknown: true} // the clock has a tolerance
	}
	return list
}

// expectedFI is the onFI message of a frame.
func (c *checker) expectedFI(n int64) fields {
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

// expectedID3 is the timed ID3 of a marker.
func expectedID3(m *markers.Marker) fields {
	return fieldsOf(map[string]any{"frames": []any{
		map[string]any{"id": "TXXX", "description": "refstream", "marker": m},
	}}, unknownOf(m)...)
}

// expectedCuePoint is the cue point of a marker.
func expectedCuePoint(m *markers.Marker) fields {
	cue, err := flv.NewCuePoint(m, millis(m.PTS))
	if err != nil {
		return nil
	}
	values, _ := cue.Values()[1].(amf0.Object)
	return fieldsOf(members(values), unknownOf(m)...)
}

// members is an object of AMF as one of JSON.
func members(o amf0.Object) map[string]any {
	out := map[string]any{}
	for _, p := range o {
		switch v := p.Value.(type) {
		case amf0.Object:
			out[p.Name] = members(v)
		default:
			out[p.Name] = v
		}
	}
	return out
}

// millis is the millisecond nearest to a position in ticks, the later one of two, in the 32 bits of FLV.
func millis(ticks int64) uint32 {
	const perMilli = 90
	return uint32((ticks + perMilli/2) / perMilli)
}

// expectedDateRange is the date range of a marker.
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

// fiFrames are the frames that an onFI message may be for, with whether it must be there: the first of each second that is
// in the stream, and the first of each marker. Next to frames that are not in the stream, and at an end that was cut off,
// it is not known which messages there were.
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

// expectedMarker is the fields that a carrier's announcement of a marker has.
func (c *checker) expectedMarker(source analyzer.Source, m *markers.Marker) fields {
	switch source {
	case analyzer.DateRange:
		return c.expectedDateRange(m)
	case analyzer.OnCuePoint:
		return expectedCuePoint(m)
	}
	return expectedID3(m)
}

// expectedMetadata is what onMetaData says of the stream as it is, by the names of FLV (E.5). Who writes it anew may say more, or
// leave any of it out.
func (c *checker) expectedMetadata() fields {
	return fields{
		{name: "channel", text: c.channel.Name},
		{name: "framerate", text: strconv.FormatFloat(float64(c.channel.Rate.Num)/float64(c.channel.Rate.Den), 'g', -1, 64)},
		{name: "hasVideo", text: "true"},
		{name: "height", text: strconv.Itoa(c.in.info.Height)},
		{name: "videocodecid", text: "7"}, // AVC
		{name: "width", text: strconv.Itoa(c.in.info.Width)},
	}
}

// mostCodecs is the highest number that FLV has for a codec (E.4.3.1: 4 bits).
const mostCodecs = 15

// roughly is by how much a frame rate may differ: who counts in milliseconds says 30.3 of 30.
const roughly = 0.02

// compareMetadata compares the descriptions of a stream of FLV.
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
