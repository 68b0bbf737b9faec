package ffmpeg

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMaxMemory has ffmpeg decode a picture of 108 MB, which it can do with room for it only.
func TestMaxMemory(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	picture := filepath.Join(t.TempDir(), "big.png")
	said := &Lines{Tail: 20}
	if err := New(ctx, time.Second, said, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=s=6000x6000", "-frames:v", "1", picture).Run(); err != nil {
		t.Fatal(err, said.Last())
	}
	for _, c := range []struct {
		memory uint64
		fits   bool
	}{{ReadingMemory, true}, {96 << 20, false}} {
		said := &Lines{Tail: 20}
		cmd := New(ctx, time.Second, said, "ffmpeg", "-v", "error", "-xerror", "-threads", "1", "-i", picture, "-f", "null", "-")
		cmd.MaxMemory = c.memory
		if err := cmd.Run(); (err == nil) != c.fits || !c.fits && !strings.Contains(said.Last(), "get_buffer() failed") {
			t.Errorf("with %d bytes: %v, %s", c.memory, err, said.Last())
		}
	}
}
