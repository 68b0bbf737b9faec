package verify

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/media"
)

// withMessages writes SEI messages before the first slice of each picture of a byte stream without B-frames.
func withMessages(stream []byte, of func(n int64) []h264.SEIMessage) []byte {
	var out [][]byte
	n := int64(0)
	for _, nal := range h264.SplitAnnexB(stream) {
		if nal[0]>>1 < 32 && nal[2]&0x80 != 0 { // the first slice of a picture
			sei := h264.Unescape(h264.AppendSEI(nil, of(n)))
			out = append(out, h264.Escape(append([]byte{39 << 1, 1}, sei[1:]...)))
			n++
		}
		out = append(out, nal)
	}
	return h264.AppendAnnexB(nil, out)
}

// messagesHEVC are what annotated H.264 says of a frame, as HEVC has it: a time code (H.265, D.2.27), MISB's time stamp with
// the UUID of HEVC, and the frame record.
func messagesHEVC(truth truth.Truth, n int64, tc media.Timecode) []h264.SEIMessage {
	f := truth.Frames[n]
	w := h264.NewBitWriter(nil)
	for _, v := range [][2]int{{2, 1}, {1, 1}, {1, 1}, {5, 0}, {1, 1}, {1, 0}, {1, 0}, {9, tc.Frames}, {6, tc.Seconds}, {6, tc.Minutes}, {5, tc.Hours}, {5, 0}} {
		w.U(v[0], uint32(v[1]))
	}
	w.AlignPayload()
	misb := h264.MISBTime{Status: h264.MISBLocked, Micros: uint64(f.GenNS / 1000)}.Append(nil)
	copy(misb, "\xa8\x68\x7d\xd4\xd7\x59\x37\x58\xa5\xce\xf0\x33\x8b\x65\x45\xf1")
	record := annotate.Record{Frame: n, Channel: "main", Run: f.Run, GenNS: f.GenNS, PTS: verifytest.Channel().Clock().PTS(n), Event: f.Event}
	return []h264.SEIMessage{
		{Type: 136, Payload: w.Bytes()}, {Type: h264.SEIUserDataUnregistered, Payload: misb},
		{Type: h264.SEIUserDataUnregistered, Payload: record.AppendJSON([]byte(annotate.RecordUUID))},
	}
}

// A transcoder to HEVC that passes the SEI on as HEVC has it keeps every clock but DTS, and one
// that writes it a frame late from some picture on is found.
func TestHEVC(t *testing.T) {
	t.Parallel()
	c := newClip(t)
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-v", "error", "-y"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	raw := filepath.Join(dir, "a.hevc")
	run("-i", c.paths["ts"], "-map", "0:v", "-fps_mode", "passthrough", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:bframes=0", raw)
	plain, err := os.ReadFile(raw)
	if err != nil {
		t.Fatal(err)
	}
	allow, err := report.ParseAllowance("clock_offset") // a raw stream has no times
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]int64{"a.ts": 0, "a.mp4": 0, "b.mp4": 0, "a.mkv": 0, "late.ts": 1}
	if testing.Short() { // b.mp4 is one too, in fragments
		delete(files, "a.mp4")
	}
	for name, shift := range files {
		stream := withMessages(plain, func(n int64) []h264.SEIMessage {
			late := int64(0)
			if n >= 40 {
				late = shift
			}
			return messagesHEVC(c.truth, n, verifytest.Channel().Clock().Timecode(n-late))
		})
		file := filepath.Join(dir, name)
		if err := os.WriteFile(raw, stream, 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"-r", "30", "-i", raw, "-c", "copy", file}
		if name == "b.mp4" {
			args = slices.Insert(args, 6, "-movflags", "frag_keyframe+empty_moov+default_base_moof")
		}
		run(args...)
		r, err := Run(t.Context(), file, given{verifytest.Channel(), c.truth}, Options{Now: time.Now, Allow: allow})
		if err != nil {
			t.Fatal(err)
		}
		found := slices.DeleteFunc(slices.Clone(r.Findings), func(f report.Finding) bool { return f.Clock == report.PTSClock || f.Kind == report.ClockGone })
		if shift == 0 && len(found) > 0 || shift > 0 && (len(found) != 1 || found[0].Clock != "sei.time_code" || found[0].Field != "timecode") {
			t.Errorf("%s: %v", name, textsOf(r))
		}
		states := map[string]report.State{}
		for _, k := range r.Clocks {
			states[k.Name] = k.State
		}
		if states["sei.frame_record"] != report.Exact || states["sei.misb"] != report.Exact || shift == 0 && states["sei.time_code"] != report.Exact {
			t.Errorf("%s: %v", name, states)
		}
	}
}
