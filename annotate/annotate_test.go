package annotate

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// spsOptions says what an SPS made by makeSPS has.
type spsOptions struct {
	id                  uint32
	hrd, picStruct      bool
	numUnits, timeScale uint32
}

// makeSPS makes the SPS of a 16x16 picture in Baseline profile.
func makeSPS(o spsOptions) []byte {
	w := h264.NewBitWriter([]byte{0x67, 66, 0, 10})
	w.UE(o.id)
	for _, v := range []uint32{0, 2, 1} { // frame_num, picture order count type 2, one reference frame
		w.UE(v)
	}
	w.Flag(false)
	w.UE(0)
	w.UE(0)
	w.U(4, 0b1101) // frames only, direct_8x8_inference, no cropping, VUI
	w.U(4, 0)      // no aspect ratio, overscan, signal type, chroma location
	w.Flag(o.timeScale > 0)
	if o.timeScale > 0 {
		w.U(32, o.numUnits)
		w.U(32, o.timeScale)
		w.Flag(true)
	}
	w.Flag(o.hrd)
	if o.hrd {
		w.UE(0)
		w.U(8, 0)
		w.UE(9)
		w.UE(9)
		w.Flag(false)
		for _, v := range []uint32{7, 7, 7, 0} { // delays of 8 bits, no time_offset
			w.U(5, v)
		}
	}
	w.Flag(false)
	if o.hrd {
		w.Flag(false)
	}
	w.Flag(o.picStruct)
	w.Flag(false)
	w.AlignPayload()
	return append([]byte{0x67}, h264.Escape(w.Bytes()[1:])...)
}

func sei(messages ...h264.SEIMessage) []byte { return h264.AppendSEI(nil, messages) }

func timing(delays ...byte) h264.SEIMessage {
	return h264.SEIMessage{Type: h264.SEIPicTiming, Payload: append(delays, 0b0000_0_100)}
}

func userData(uuid, data string) h264.SEIMessage {
	return h264.SEIMessage{Type: h264.SEIUserDataUnregistered, Payload: []byte(uuid + data)}
}

// NAL units whose content nobody here reads.
func aud() []byte   { return []byte{9, 0xF0} }
func pps() []byte   { return []byte{0x68, 0xCE} }
func idr() []byte   { return []byte{0x65, 0x88} }
func slice() []byte { return []byte{0x41, 0x9A} }

func unit(clock markers.Clock, n int64, nals ...[]byte) media.Unit {
	return media.Unit{Frame: n, PTS: clock.PTS(n), DTS: clock.PTS(n), NALs: nals}
}

func kinds(nals [][]byte) (types []h264.NALType) {
	for _, nal := range nals {
		types = append(types, h264.TypeOf(nal))
	}
	return types
}

func TestAnnotatePlacesAndFilters(t *testing.T) {
	sps := makeSPS(spsOptions{picStruct: true})
	recovery := h264.SEIMessage{Type: h264.SEIRecoveryPoint, Payload: []byte{0xC4}}
	period := h264.SEIMessage{Type: h264.SEIBufferingPeriod, Payload: []byte{0x80}}
	banner := userData(h264.UUIDX264, "x264 - core 164")
	foreign := userData("0123456789abcdef", "data")
	prefix := []byte{0x6E, 0x40, 0x00, 0x07}
	for _, c := range []struct {
		name string
		in   [][]byte
		want []string // types of the NAL units; "new" is ours
		kept []h264.SEIMessage
	}{
		{"bare", [][]byte{sps, idr()}, []string{"7", "new", "5"}, nil},
		{"delimiter and parameter sets", [][]byte{aud(), sps, pps(), idr(), idr()}, []string{"9", "7", "8", "new", "5", "5"}, nil},
		{
			"every message in one", [][]byte{aud(), sps, pps(), sei(period, timing(), banner, foreign, recovery), idr()},
			[]string{"9", "7", "8", "6", "new", "5"},
			[]h264.SEIMessage{period, foreign, recovery},
		},
		{
			"every message alone", [][]byte{aud(), sps, pps(), sei(banner), sei(period), sei(timing()), sei(recovery), idr()},
			[]string{"9", "7", "8", "6", "6", "new", "5"},
			[]h264.SEIMessage{period, recovery},
		},
		{"two pic_timing", [][]byte{sps, sei(timing(), timing()), sei(timing()), idr()}, []string{"7", "new", "5"}, nil},
		{"short user data", [][]byte{sps, sei(userData("short", "")), idr()}, []string{"7", "6", "new", "5"},
			[]h264.SEIMessage{userData("short", "")}},
		{
			"our own from before", [][]byte{sps, sei(userData(h264.UUIDMISBTime, "\x1f\x00"), userData(RecordUUID, "{}")), idr()},
			[]string{"7", "new", "5"}, nil,
		},
		{"before a prefix NAL unit", [][]byte{sps, prefix, idr()}, []string{"7", "new", "14", "5"}, nil},
		{"SEI out of place", [][]byte{sps, idr(), sei(timing(), recovery)}, []string{"7", "new", "5", "6"}, []h264.SEIMessage{recovery}},
	} {
		clock := clockOf(25, 1, false)
		a := New("c", clock)
		out, err := a.Annotate(unit(clock, 50, c.in...), recordOf(clock, 50))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		var kept []h264.SEIMessage
		for _, nal := range out.NALs {
			messages, _ := h264.ParseSEI(nal)
			if len(messages) == 3 && messages[0].Type == h264.SEIPicTiming {
				got = append(got, "new")
				continue
			}
			got = append(got, numberOf(nal))
			kept = append(kept, messages...)
		}
		if !slices.Equal(got, c.want) || !slices.EqualFunc(kept, c.kept, func(x, y h264.SEIMessage) bool {
			return x.Type == y.Type && bytes.Equal(x.Payload, y.Payload)
		}) {
			t.Errorf("%s: %v with %v, want %v with %v", c.name, got, kept, c.want, c.kept)
		}
		if r, ok, err := FindRecord(out.NALs); !ok || err != nil || r.Frame != 50 || r.Channel != "c" || r.Event != "test-e10" {
			t.Errorf("%s: record %+v, %v, %v", c.name, r, ok, err)
		}
	}
}

