package analyzer

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/media"
)

// unitsOf is the access units of a transport stream.
func unitsOf(tb testing.TB, path string) []media.Unit {
	tb.Helper()
	f, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var out []media.Unit
	for r := ts.NewReader(f); ; {
		au, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, au)
	}
}

// writeTS writes a transport stream.
func writeTS(tb testing.TB, units []media.Unit) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "made.ts")
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	w := ts.NewWriter(f)
	for _, au := range units {
		if err := w.WriteUnit(au); err != nil {
			tb.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	return path
}

// withSEI puts messages before the first slice of a unit, in place of the messages of these types.
func withSEI(tb testing.TB, au media.Unit, replaced int, messages ...h264.SEIMessage) media.Unit {
	tb.Helper()
	var nals [][]byte
	done := false
	for _, nal := range au.NALs {
		if h264.TypeOf(nal) == h264.NALSEI {
			old, err := h264.ParseSEI(nal)
			if err != nil {
				tb.Fatal(err)
			}
			var kept []h264.SEIMessage
			for _, m := range old {
				if m.Type != replaced {
					kept = append(kept, m)
				}
			}
			if len(kept) == 0 {
				continue
			}
			nal = h264.AppendSEI(nil, kept)
		}
		if h264.TypeOf(nal).VCL() && !done {
			done = true
			nals = append(nals, h264.AppendSEI(nil, messages))
		}
		nals = append(nals, nal)
	}
	au.NALs = nals
	return au
}

// stamp is a clock timestamp of frame n at 25 frames/s from 01:02:58:00; parts leaves out what did not change.
func stamp(n int64, parts bool) h264.ClockTimestamp {
	s := 3600 + 2*60 + 58 + n/25
	c := h264.ClockTimestamp{
		Present: true, Full: !parts || n == 0, Frames: uint16(n % 25), Seconds: uint8(s % 60), Minutes: uint8(s / 60 % 60),
		Hours: uint8(s / 3600), HasSeconds: true, HasMinutes: true, HasHours: true,
	}
	if parts && n%25 != 0 {
		c.HasSeconds, c.Seconds = false, 0
	}
	if parts && n > 0 && (n%25 != 0 || s%60 != 0) {
		c.HasMinutes, c.HasHours, c.Minutes, c.Hours = false, false, 0, 0
	}
	return c
}

// TestTimestamps puts clock timestamps into foreign streams, under every form that the SPS gives them.
func TestTimestamps(t *testing.T) {
	for name, c := range map[string]struct {
		args  []string
		parts bool
	}{
		"no HRD":             {args: []string{"-bf", "0", "-x264-params", "pic-struct=1"}},
		"no HRD, in parts":   {args: []string{"-bf", "0", "-x264-params", "pic-struct=1"}, parts: true},
		"HRD":                {args: []string{"-bf", "2", "-x264-params", "nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900:pic-struct=1:b-adapt=0"}},
		"interlaced and HRD": {args: []string{"-x264-params", "tff=1:nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900"}},
		"B-frames":           {args: []string{"-bf", "3", "-x264-params", "pic-struct=1:b-adapt=0"}},
	} {
		t.Run(name, func(t *testing.T) {
			path, want := stamped(t, encode(t, "a.ts", "4", c.args...), c.parts)
			comparePackets(t, path)
			r := analyze(t, path)
			got := r.of(PicTiming)
			if len(got) != len(want) {
				t.Fatalf("%d records of %d units", len(got), len(want))
			}
			for i, rec := range got {
				if rec.Timecode != want[i] {
					t.Fatalf("unit %d has timecode %s, want %s", i, rec.Timecode, want[i])
				}
				if rec.Duration == nil || *rec.Duration != 3600 {
					t.Fatalf("unit %d lasts %v ticks", i, rec.Duration)
				}
			}
		})
	}
}

// stamped puts clock timestamps into a stream at 25 frames/s, and gives the timecodes that it has then.
func stamped(t *testing.T, path string, parts bool) (made string, timecodes []string) {
	t.Helper()
	units := unitsOf(t, path)
	var sps *h264.SPS
	first := units[0].PTS
	for i, au := range units {
		for _, nal := range au.NALs {
			if h264.TypeOf(nal) == h264.NALSPS {
				var err error
				if sps, err = h264.ParseSPS(nal); err != nil {
					t.Fatal(err)
				}
			}
		}
		n := (au.PTS - first) / 3600
		p := h264.PicTiming{CPBRemovalDelay: uint32(2 * i), DPBOutputDelay: uint32(i % 3)}
		if !sps.FrameMBsOnly {
			p.PicStruct = 3
		}
		for k := range h264.NumClockTS(p.PicStruct) {
			p.Timestamps[k] = stamp(n, parts)
			p.Timestamps[k].FieldBased = k > 0
			if sps.HRD() == nil {
				p.Timestamps[k].TimeOffset = int32(-i)
			} else if l := sps.HRD().TimeOffsetLength; l > 0 {
				p.Timestamps[k].TimeOffset = -1
			}
		}
		if sps.HRD() == nil {
			p.CPBRemovalDelay, p.DPBOutputDelay = 0, 0
		}
		payload, err := p.Append(nil, sps)
		if err != nil {
			t.Fatal(err)
		}
		units[i] = withSEI(t, au, h264.SEIPicTiming, h264.SEIMessage{Type: h264.SEIPicTiming, Payload: payload})
		timecodes = append(timecodes, media.TimecodeAt(n+(3600+2*60+58)*25, media.FrameRate{Num: 25, Den: 1}, false).String())
	}
	return writeTS(t, units), timecodes
}

// TestUserData puts every kind of user data that states a time into a stream.
func TestUserData(t *testing.T) {
	units := unitsOf(t, encode(t, "a.ts", "0.4", "-bf", "2", "-x264-params", "b-adapt=0"))
	at := time.Date(2026, 1, 31, 12, 0, 0, 123456000, time.UTC)
	misb := h264.MISBTime{Status: h264.MISBLocked, Micros: uint64(at.UnixMicro())}.Append(nil)
	nanos := h264.MISBTime{Status: 0xFF, Micros: uint64(at.UnixNano() + 789)}.Append(nil)
	rec := annotate.Record{Frame: 77, Channel: "main", Run: 3, GenNS: at.UnixNano() + 1, PTS: 1 << 40, Event: "main-e1"}
	ms := binary.BigEndian.AppendUint64(nil, uint64(at.UnixMilli()))
	obs := append([]byte{2, 1, 0}, "2026-01-31T12:00:00.123456Z\x00"...)
	obs = binary.BigEndian.AppendUint64(append(obs, 2, 1), uint64(at.UnixMilli()))
	obs = binary.BigEndian.AppendUint64(append(obs, 3, 2), 12345)
	uuid := func(u string) []byte {
		return []byte(map[string]string{
			uuidMISBNanos: "\xcf\x84\x82\x78\xee\x23\x30\x6c\x92\x65\xe8\xfe\xf2\x2f\xb8\xb8",
			uuidOBS:       "\x0a\xec\xff\xe7\x52\x72\x4e\x2f\xa6\x2f\xd1\x9c\xd6\x1a\x93\xb5",
			uuidMillicast: "\x9a\x21\xf3\xbe\x31\xf0\x4b\x78\xb0\xbe\xc7\xf7\xdb\xb9\x72\x50",
		}[u])
	}
	cases := []struct {
		payload []byte
		source  Source // empty for none
		utc     time.Time
		extra   string
	}{
		{misb, MISBTime, at, `{"status":31,"locked":true,"discontinuity":false,"reverse":false,"us":1769860800123456}`},
		{append(uuid(uuidMISBNanos), nanos[16:]...), MISBTime, at.Add(789),
			`{"status":255,"locked":false,"discontinuity":true,"reverse":true,"ns":1769860800123456789}`},
		{append([]byte(annotate.RecordUUID), rec.AppendJSON(nil)...), FrameRecord, at.Add(1),
			`{"frame":77,"channel":"main","run":3,"gen_ns":1769860800123456001,"pts":1099511627776,"event":"main-e1"}`},
		{append([]byte(annotate.RecordUUID), "{\n\"frame\":1,\"channel\":\"a\",\"run\":3,\"gen_ns\":0,\"pts\":0,\"more\":[1]}\x00"...),
			FrameRecord, time.Unix(0, 0), `{"frame":1,"channel":"a","run":3,"gen_ns":0,"pts":0,"more":[1]}`},
		{append(uuid(uuidOBS), obs...), UserData, at,
			`{"convention":"obs","timestamps":[{"event":0,"rfc3339":"2026-01-31T12:00:00.123456Z"},{"event":1,"ms":1769860800123},{"event":2,"delta_ns":12345}]}`},
		{append(uuid(uuidMillicast), ms...), UserData, at.Truncate(time.Millisecond), `{"convention":"millicast","ms":1769860800123}`},
		{append(uuid(uuidMillicast), ms[:7]...), "", at, ""},
		{misb[:20], "", at, ""},
		{misb[:7], "", at, ""},
		{nil, "", at, ""},
		{append([]byte("unknown--unknown"), 1, 2, 3), "", at, ""},
	}
	var messages []h264.SEIMessage
	for _, c := range cases {
		messages = append(messages, h264.SEIMessage{Type: h264.SEIUserDataUnregistered, Payload: c.payload})
	}
	for i := range units {
		units[i] = withSEI(t, units[i], h264.SEIUserDataUnregistered, messages...)
	}
	path := writeTS(t, units)
	r := analyze(t, path)
	for i := range units {
		for _, c := range cases {
			if c.source == "" {
				continue
			}
			if len(r.records) == 0 {
				t.Fatalf("no record for %s of unit %d", c.source, i)
			}
			rec := r.records[0]
			r.records = r.records[1:]
			if rec.Source != c.source || rec.Unit != int64(i) || string(rec.Extra) != c.extra || rec.UTC == nil || !rec.UTC.Equal(c.utc) {
				t.Errorf("unit %d: %s %s %s at %v, want %s %s at %v", i, rec.Source, rec.Extra, rec.Timecode, rec.UTC, c.source, c.extra, c.utc)
			}
			if *rec.PTS != units[i].PTS || *rec.DTS != units[i].DTS {
				t.Errorf("unit %d: PTS %d, want %d", i, *rec.PTS, units[i].PTS)
			}
		}
	}
	if len(r.records) > 0 {
		t.Errorf("further records: %+v", r.records)
	}
}
