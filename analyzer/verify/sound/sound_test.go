package sound

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/internal/soundtest"
	"github.com/refstream/refstream/media"
)

// TestDecode encodes the sound by ffmpeg into files of several kinds: each code is where its sample is.
func TestDecode(t *testing.T) {
	const seconds = 4
	whole := func([]int16) {}
	for name, c := range map[string]struct {
		change      func(pcm []int16)
		left, right int
		silent      bool
	}{
		"clip.wav":  {whole, seconds, 0, false},
		"clip.mp4":  {whole, seconds, 0, false},
		"quiet.wav": {func(pcm []int16) { clear(pcm[media.SampleRate*2*5/4 : media.SampleRate*2*5/2]) }, seconds - 1, 0, true},
		"swapped.wav": {func(pcm []int16) {
			for i := 0; i < len(pcm); i += 2 {
				pcm[i], pcm[i+1] = pcm[i+1], pcm[i]
			}
		}, 0, seconds, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pcm := make([]int16, 2*media.SampleRate*seconds)
			generator.RenderSamples(pcm, 0, nil)
			c.change(pcm)
			raw, err := binary.Append(nil, binary.LittleEndian, pcm)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), name)
			soundtest.Run(t, raw, "ffmpeg", "-v", "error", "-f", "s16le", "-ar", "48000", "-ac", "2", "-i", "-", path)
			s, err := Decode(t.Context(), Decoding{FFmpeg: "ffmpeg", FFprobe: "ffprobe", Path: path, Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			if len(s.Left) != c.left || len(s.Right) != c.right || len(s.Silent) > 0 != c.silent || len(s.Runs) != 1 {
				t.Fatalf("%d codes left, %d right, silent in %v, runs %v", len(s.Left), len(s.Right), s.Silent, s.Runs)
			}
			for _, code := range slices.Concat(s.Left, s.Right) {
				if code.At != code.Sample {
					t.Errorf("the code of sample %d is at %d", code.Sample, code.At)
				}
			}
		})
	}
}

// TestDecodeNone: a file without sound, and none at all.
func TestDecodeNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "silent.mp4")
	soundtest.Run(t, nil, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=size=64x64:duration=0.1", path)
	if _, err := Decode(t.Context(), Decoding{FFmpeg: "ffmpeg", FFprobe: "ffprobe", Path: path, Dir: t.TempDir()}); !errors.Is(err, ErrNone) {
		t.Errorf("error %v", err)
	}
	text := filepath.Join(t.TempDir(), "text.txt")
	if err := os.WriteFile(text, []byte("no sound"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(t.Context(), Decoding{FFmpeg: "ffmpeg", FFprobe: "ffprobe", Path: text, Dir: t.TempDir()}); err == nil || errors.Is(err, ErrNone) {
		t.Errorf("error %v", err)
	}
}

// TestTimed: gaps and repeats in the times of the pieces, rounding that is none, and damaged lines.
func TestTimed(t *testing.T) {
	list, err := readTimes(bytes.NewBufferString("#tb 0: 1/48000\n0, 0, 0, 1024, 4096, 0x0\n0, 1030, 1030, 1024, 4096, 0x0\n0, 3072, 3072, 1024, 4096, 0x0\n0, 2048, 2048, 1024, 4096, 0x0\n"))
	if err != nil {
		t.Fatal(err)
	}
	s := (&search{left: []found{{2100, 24000}}, count: 4096}).timed(list)
	if want := []Run{{0, 2048}, {3072, 4096}, {2048, 3072}}; !slices.Equal(s.Runs, want) {
		t.Errorf("runs %v", s.Runs)
	}
	if len(s.Left) != 1 || s.Left[0] != (Code{3124, 24000}) {
		t.Errorf("codes %v", s.Left)
	}
	for _, bad := range []string{"0, 0, x, 1024, 4096, 0x0\n", "#tb 0: 1/44100\n"} {
		if _, err := readTimes(bytes.NewBufferString(bad)); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}