func numberOf(nal []byte) string { return string(num(int64(h264.TypeOf(nal)))) }

// timingOf is the pic_timing of an annotated access unit, read under an SPS.
func timingOf(t *testing.T, nals [][]byte, sps []byte) (p h264.PicTiming, ok bool) {
	t.Helper()
	s, err := h264.ParseSPS(sps)
	if err != nil {
		t.Fatal(err)
	}
	for _, nal := range nals {
		messages, _ := h264.ParseSEI(nal)
		for _, m := range messages {
			if m.Type == h264.SEIPicTiming {
				if p, err = h264.ParsePicTiming(m.Payload, s); err != nil {
					t.Fatal(err)
				}
				return p, true
			}
		}
	}
	return p, false
}

func TestAnnotatePicTiming(t *testing.T) {
	plain, hrd := spsOptions{picStruct: true}, spsOptions{picStruct: true, hrd: true}
	for _, c := range []struct {
		name  string
		sps   spsOptions
		clock markers.Clock
		n     int64
		old   []byte // a SEI NAL unit
		want  h264.PicTiming
	}{
		{"non-drop", plain, clockOf(25, 1, false), 90061, nil, h264.PicTiming{Timestamps: stamp(h264.ClockTimestamp{
			FieldBased: true, Hours: 1, Minutes: 0, Seconds: 2, Frames: 11,
		})}},
		{"drop-frame after a skip", plain, clockOf(30000, 1001, true), 1800, nil, h264.PicTiming{Timestamps: stamp(h264.ClockTimestamp{
			FieldBased: true, CountingType: 4, CntDropped: true, Minutes: 1, Frames: 2,
		})}},
		{"four numbers skipped", plain, clockOf(60000, 1001, true), 3600, nil, h264.PicTiming{Timestamps: stamp(h264.ClockTimestamp{
			FieldBased: true, CountingType: 6, CntDropped: true, Minutes: 1, Frames: 4,
		})}},
		{"the last frame of a day", plain, clockOf(60, 1, false), 24*3600*60 - 1, nil, h264.PicTiming{Timestamps: stamp(h264.ClockTimestamp{
			FieldBased: true, Hours: 23, Minutes: 59, Seconds: 59, Frames: 59,
		})}},
		{"the first of the next", plain, clockOf(60, 1, false), 24 * 3600 * 60, nil, h264.PicTiming{Timestamps: stamp(h264.ClockTimestamp{
			FieldBased: true, Discontinuity: true,
		})}},
		{"delays are passed on", hrd, clockOf(25, 1, false), 1, sei(timing(7, 200)), h264.PicTiming{
			CPBRemovalDelay: 7, DPBOutputDelay: 200,
			Timestamps: stamp(h264.ClockTimestamp{FieldBased: true, Frames: 1}),
		}},
		{"so is pic_struct", plain, clockOf(25, 1, false), 1, sei(h264.SEIMessage{Type: 1, Payload: []byte{0b0011_0_0_10}}), h264.PicTiming{
			PicStruct: 3, Timestamps: stamp(h264.ClockTimestamp{FieldBased: true, Frames: 1}),
		}},
		{
			"ticks of half a frame", spsOptions{picStruct: true, numUnits: 1001, timeScale: 60000}, clockOf(30000, 1001, false), 1, nil,
			h264.PicTiming{Timestamps: stamp(h264.ClockTimestamp{FieldBased: true, Frames: 1})},
		},
		{
			"ticks of a frame", spsOptions{picStruct: true, numUnits: 1001, timeScale: 30000}, clockOf(30000, 1001, false), 1, nil,
			h264.PicTiming{Timestamps: stamp(h264.ClockTimestamp{Frames: 1})},
		},
	} {
		a, sps := New("c", c.clock), makeSPS(c.sps)
		nals := [][]byte{sps, idr()}
		if c.old != nil {
			nals = [][]byte{sps, c.old, idr()}
		}
		out, err := a.Annotate(unit(c.clock, c.n, nals...), recordOf(c.clock, c.n))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got, ok := timingOf(t, out.NALs, sps); !ok || got != c.want || !a.PicTiming() {
			t.Errorf("%s: got %+v, %v, want %+v", c.name, got, ok, c.want)
		}
	}
}

