package flv

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/flv/amf0"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

func unitOf(au media.Unit) labelled { return labelled{Unit: au} }

// order is the frames of a GOP in decoding order, as letters of the usual kind: I0 P3 B1 B2 P6 …
func order(gop, bframes int64) []int64 {
	out := []int64{0}
	for p := int64(0); p < gop-1; {
		next := min(p+bframes+1, gop-1)
		out = append(out, next)
		for b := p + 1; b < next; b++ {
			out = append(out, b)
		}
		p = next
	}
	return out
}

// coded makes units without real pictures, in decoding order.
func coded(t testing.TB, c markers.Clock, first, gops, bframes int64) []labelled {
	t.Helper()
	sps, pps := fromHex(t, testSPS), fromHex(t, testPPS)
	track := h264.Track(nil, [][]byte{sps, pps})
	var units []labelled
	delay := int64(0)
	if bframes > 0 {
		delay = 1
	}
	for g := range gops {
		start := first + g*c.FramesPerSegment
		for i, k := range order(c.FramesPerSegment, bframes) {
			n := start + k
			u := unitOf(media.Unit{
				Track: track, Frame: n, PTS: c.PTS(n), DTS: c.PTS(start + int64(i) - delay), Key: i == 0, NALs: [][]byte{{0x09, 0xF0}, {0x41, byte(n)}},
			})
			if u.Key {
				u.NALs = [][]byte{{0x09, 0xF0}, sps, pps, {0x65, byte(n)}}
			}
			u.Record = markers.FrameRecord{Frame: n, Timecode: c.Timecode(n).String(), GenNS: genOf(c, n).UnixNano()}
			units = append(units, u)
		}
	}
	return units
}

// told is what a script tag tells, with the frame whose video tag follows it, -1 for none.
type told struct {
	what   string // "onFI", or the cue point's name
	ms     uint32
	tc     string
	before int64
}

// tell muxes the units and lists the script tags but onMetaData.
func tell(t *testing.T, m *Muxer, units []labelled) []told {
	t.Helper()
	var out []told
	open := 0
	read := func(tag Tag) {
		values, err := amf0.Parse(tag.Body)
		if err != nil {
			t.Fatal(err)
		}
		if f, ok := ParseFI(values); ok {
			out = append(out, told{"onFI", tag.Time, f.Timecode, -1})
		}
		if c, ok := ParseCuePoint(values); ok {
			var m markers.Marker
			if text, _ := c.Parameters.Get("marker"); json.Unmarshal([]byte(text.(string)), &m) != nil {
				t.Errorf("cue point %+v", c)
			}
			if uint32(c.Seconds*1000+0.5) != tag.Time {
				t.Errorf("the cue point at %d ms says %v s", tag.Time, c.Seconds)
			}
			out = append(out, told{c.Name, tag.Time, m.Timecode, -1})
		}
	}
	for _, u := range units {
		c, err := m.Unit(u.Unit, u.scripts())
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range c.Tags {
			if tag.Type == Script {
				read(tag)
			}
		}
		if last := c.Tags[len(c.Tags)-1]; last.Type != Video || len(c.Tags) > 1 && c.Tags[0].Type == Video && c.Tags[0].Body[1] == 1 {
			t.Errorf("frame %d: the tags end with type %d", u.Frame, last.Type)
		}
		for ; open < len(out); open++ {
			out[open].before = u.Frame
		}
	}
	for _, tag := range m.Flush() {
		read(tag)
	}
	return out
}

func with(units []labelled, frame int64, ms ...markers.Marker) []labelled {
	for i := range units {
		if units[i].Frame == frame {
			units[i].Markers = append(units[i].Markers, ms...)
		}
	}
	return units
}

func without(units []labelled, from, to int64) []labelled {
	var out []labelled
	for _, u := range units {
		if u.Frame < from || u.Frame > to {
			out = append(out, u)
		}
	}
	return out
}

