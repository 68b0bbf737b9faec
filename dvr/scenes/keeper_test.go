package scenes

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/dvr/internal/dvrtest"
	"github.com/refstream/refstream/dvr/splice"
	"github.com/refstream/refstream/generator"
)

// TestScanIDs has the last entries taken out of the index, and their pictures removed or not, between two runs: their ids
// are not given to others, and pictures are not written over.
func TestScanIDs(t *testing.T) {
	t.Parallel()
	r := newResumedStream(t)
	for _, removed := range []bool{false, true} {
		s, n := r.scanned(t, len(r.frames)/2)
		var before []Frame
		s.readJSON(indexFile, &before)
		last := before[n-1]
		picture := read(t, s.folder, last.Path)
		s.keepEntries(n - 2)
		if removed {
			for _, f := range before[n-2:] {
				if err := os.Remove(filepath.Join(s.folder, f.Path)); err != nil {
					t.Fatal(err)
				}
			}
		}
		got := s.resumedIndex()
		if want := append(slices.Clone(r.frames[:n-2]), r.frames[n:]...); joined(got) != joined(want) {
			t.Errorf("index:\n%swant\n%s", joined(got), joined(want))
		}
		for _, f := range got[n-2:] {
			if frameNumber(f.ID) <= n {
				t.Errorf("%s is there again", f.ID)
			}
		}
		if !removed && !bytes.Equal(read(t, s.folder, last.Path), picture) {
			t.Errorf("%s was written over", last.Path)
		}
	}
}

// TestScanIndexGone has the index deleted, broken or emptied between two runs: all of the recording is scanned again.
func TestScanIndexGone(t *testing.T) {
	t.Parallel()
	r := newResumedStream(t)
	for name, spoil := range map[string]func(name string) error{
		"deleted": os.Remove,
		"broken":  func(name string) error { return os.WriteFile(name, []byte("[{"), 0o644) },
		"emptied": func(name string) error { return os.WriteFile(name, []byte("[]"), 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, n := r.scanned(t, len(r.frames)/2)
			if err := spoil(filepath.Join(s.folder, indexFile)); err != nil {
				t.Fatal(err)
			}
			s.scanSome(3) // a stop in the middle of that
			got := s.resumedIndex()
			if joined(got) != joined(r.frames) {
				t.Errorf("index:\n%swant\n%s", joined(got), joined(r.frames))
			}
			if frameNumber(got[0].ID) != n+1 {
				t.Errorf("the first id is %s after %d frames", got[0].ID, n)
			}
			if !strings.Contains(s.log.String(), "scanned again from its beginning") {
				t.Errorf("log: %s", s.log)
			}
		})
	}
}

// TestScanWritesAgain has a disk that refuses for a while: nothing is left out, and it is said once.
func TestScanWritesAgain(t *testing.T) {
	t.Parallel()
	r := newResumedStream(t)
	for _, file := range []string{indexFile, "frames/F0004.jpg", stateFile} {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			s, _ := r.scanned(t, 2)
			log := &dvrtest.Log{}
			s.o.Logger = slog.New(slog.NewTextHandler(log, nil))
			// A folder stands where the temporary file would be: that fails for everybody.
			block := filepath.Join(s.folder, file+".tmp")
			if err := os.MkdirAll(filepath.Join(block, "not empty"), 0o755); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			sc, wait := s.follow(ctx)
			sc.Finish()
			s.until("it is said", func() bool { return strings.Contains(log.String(), "tried again until it works") })
			cancel()
			if err := wait(); err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "make room") {
				t.Errorf("stopped while it fails: %v", err)
			}
			sc, wait = s.follow(t.Context())
			sc.Finish()
			s.until("it fails again", func() bool { return strings.Count(log.String(), "tried again until it works") == 2 })
			if err := os.RemoveAll(block); err != nil {
				t.Fatal(err)
			}
			if err := wait(); err != nil {
				t.Fatal(err)
			}
			var got []Frame
			s.readJSON(indexFile, &got)
			if joined(got) != joined(r.frames) {
				t.Errorf("index:\n%swant\n%s", joined(got), joined(r.frames))
			}
			if text := log.String(); strings.Count(text, "can't be written") != 2 || strings.Count(text, "written again") != 1 {
				t.Errorf("log: %s", text)
			}
		})
	}
}

// TestScanPosition has ffmpeg go to the position of each frame: the picture is that of the index. Video is alone, begins
// before the sound, or after it.
func TestScanPosition(t *testing.T) {
	t.Parallel()
	o := ourOptions(320, 180, rate30)
	video := ourStream(t, o, 0, 200, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "60")
	file := filepath.Join(t.TempDir(), "video.ts")
	if err := os.WriteFile(file, video, 0o644); err != nil {
		t.Fatal(err)
	}
	// When the sound begins.
	for name, sound := range map[string]string{"alone": "", "before the sound": "1", "after the sound": "-0.5"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := video
			if sound != "" {
				b = ffmpegTS(t, "-copyts", "-i", file, "-itsoffset", sound, "-f", "lavfi", "-i", "sine=duration=8", "-af", "asetpts=PTS+1.4666667/TB",
					"-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "mp2", "-muxdelay", "0", "-muxpreload", "0")
			}
			s := newScanSession(t)
			s.append(b)
			list := s.scan()
			if list[0].Position != "0.000000" || len(list) < 4 {
				t.Fatalf("index %+v", list)
			}
			file := filepath.Join(s.folder, splice.RecordingFile)
			// One run of ffmpeg goes to all of them: each output has its own position.
			dir, args := t.TempDir(), []string{"-v", "error", "-i", file}
			for _, f := range list {
				args = append(args, "-ss", string(f.Position), "-frames:v", "1", "-pix_fmt", "yuv420p", "-f", "rawvideo", filepath.Join(dir, f.ID))
			}
			dvrtest.Command(t, "ffmpeg", args...)
			for _, f := range list {
				raw := read(t, dir, f.ID)
				if n, ok := generator.ReadFrameCode(raw, o.Width, o.Width, o.Height); !ok || n != *f.Number {
					t.Errorf("at %s s is frame %d (%v), want %d", f.Position, n, ok, *f.Number)
				}
			}
		})
	}
}