func stamp(c h264.ClockTimestamp) [3]h264.ClockTimestamp {
	c.Present, c.Full, c.HasSeconds, c.HasMinutes, c.HasHours = true, true, true, true, true
	return [3]h264.ClockTimestamp{c}
}

// TestPicTimingReports follows one Annotator through access units that have room for a timecode and others.
func TestPicTimingReports(t *testing.T) {
	clock := clockOf(25, 1, false)
	a := New("c", clock)
	if a.PicTiming() {
		t.Error("true before any access unit")
	}
	plain, hrd := makeSPS(spsOptions{picStruct: true}), makeSPS(spsOptions{picStruct: true, hrd: true})
	delaysOnly := h264.SEIMessage{Type: h264.SEIPicTiming, Payload: []byte{7, 200}}
	for i, c := range []struct {
		name string
		nals [][]byte
		want bool
		seis int // NAL units of SEI in the result
	}{
		{"no SPS yet", [][]byte{sei(timing()), slice()}, false, 1},
		{"SPS", [][]byte{plain, sei(timing()), idr()}, true, 1},
		{"remembered", [][]byte{sei(timing()), slice()}, true, 1},
		{"the same again", [][]byte{plain, idr()}, true, 1},
		{"another, with HRD", [][]byte{hrd, sei(timing(1, 2)), idr()}, true, 1},
		{"HRD without delays", [][]byte{slice()}, false, 1},
		{"HRD with delays", [][]byte{sei(timing(1, 2)), slice()}, true, 1},
		{"no pic_struct", [][]byte{makeSPS(spsOptions{}), sei(timing()), idr()}, false, 1},
		{"no pic_struct, HRD", [][]byte{makeSPS(spsOptions{hrd: true}), sei(delaysOnly), idr()}, false, 2},
	} {
		n := int64(i)
		out, err := a.Annotate(unit(clock, n, c.nals...), recordOf(clock, n))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		seis := 0
		for _, k := range kinds(out.NALs) {
			if k == h264.NALSEI {
				seis++
			}
		}
		if a.PicTiming() != c.want || seis != c.seis {
			t.Errorf("%s: PicTiming is %v with %d SEI, want %v with %d", c.name, a.PicTiming(), seis, c.want, c.seis)
		}
	}
}