func TestScripts(t *testing.T) {
	c25, c24, ntsc := clockOf(25, 1, 25), clockOf(24, 1, 12), clockOf(30000, 1001, 30)
	var past int64 = 100 * 86400 * 25 // 100 days: the milliseconds have wrapped twice
	for _, tc := range []struct {
		name  string
		clock markers.Clock
		units []labelled
		want  []told
	}{
		{"no B-frames", c25, coded(t, c25, 0, 2, 0), []told{
			{"onFI", 1000, "00:00:00:00", 0}, {"onFI", 2000, "00:00:01:00", 25},
		}},
		// Decoding order 0 3 1 2 6 4 5 …, DTS a frame early: 25 is shown at the DTS of the second unit of its GOP, 28.
		{"B-frames", c25, coded(t, c25, 0, 2, 2), []told{
			{"onFI", 1000, "00:00:00:00", 3}, {"onFI", 2000, "00:00:01:00", 28},
		}},
		// The first frame past each second is 30 (1.001 s), 60 (2.002 s) and so on.
		{"29.97", ntsc, coded(t, ntsc, 0, 3, 2), []told{
			{"onFI", 1000, "00:00:00;00", 3}, {"onFI", 2001, "00:00:01;00", 33}, {"onFI", 3002, "00:00:02;00", 63},
		}},
		{"begins in mid-second", c24, coded(t, c24, 36, 2, 0), []told{
			{"onFI", 2500, "00:00:01:12", 36}, {"onFI", 3000, "00:00:02:00", 48},
		}},
		{"wrapped", c25, coded(t, c25, past, 1, 0), []told{
			{"onFI", uint32((past/25 + 1) * 1000 % (1 << 32)), c25.Timecode(past).String(), past},
		}},
		{"ends before its time", c25, coded(t, c25, 0, 1, 3)[:1], []told{{"onFI", 1000, "00:00:00:00", -1}}},
		{"a second's first frames are missing", c25, without(coded(t, c25, 0, 3, 2), 20, 27), []told{
			{"onFI", 1000, "00:00:00:00", 3}, {"onFI", 2120, "00:00:01:03", 31}, {"onFI", 3000, "00:00:02:00", 53},
		}},
		{"whole seconds are missing", c25, without(coded(t, c25, 0, 4, 0), 20, 77), []told{
			{"onFI", 1000, "00:00:00:00", 0}, {"onFI", 4120, "00:00:03:03", 78},
		}},
		{"marker on its frame", c25, with(coded(t, c25, 0, 1, 0), 7, markerAt(c25, 7)), []told{
			{"onFI", 1000, "00:00:00:00", 0}, {"onFI", 1280, "00:00:00:07", 7}, {"test-e7", 1280, "00:00:00:07", 7},
		}},
		// Decoding order, with the frame whose PTS the DTS is: … 9:6 7:7 8:8 12:9 …
		{"marker on a B-frame", c25, with(coded(t, c25, 0, 1, 2), 7, markerAt(c25, 7)), []told{
			{"onFI", 1000, "00:00:00:00", 3}, {"onFI", 1280, "00:00:00:07", 7}, {"test-e7", 1280, "00:00:00:07", 7},
		}},
		{"marker on a P-frame", c25, with(coded(t, c25, 0, 1, 2), 9, markerAt(c25, 9)), []told{
			{"onFI", 1000, "00:00:00:00", 3}, {"onFI", 1360, "00:00:00:09", 12}, {"test-e9", 1360, "00:00:00:09", 12},
		}},
		{"marker at a second", c25, with(coded(t, c25, 0, 2, 2), 25, markerAt(c25, 25)), []told{
			{"onFI", 1000, "00:00:00:00", 3}, {"onFI", 2000, "00:00:01:00", 28}, {"test-e25", 2000, "00:00:01:00", 28},
		}},
		{"marker known early", c25, with(coded(t, c25, 0, 2, 0), 20, markerAt(c25, 27)), []told{
			{"onFI", 1000, "00:00:00:00", 0}, {"onFI", 2000, "00:00:01:00", 25}, {"onFI", 2080, "00:00:01:02", 27}, {"test-e27", 2080, "00:00:01:02", 27},
		}},
		{"marker known late", c25, with(coded(t, c25, 0, 2, 0), 27, markerAt(c25, 23)), []told{
			{"onFI", 1000, "00:00:00:00", 0}, {"onFI", 2000, "00:00:01:00", 25}, {"onFI", 1920, "00:00:00:23", 27}, {"test-e23", 1920, "00:00:00:23", 27},
		}},
		{"marker known late at a second", c25, with(coded(t, c25, 0, 2, 0), 27, markerAt(c25, 25)), []told{
			{"onFI", 1000, "00:00:00:00", 0}, {"onFI", 2000, "00:00:01:00", 25}, {"test-e25", 2000, "00:00:01:00", 27},
		}},
		{"two markers, one after the end", c25, with(coded(t, c25, 0, 1, 0), 5, markerAt(c25, 40), markerAt(c25, 6)), []told{
			{"onFI", 1000, "00:00:00:00", 0}, {"onFI", 1240, "00:00:00:06", 6}, {"test-e6", 1240, "00:00:00:06", 6},
			{"onFI", 2600, "00:00:01:15", -1}, {"test-e40", 2600, "00:00:01:15", -1},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tell(t, NewMuxer(Options{Rate: tc.clock.Rate}), tc.units)
			if !reflect.DeepEqual(got, tc.want) {
				t.Errorf("told\n%+v, want\n%+v", got, tc.want)
			}
		})
	}
}

