package analyzer

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/media"
)

const (
	fieldMapPID   = 0x1000
	fieldVideoPID = 0x100
)

// lateTables puts the first tables behind some packets of media.
func lateTables() func(int, []byte) []byte {
	var tables []byte
	media := 0
	return func(pid int, p []byte) []byte {
		const late = 20
		switch {
		case media > late:
			return p
		case pid == 0 || pid == fieldMapPID:
			tables = append(tables, p...)
			return nil
		}
		if media++; media > late {
			return append(p, tables...)
		}
		return p
	}
}

// TestUnusualTransportStreams reads transport streams as they are met in the field.
func TestUnusualTransportStreams(t *testing.T) {
	clip := encode(t, "a.ts", "2", "-bf", "2", "-x264-params", "pic-struct=1:b-adapt=0")
	const units = 50
	for name, c := range map[string]struct {
		each  func(pid int, p []byte) []byte
		units int
		notes string
		err   string
	}{
		"tables after media": {each: lateTables(), units: units, notes: "connected ended"},
		"time stamps between packets": {each: func(_ int, p []byte) []byte {
			return append([]byte{1, 2, 3, 4}, p...)
		}, units: units, notes: "connected ended"},
		"code after packets": {each: func(_ int, p []byte) []byte { return append(p, make([]byte, 16)...) }, units: units, notes: "connected ended"},
		"scrambled": {each: func(pid int, p []byte) []byte {
			if pid == fieldVideoPID && p[3]&0x10 != 0 {
				p[3] |= 0x80
			}
			return p
		}, notes: "connected damaged ended"},
		"no PAT": {each: func(pid int, p []byte) []byte {
			if pid == 0 {
				return nil
			}
			return p
		}, err: "no program association table (PAT) in"},
		"no PMT": {each: func(pid int, p []byte) []byte {
			if pid == fieldMapPID {
				return nil
			}
			return p
		}, err: "no program map (PMT) in"},
		"wrong CRC": {each: func(pid int, p []byte) []byte {
			if pid == 0 {
				p[5+3+int(p[7])-1] ^= 0xFF
			}
			return p
		}, err: "no program table (PAT, PMT) with a right CRC"},
	} {
		t.Run(name, func(t *testing.T) {
			var r result
			err := Run(t.Context(), rewritten(t, clip, c.each), r.options(), r.handle)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("%v, want %q", err, c.err)
				}
				return
			}
			if err != nil || len(r.units) != c.units || len(r.of(PicTiming)) != c.units || r.kinds() != c.notes {
				t.Errorf("%v, %d units, %d timecodes, notes %v", err, len(r.units), len(r.of(PicTiming)), r.notes)
			}
		})
	}
}

// TestUnitsWithoutTimes: access units to which the stream gives no time have records without one.
func TestUnitsWithoutTimes(t *testing.T) {
	clip := encode(t, "a.ts", "2", "-bf", "0", "-x264-params", "pic-struct=1")
	reader, out := ts.NewReader(bytes.NewReader(readFile(t, clip))), new(bytes.Buffer)
	w := ts.NewWriter(out)
	for {
		first, err := reader.Next()
		if err == io.EOF {
			break
		}
		second, err2 := reader.Next()
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		first.NALs = slices.Concat(first.NALs, second.NALs)
		if err := w.WriteUnit(first); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "two.ts")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	r := analyze(t, path)
	timing := r.of(PicTiming)
	if len(r.units) != 50 || len(timing) != 50 {
		t.Fatalf("%d units, %d timecodes", len(r.units), len(timing))
	}
	var s Summary
	for i := range timing {
		untimed := i%2 == 1
		if rec := timing[i]; (rec.PTS == nil) != untimed || (rec.DTS == nil) != untimed || (rec.StreamTime == nil) != untimed || r.units[i].Untimed != untimed {
			t.Fatalf("unit %d: %+v", i, rec)
		}
		s.AddUnit(r.units[i])
	}
	if rate := s.FrameRate(); rate < 24 || rate > 26 {
		t.Errorf("%v frames/s", rate)
	}
}