func TestAnnotateErrors(t *testing.T) {
	good, sps := clockOf(25, 1, false), makeSPS(spsOptions{picStruct: true})
	otherFrame, otherPTS, early := recordOf(good, 51), recordOf(good, 50), recordOf(good, 50)
	otherPTS.PTS++
	early.GenNS = -1
	for _, c := range []struct {
		name    string
		clock   markers.Clock
		nals    [][]byte
		rec     markers.FrameRecord
		message string
	}{
		{"another frame's record", good, [][]byte{sps, idr()}, otherFrame, "record of frame 51"},
		{"another PTS", good, [][]byte{sps, idr()}, otherPTS, "record of frame 50"},
		{"before 1970", good, [][]byte{sps, idr()}, early, "before 1970"},
		{"no rate", markers.Clock{}, [][]byte{sps, idr()}, markers.FrameRecord{Frame: 50}, "0/0 frames a second"},
		{"too fast", markers.Clock{Rate: media.FrameRate{Num: 300, Den: 1}}, [][]byte{sps, idr()}, markers.FrameRecord{Frame: 50}, "300/1"},
		{"drop-frame at 25", clockOf(25, 1, true), [][]byte{sps, idr()}, recordOf(good, 50), "drop-frame"},
		{"no NAL units", good, nil, recordOf(good, 50), "no slice"},
		{"no slice", good, [][]byte{aud(), sps, pps()}, recordOf(good, 50), "no slice"},
		{"SEI", good, [][]byte{sps, {6, 5, 99, 1, 0x80}, idr()}, recordOf(good, 50), "read SEI: byte 1"},
		{"SPS", good, [][]byte{sps[:6], idr()}, recordOf(good, 50), "read SPS: bit"},
		{"two SPS", good, [][]byte{sps, makeSPS(spsOptions{id: 1}), idr()}, recordOf(good, 50), "second SPS"},
		{"pic_timing", good, [][]byte{sps, sei(h264.SEIMessage{Type: 1, Payload: []byte{0xF0}}), idr()}, recordOf(good, 50), "pic_struct is 15"},
	} {
		au := media.Unit{Frame: 50, NALs: c.nals}
		if c.clock.Rate.Num > 0 && c.clock.Rate.Den > 0 && c.clock.Rate.Num < 300 {
			au.PTS = c.clock.PTS(50)
		}
		out, err := New("c", c.clock).Annotate(au, c.rec)
		if err == nil || !strings.Contains(err.Error(), c.message) || !strings.HasPrefix(err.Error(), "annotate frame 50: ") {
			t.Errorf("%s: %v", c.name, err)
		}
		if out.NALs != nil {
			t.Errorf("%s: an access unit came with the error", c.name)
		}
	}
}

func TestAnnotatedUnitsStayAsTheyAre(t *testing.T) {
	clock := clockOf(50, 1, false)
	a := New("c", clock)
	var units []media.Unit
	var copies [][]byte
	for n := range int64(20) {
		out, err := a.Annotate(unit(clock, n, makeSPS(spsOptions{picStruct: true}), sei(timing()), idr()), recordOf(clock, n))
		if err != nil {
			t.Fatal(err)
		}
		units, copies = append(units, out), append(copies, join([]media.Unit{out}))
	}
	for i, u := range units {
		if !bytes.Equal(join([]media.Unit{u}), copies[i]) {
			t.Errorf("frame %d was changed by a later one", i)
		}
	}
}

func FuzzAnnotate(f *testing.F) {
	f.Add(h264.AppendAnnexB(nil, [][]byte{aud(), makeSPS(spsOptions{picStruct: true, hrd: true}), pps(), sei(timing(1, 2)), idr()}))
	f.Add(h264.AppendAnnexB(nil, [][]byte{makeSPS(spsOptions{picStruct: true}), {6, 5, 99, 1, 0x80}, slice()}))
	f.Fuzz(func(t *testing.T, stream []byte) {
		clock := clockOf(60000, 1001, true)
		a := New("c", clock)
		in := bytes.Clone(stream)
		out, err := a.Annotate(unit(clock, 3600, h264.SplitAnnexB(in)...), recordOf(clock, 3600))
		if !bytes.Equal(in, stream) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			return
		}
		if r, ok, err := FindRecord(out.NALs); !ok || err != nil || r.Frame != 3600 {
			t.Fatalf("%x: record %+v, %v, %v", stream, r, ok, err)
		}
		again, err := a.Annotate(unit(clock, 3600, out.NALs...), recordOf(clock, 3600))
		if err != nil || !slices.EqualFunc(again.NALs, out.NALs, bytes.Equal) {
			t.Fatalf("%x: %x became %x, %v", stream, out.NALs, again.NALs, err)
		}
	})
}

func BenchmarkAnnotate(b *testing.B) {
	clock := clockOf(30000, 1001, true)
	body := bytes.Repeat([]byte{0x41, 0x9A, 0x12}, 10000)
	for _, c := range []struct {
		name string
		nals [][]byte
	}{
		{"key", [][]byte{aud(), makeSPS(spsOptions{picStruct: true}), pps(), sei(userData(h264.UUIDX264, strings.Repeat("x", 600))), sei(timing()), body}},
		{"other", [][]byte{aud(), sei(timing()), body}},
	} {
		b.Run(c.name, func(b *testing.B) {
			a := New("main", clock)
			if _, err := a.Annotate(unit(clock, 0, makeSPS(spsOptions{picStruct: true}), idr()), recordOf(clock, 0)); err != nil {
				b.Fatal(err)
			}
			au, rec := unit(clock, 107892, c.nals...), recordOf(clock, 107892)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := a.Annotate(au, rec); err != nil || !a.PicTiming() {
					b.Fatal(err)
				}
			}
		})
	}
}
