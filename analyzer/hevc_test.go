package analyzer

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/codec/hevc"
)

// messagesHEVC are the SEI messages that the test writes into picture n: a time code, a time stamp, a frame record.
func messagesHEVC(n int) []h264.SEIMessage {
	w := h264.NewBitWriter(nil)
	write := func(pairs ...int) {
		for i := 0; i < len(pairs); i += 2 {
			w.U(pairs[i], uint32(pairs[i+1]))
		}
	}
	write(2, 1, 1, 1, 1, 1, 5, 0)
	if n%10 == 0 {
		write(1, 1, 1, 0, 1, 0, 9, n%25, 6, n/25, 6, 59, 5, 10)
	} else {
		write(1, 0, 1, 0, 1, 0, 9, n%25, 1, 1, 6, n/25, 1, 0) // minutes and hours are those of before
	}
	write(5, 24, 24, n)
	w.AlignPayload()
	misb := h264.MISBTime{Status: h264.MISBLocked, Micros: uint64(1_700_000_000_000_000 + n*40_000)}.Append(nil)
	copy(misb, "\xa8\x68\x7d\xd4\xd7\x59\x37\x58\xa5\xce\xf0\x33\x8b\x65\x45\xf1")
	record := annotate.Record{Frame: int64(n), Channel: "main", Run: 3, GenNS: 7, PTS: 9}
	return []h264.SEIMessage{
		{Type: hevc.SEITimeCode, Payload: w.Bytes()},
		{Type: hevc.SEIUserDataUnregistered, Payload: misb},
		{Type: hevc.SEIUserDataUnregistered, Payload: record.AppendJSON([]byte(annotate.RecordUUID))},
	}
}

// writeSEI writes messages into a byte stream of HEVC, before the first slice of each picture.
func writeSEI(tb testing.TB, stream []byte, messages func(n int) []h264.SEIMessage) []byte {
	tb.Helper()
	var out [][]byte
	n := 0
	for _, nal := range h264.SplitAnnexB(stream) {
		if hevc.TypeOf(nal).VCL() && bits.LeadingZeros8(nal[2]) == 0 { // first_slice_segment_in_pic_flag
			sei := h264.Unescape(h264.AppendSEI(nil, messages(n)))
			out = append(out, h264.Escape(append([]byte{byte(hevc.NALPrefixSEI) << 1, 1}, sei[1:]...)))
			n++
		}
		out = append(out, nal)
	}
	return h264.AppendAnnexB(nil, out)
}

// Time codes, time stamps and frame records of HEVC are read in each container, as trace_headers and ffprobe read them.
func TestHEVC(t *testing.T) {
	raw := filepath.Join(t.TempDir(), "a.hevc")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc=rate=25:size=320x180:duration=2", "-c:v", "libx265", "-preset", "ultrafast",
		"-x265-params", "log-level=error:bframes=0:keyint=25", raw)
	b, err := os.ReadFile(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(raw, writeSEI(t, b, messagesHEVC), 0o600); err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{
		"a.ts": {}, "a.mp4": {"-tag:v", "hvc1"}, "b.mp4": {"-tag:v", "hev1", "-movflags", "frag_keyframe+empty_moov+default_base_moof"},
		"a.m3u8": {"-tag:v", "hvc1", "-hls_segment_type", "fmp4", "-hls_time", "1", "-hls_list_size", "0"},
	}
	dir, args := t.TempDir(), []string{"-r", "25", "-i", raw}
	for name, options := range all {
		args = append(append(append(args, "-c", "copy"), options...), filepath.Join(dir, name))
	}
	ffmpeg(t, args...)
	for name := range all {
		path := filepath.Join(dir, name)
		r := analyze(t, path)
		codes, stamps, records := r.of(TimeCode), r.of(MISBTime), r.of(FrameRecord)
		if len(r.units) != 50 || len(codes) != 50 || len(stamps) != 50 || len(records) != 50 {
			t.Errorf("%s: %d units, %d time codes, %d time stamps, %d records", name, len(r.units), len(codes), len(stamps), len(records))
			continue
		}
		traces, pics := traceMessages(t, path, "Time Code"), packets(t, path)
		for i, c := range codes {
			var said struct{ Timestamps []map[string]any }
			if err := json.Unmarshal(c.Extra, &said); err != nil || len(said.Timestamps) != 1 || len(traces[i]) != 1 {
				t.Fatalf("%s: %s, %v; trace_headers: %v", name, c.Extra, err, traces[i])
			}
			for name, v := range said.Timestamps[0] {
				if want, ok := traces[i][0][name+"[0]"]; !ok || want != number(v) {
					t.Errorf("unit %d: %s is %v, trace_headers says %d", i, name, v, want)
				}
			}
			if want := fmt.Sprintf("10:59:%02d:%02d", i/25, i%25); c.Timecode != want {
				t.Errorf("%s: unit %d: %s, want %s", name, i, c.Timecode, want)
			}
			if utc := stamps[i].UTC; !utc.Equal(time.UnixMicro(1_700_000_000_000_000+int64(i)*40_000)) || *records[i].Frame != int64(i) {
				t.Errorf("%s: unit %d: %v, frame %d", name, i, utc, *records[i].Frame)
			}
			if name != "a.m3u8" && (r.units[i].PTS != pics[i].PTS || r.units[i].DTS != pics[i].DTS || r.units[i].Key != pics[i].Key) {
				t.Errorf("%s: unit %d: %+v, ffprobe says %+v", name, i, r.units[i], pics[i])
			}
		}
	}
}
