package verify

import (
	"testing"

	"github.com/refstream/refstream/markers"
)

// decoded probes and decodes a file.
func decoded(t *testing.T, c markers.Channel, file string) ([]picture, StreamInfo) {
	t.Helper()
	info, err := probe(t.Context(), "ffprobe", file)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	list, err := decode(t.Context(), decoding{"ffmpeg", file, t.TempDir(), func(n int) { told = n }}, info, newMeter(c))
	if err != nil {
		t.Fatal(err)
	}
	if told != len(list) {
		t.Errorf("progress came to %d of %d pictures", told, len(list))
	}
	return list, info
}
