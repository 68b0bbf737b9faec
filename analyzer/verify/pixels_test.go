package verify

import (
	"testing"

	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/markers"
)

// decoded probes and decodes a file.
func decoded(t *testing.T, c markers.Channel, file string) ([]pixels.Picture, pixels.StreamInfo) {
	t.Helper()
	info, err := pixels.Probe(t.Context(), "ffprobe", file)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pixels.Decode(t.Context(), pixels.Decoding{
		FFmpeg: "ffmpeg", Path: file, Dir: t.TempDir(), Info: info, Channel: c,
	})
	if err != nil {
		t.Fatal(err)
	}
	return list, info
}