// TestClockTimestamp: frames are counted as the standard has it, whatever picture the message is with (H.264, equation D-1).
func TestClockTimestamp(t *testing.T) {
	tc := media.Timecode{Hours: 1, Minutes: 2, Seconds: 3, Frames: 5}
	base := (3600 + 2*60 + 3) * time.Second
	for name, c := range map[string]struct {
		of   h264.ClockTimestamp
		vui  *h264.VUI
		want time.Duration
	}{
		"frames":     {h264.ClockTimestamp{FieldBased: true}, &h264.VUI{NumUnitsInTick: 1, TimeScale: 50}, base + 200*time.Millisecond},
		"ticks":      {h264.ClockTimestamp{}, &h264.VUI{NumUnitsInTick: 1, TimeScale: 50}, base + 100*time.Millisecond},
		"offset":     {h264.ClockTimestamp{TimeOffset: -1}, &h264.VUI{NumUnitsInTick: 1, TimeScale: 50}, base + 80*time.Millisecond},
		"29.97":      {h264.ClockTimestamp{FieldBased: true}, &h264.VUI{NumUnitsInTick: 1001, TimeScale: 60000}, base + 166833333},
		"no scale":   {h264.ClockTimestamp{}, &h264.VUI{}, -1},
		"no VUI":     {h264.ClockTimestamp{}, nil, -1},
		"impossible": {h264.ClockTimestamp{FieldBased: true}, &h264.VUI{NumUnitsInTick: 1<<32 - 1, TimeScale: 1}, 0},
	} {
		got := clockTimestamp(tc, &c.of, c.vui)
		switch {
		case name == "impossible": // it only must not panic
		case c.want == -1 && got == nil, got != nil && time.Duration(*got) == c.want:
		default:
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestEnhancedRTMP reads H.264 in the form of Enhanced RTMP, and tells of a codec that is not read in few lines.
func TestEnhancedRTMP(t *testing.T) {
	tags := tagsOf(t, encode(t, "a.flv", "2", "-bf", "2", "-x264-params", "pic-struct=1"))
	as := func(fourCC string) string {
		out := slices.Clone(tags)
		for i, tag := range out {
			if tag.Type != flv.Video {
				continue
			}
			body := append([]byte{0x80 | tag.Body[0]&0x70 | tag.Body[1]}, fourCC...)
			if tag.Body[1] == byte(flv.AVCNALUnits) {
				body = append(body, tag.Body[2:5]...)
			}
			out[i].Body = slices.Concat(body, tag.Body[5:])
		}
		return writeFLV(t, out)
	}
	if r := analyze(t, as("avc1")); len(r.units) != 50 || len(r.of(PicTiming)) != 50 || r.kinds() != "connected ended" {
		t.Errorf("%d units, notes %v", len(r.units), r.notes)
	}
	if r := analyze(t, as("av01")); len(r.units) != 0 || len(r.notes) > 8 || !strings.Contains(fmt.Sprint(r.notes), `codec "av01" is not read here`) {
		t.Errorf("%d units, notes %v", len(r.units), r.notes)
	}
}

// TestScriptsInPart keeps what was read of a script before what can't be read, and knows onFI in any case.
func TestScriptsInPart(t *testing.T) {
	text := func(s string) string { return string([]byte{byte(len(s) >> 8), byte(len(s))}) + s }
	width := text("width") + "\x00\x40\x74\x00\x00\x00\x00\x00\x00" // 320
	r := analyze(t, writeFLV(t, []flv.Tag{
		{Type: flv.Script, Body: []byte("\x02" + text("onMetaData") + "\x08\x00\x00\x00\x02" + width + text("x") + "\x11\x06\x0bhello\x00\x00\x09")},
		{Type: flv.Script, Time: 40, Body: []byte("\x02" + text("onFi") + "\x03" + text("tc") + "\x02" + text("10:00:00:02") + "\x00\x00\x09")},
	}))
	meta, fi := r.of(OnMetaData), r.of(OnFI)
	if len(meta) != 1 || string(meta[0].Extra) != `{"width":320}` || len(fi) != 1 || fi[0].Timecode != "10:00:00:02" {
		t.Errorf("%+v, %+v", meta, fi)
	}
}

// TestUnusualPlaylists follows playlists as some servers make them: a cookie that segments' requests must have, an empty one that
// says it is complete, between two programmes, and a range that is ended by another tag.
func TestUnusualPlaylists(t *testing.T) {
	dir := filepath.Dir(encodeHLS(t, "6"))
	open := "#EXT-X-DATERANGE:ID=\"ad\",START-DATE=\"2026-01-31T12:00:01Z\",PLANNED-DURATION=30,SCTE35-OUT=0xFC30\n"
	closed := open + "#EXT-X-DATERANGE:ID=\"ad\",END-DATE=\"2026-01-31T12:00:03Z\",DURATION=2,SCTE35-IN=0xFC31\n"
	live := &liveHLS{dir: dir, versions: []func(http.ResponseWriter){
		window(0, 1, open, false), window(2, 1, "", true), window(2, 1, "", true), window(1, 3, closed, false), window(4, 5, "", true),
	}}
	guarded := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("session"); strings.HasSuffix(r.URL.Path, ".ts") && (err != nil || c.Value != "1") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1", Path: "/"})
		live.ServeHTTP(w, r)
	})
	var r result
	inTime(t, guarded, func(t *testing.T, client *http.Client) {
		o, err := r.options().withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		o.HTTP.Transport, o.Follow = client.Transport, true
		if err := Run(t.Context(), "http://test/live.m3u8", o, r.handle); err != nil {
			t.Fatalf("%v: %v", err, r.notes)
		}
	})
	if len(r.units) != 6*25 {
		t.Errorf("%d units, notes %v", len(r.units), r.notes)
	}
	ranges := r.of(DateRange)
	if len(ranges) != 2 || !strings.Contains(string(ranges[1].Extra), `"SCTE35-IN":"0xFC31"`) || *ranges[1].Duration != 180000 ||
		!ranges[1].UTC.Equal(*ranges[0].UTC) {
		t.Errorf("date ranges %+v", ranges)
	}
}

// TestProducerTimes reads the wall clocks of fragments, which ffmpeg makes of their time stamps here.
func TestProducerTimes(t *testing.T) {
	r := analyze(t, encode(t, "a.mp4", "3", "-bf", "0", "-g", "25", "-movflags", "frag_keyframe+empty_moov", "-write_prft", "pts"))
	times := r.of(ProducerTime)
	if len(times) != 3 {
		t.Fatalf("%d producer reference times: %v", len(times), r.notes)
	}
	for i, rec := range times {
		if at := time.Unix(int64(i), 0); rec.UTC == nil || !rec.UTC.Equal(at) || *rec.PTS != int64(i)*media.TicksPerSecond || rec.Unit != -1 {
			t.Errorf("%+v, want %v", rec, at)
		}
	}
}