// TestScriptsOfALongStream: a day of markers leaves nothing behind, and the order of time holds.
func TestScriptsOfALongStream(t *testing.T) {
	c := clockOf(25, 1, 25)
	m := NewMuxer(Options{Rate: c.Rate})
	units := coded(t, c, 0, 300, 2)
	for n := int64(10); n < 300*25; n += 13 {
		units = with(units, n, markerAt(c, n))
	}
	last, fis := uint32(0), map[uint32]int{}
	for _, s := range tell(t, m, units) {
		if s.ms < last {
			t.Fatalf("%+v comes after %d ms", s, last)
		}
		last = s.ms
		if s.what == "onFI" {
			fis[s.ms]++
		}
	}
	for ms, n := range fis {
		if n != 1 {
			t.Errorf("%d onFI at %d ms", n, ms)
		}
	}
	if len(m.scripts.held) != 0 || len(m.scripts.said) > remembered {
		t.Errorf("%d scripts are held, %d frames remembered", len(m.scripts.held), len(m.scripts.said))
	}
}

// TestSample: which NAL units go where.
func TestSample(t *testing.T) {
	sps, pps := fromHex(t, testSPS), fromHex(t, testPPS)
	aud, sei, idr, filler, end := []byte{0x09, 0xF0}, []byte{0x06, 5, 0, 0x80}, []byte{0x65, 1}, []byte{0x0C, 0xFF, 0x80}, []byte{0x0A}
	m := NewMuxer(Options{Rate: media.FrameRate{Num: 25, Den: 1}})
	c, err := m.Unit(media.Unit{
		Track: h264.Track(nil, [][]byte{sps, pps}), PTS: 1 << 31 * 90, DTS: 1<<31*90 - 3600, Key: true, NALs: [][]byte{aud, sps, pps, sei, idr, filler, end},
	}, Scripts{})
	if err != nil {
		t.Fatal(err)
	}
	want := []Tag{
		{Type: Script, Body: c.Head[0].Body},
		{Video, 1<<31 - 40, fromHex(t, "17 00 000000 01 64000c ff e1 001a"+testSPS+"01 0006"+testPPS+"fd f8 f8 00")},
		{Video, 1<<31 - 40, fromHex(t, "17 01 000028 00000004 06050080 00000002 6501 00000003 0cff80 00000001 0a")},
	}
	got := append(append([]Tag(nil), c.Head...), c.Tags...)
	sameTags(t, got, want)
	size := 0
	for _, tag := range got {
		size += len(AppendTag(nil, tag))
	}
	if c.Size() != size {
		t.Errorf("size %d, want %d", c.Size(), size)
	}
}

