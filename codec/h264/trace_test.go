package h264

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// encodeStream makes a short H.264 byte stream with ffmpeg and x264; args come between the input and the output.
func encodeStream(t *testing.T, size string, args ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.h264")
	all := append([]string{
		"-v", "error", "-f", "lavfi", "-i", "testsrc=rate=25:size=" + size + ":duration=0.2", "-c:v", "libx264",
		"-preset", "ultrafast",
	}, args...)
	if msg, err := exec.Command("ffmpeg", append(all, "-f", "h264", out)...).CombinedOutput(); err != nil {
		t.Fatalf("encode with %v: %v\n%s", args, err, msg)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// traceField is one syntax element as ffmpeg's trace_headers filter reads it.
type traceField struct {
	name  string
	value int64
}

// trace reads a byte stream with ffmpeg's trace_headers: the syntax elements of every unit whose heading is wanted, in
// order, one list a unit.
func trace(t *testing.T, stream []byte, heading string) [][]traceField {
	t.Helper()
	in := filepath.Join(t.TempDir(), "in.h264")
	if err := os.WriteFile(in, stream, 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := exec.Command("ffmpeg", "-hide_banner", "-nostats", "-i", in, "-c", "copy", "-bsf:v", "trace_headers", "-f", "null", "-").
		CombinedOutput()
	if err != nil {
		t.Fatalf("trace: %v\n%s", err, log)
	}
	var units [][]traceField
	inPacket, wanted := false, false
	for line := range strings.Lines(string(log)) {
		_, text, ok := strings.Cut(line, "] ")
		if !ok || !strings.HasPrefix(line, "[trace_headers") {
			continue
		}
		text = strings.TrimSpace(text)
		left, value, isField := strings.Cut(text, " = ")
		words := strings.Fields(left)
		switch {
		case strings.HasPrefix(text, "Packet: "): // what comes before is a second copy of the first headers
			inPacket, wanted = true, false
		case !isField || len(words) < 2:
			if wanted = inPacket && text == heading; wanted {
				units = append(units, nil)
			}
		case wanted:
			v, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				t.Fatalf("trace: %s", line)
			}
			units[len(units)-1] = append(units[len(units)-1], traceField{words[1], v})
		}
	}
	return units
}

// firstOf is the first NAL unit of a type.
func firstOf(t *testing.T, stream []byte, want NALType) []byte {
	t.Helper()
	for _, nal := range SplitAnnexB(stream) {
		if TypeOf(nal) == want {
			return nal
		}
	}
	t.Fatalf("no NAL unit of type %v", want)
	return nil
}