func TestMetaData(t *testing.T) {
	for _, tc := range []struct {
		o    Options
		want amf0.Array
	}{
		{
			Options{Rate: media.FrameRate{Num: 30000, Den: 1001}, Encoder: "libx264", Version: "refstream 1.2", Channel: "main"},
			properties("width", 320.0, "height", 180.0, "framerate", 30000.0/1001, "videocodecid", 7.0,
				"hasVideo", true, "hasAudio", false, "encoder", "refstream 1.2 libx264", "channel", "main"),
		},
		{
			Options{Rate: media.FrameRate{Num: 25, Den: 1}},
			properties("width", 320.0, "height", 180.0, "framerate", 25.0, "videocodecid", 7.0, "hasVideo", true, "hasAudio", false),
		},
	} {
		c, err := NewMuxer(tc.o).Unit(coded(t, clockOf(25, 1, 1), 50, 1, 0)[0].Unit, Scripts{})
		if err != nil {
			t.Fatal(err)
		}
		name, args, err := ParseScript(c.Head[0].Body)
		if err != nil || name != "onMetaData" || !reflect.DeepEqual(args, []any{tc.want}) || c.Head[0].Time != 0 {
			t.Errorf("%s at %d: %v, %v, want %v", name, c.Head[0].Time, args, err, tc.want)
		}
	}
}

// TestChangedParameterSets: a reader in mid-stream gets the new ones before the picture that needs them, once.
func TestChangedParameterSets(t *testing.T) {
	sps, pps := fromHex(t, testSPS), fromHex(t, testPPS)
	level := bytes.Clone(sps)
	level[3] = 30
	pps2 := append(bytes.Clone(pps), 1)
	small := realSPS(t, "160x90")
	idr, slice := []byte{0x65, 1}, []byte{0x41, 1}
	m := NewMuxer(Options{Rate: media.FrameRate{Num: 25, Den: 1}})
	var track *media.Track
	for i, step := range []struct {
		name string
		key  bool
		nals [][]byte
		kind string // M onMetaData, H sequence header, V NAL units
		sps  []byte
		pps  [][]byte
	}{
		{"first", true, [][]byte{sps, pps, idr}, "V", sps, [][]byte{pps}},
		{"the same", true, [][]byte{sps, pps, idr}, "V", sps, [][]byte{pps}},
		{"twice the same", true, [][]byte{sps, pps, sps, pps, idr}, "V", sps, [][]byte{pps}},
		{"none", true, [][]byte{idr}, "V", sps, [][]byte{pps}},
		{"SPS", true, [][]byte{level, pps, idr}, "HV", level, [][]byte{pps}},
		{"with a slice", false, [][]byte{level, pps2, slice}, "HV", level, [][]byte{pps2}},
		{"none with a slice", false, [][]byte{slice}, "V", level, [][]byte{pps2}},
		{"one more PPS", true, [][]byte{sps, pps, pps2, idr}, "HV", sps, [][]byte{pps, pps2}},
		{"one less", true, [][]byte{sps, pps, idr}, "HV", sps, [][]byte{pps}},
		{"size", true, [][]byte{small, pps, idr}, "MHV", small, [][]byte{pps}},
		{"size as before", true, [][]byte{sps, pps, idr}, "MHV", sps, [][]byte{pps}},
	} {
		track = h264.Track(track, step.nals)
		u := unitOf(media.Unit{Track: track, Frame: int64(i), PTS: int64(i) * 3600, DTS: int64(i) * 3600, Key: step.key, NALs: step.nals})
		c, err := m.Unit(u.Unit, u.scripts())
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		kinds := ""
		for _, tag := range c.Tags {
			switch {
			case tag.Type == Script && ScriptName(tag.Body) == "onFI":
			case tag.Type == Script:
				kinds += "M"
			default:
				kinds += string("HV"[tag.Body[1]])
			}
		}
		if kinds != step.kind {
			t.Errorf("%s: tags %s, want %s", step.name, kinds, step.kind)
		}
		for _, tag := range append(c.Head, c.Tags...) {
			if tag.Type != Video || tag.Body[1] != 0 {
				continue
			}
			v, _ := ParseVideo(tag.Body)
			config, err := h264.ParseAVCConfig(v.Data)
			if err != nil || !reflect.DeepEqual(config.SPS, [][]byte{step.sps}) || !reflect.DeepEqual(config.PPS, step.pps) || tag.Time != uint32(i*40) {
				t.Errorf("%s: at %d ms %+v, %v", step.name, tag.Time, config, err)
			}
		}
		if step.key != (len(c.Head) == 2) {
			t.Errorf("%s: %d tags in the head", step.name, len(c.Head))
		}
	}
}

// realSPS is x264's SPS for a size.
func realSPS(t *testing.T, size string) []byte {
	t.Helper()
	for _, nal := range encode(t, clockOf(25, 1, 25), 0, 1, 0, size)[0].NALs {
		if h264.TypeOf(nal) == h264.NALSPS {
			return nal
		}
	}
	t.Fatal("no SPS")
	return nil
}

func TestUnitErrors(t *testing.T) {
	sps, pps, idr := fromHex(t, testSPS), fromHex(t, testPPS), []byte{0x65, 1}
	good := [][]byte{sps, pps, idr}
	rate := media.FrameRate{Num: 25, Den: 1}
	for name, c := range map[string]struct {
		o    Options
		au   media.Unit
		want string
	}{
		"rate":         {Options{}, media.Unit{NALs: good}, "no frame rate"},
		"nothing":      {Options{Rate: rate}, media.Unit{}, "no NAL units of a picture"},
		"no picture":   {Options{Rate: rate}, media.Unit{NALs: good[:2]}, "no NAL units of a picture"},
		"empty":        {Options{Rate: rate}, media.Unit{NALs: append(good[:3:3], nil)}, "NAL unit 3 is empty"},
		"order":        {Options{Rate: rate}, media.Unit{PTS: 1, DTS: 2, NALs: good}, "PTS 1 does not follow DTS 2"},
		"composition":  {Options{Rate: rate}, media.Unit{PTS: 90 << 23, NALs: good}, "does not follow"},
		"no sets":      {Options{Rate: rate}, media.Unit{NALs: good[2:]}, "0 SPS and 0 PPS"},
		"no PPS":       {Options{Rate: rate}, media.Unit{NALs: [][]byte{sps, idr}}, "1 SPS and 0 PPS"},
		"broken SPS":   {Options{Rate: rate}, media.Unit{NALs: [][]byte{sps[:7], pps, idr}}, "read SPS"},
		"long PPS":     {Options{Rate: rate}, media.Unit{NALs: [][]byte{sps, append(pps[:6:6], make([]byte, 1<<16)...), idr}}, "PPS: one has"},
		"long picture": {Options{Rate: rate}, media.Unit{NALs: append(good[:2:2], append(idr[:2:2], make([]byte, 1<<24)...))}, "don't fit"},
	} {
		c.au.Frame, c.au.Key, c.au.Track = 77, true, h264.Track(nil, c.au.NALs)
		m := NewMuxer(c.o)
		if chunk, err := m.Unit(c.au, Scripts{}); err == nil || !strings.HasPrefix(err.Error(), "write FLV: frame 77: ") ||
			!strings.Contains(err.Error(), c.want) || chunk.Size() != 0 {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		// The unit is left out, and the next one is as if it had not been.
		if m.o.Rate == rate {
			if chunk, err := m.Unit(media.Unit{Track: h264.Track(nil, good), Key: true, NALs: good}, Scripts{}); err != nil || fmt.Sprint(len(chunk.Head), len(chunk.Tags)) != "2 2" {
				t.Errorf("%s: then %d and %d tags, %v", name, len(chunk.Head), len(chunk.Tags), err)
			}
		}
	}
}
