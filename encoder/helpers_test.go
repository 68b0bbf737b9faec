package encoder

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/internal/soundtest"
	"github.com/refstream/refstream/internal/testunix"
	"github.com/refstream/refstream/media"
)

// limit is how long any test here may take; it is far more than a loaded machine needs.
const limit = 2 * time.Minute

// bars is the number of bars that code a picture's number in binary.
const bars = 16

func testOptions() Options {
	return Options{
		Rendition: "180p", Width: 320, Height: 180, Rate: media.FrameRate{Num: 25, Den: 1}, GOP: 10, Preset: "ultrafast", Bitrate: 1_000_000,
		BFrames: 2, PTSOrigin: 90000, Stall: limit,
	}
}

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// picture is a picture whose bars code n.
func picture(o Options, n int64) []byte {
	row := make([]byte, o.Width*3)
	for x := range o.Width {
		if n>>(x*bars/o.Width)&1 == 1 {
			row[3*x], row[3*x+1], row[3*x+2] = 255, 255, 255
		}
	}
	return bytes.Repeat(row, o.Height)
}

// readPicture is the number in a grey picture.
func readPicture(o Options, grey []byte) int64 {
	var n int64
	for bit := range bars {
		x := (2*bit + 1) * o.Width / bars / 2
		if grey[o.Height/2*o.Width+x] >= 128 {
			n |= 1 << bit
		}
	}
	return n
}

// count lists the frames from one up to, but not with, another.
func count(from, to int64) []int64 {
	var frames []int64
	for n := from; n < to; n++ {
		frames = append(frames, n)
	}
	return frames
}

// encode encodes the frames and returns the units.
func encode(t testing.TB, o Options, frames []int64, picture func(Options, int64) []byte) []media.Unit {
	t.Helper()
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	var units []media.Unit
	running := start(t, e, func(au media.Unit) error {
		units = append(units, au)
		return nil
	})
	ctx := testContext(t)
	for _, n := range frames {
		if err := e.Write(ctx, n, picture(o, n)); err != nil {
			t.Fatal(err)
		}
	}
	e.CloseInput()
	if err := <-running; err != nil {
		t.Fatal(err)
	}
	if p := e.Pending(); len(p) != 0 {
		t.Fatalf("pending: %d", p)
	}
	return units
}

// start runs an Encoder beside the test, which receives what Run returns.
func start(t testing.TB, e *Encoder, handle func(media.Unit) error) <-chan error {
	t.Helper()
	return startWith(testContext(t), e, handle)
}

func startWith(ctx context.Context, e *Encoder, handle func(media.Unit) error) <-chan error {
	running := make(chan error, 1)
	go func() { running <- e.Run(ctx, handle) }()
	return running
}

// check holds units against the frames that were written, in every respect but their pictures.
func check(t testing.TB, o Options, units []media.Unit, frames []int64) {
	t.Helper()
	var got []int64
	for i, au := range units {
		got = append(got, au.Frame)
		if want := o.PTSOrigin + o.Rate.Ticks(au.Frame); au.PTS != want {
			t.Errorf("frame %d: PTS %d, want %d", au.Frame, au.PTS, want)
		}
		if tr := au.Track; tr.Rendition != o.Rendition || tr.Width != o.Width || tr.Height != o.Height || !tr.Equal(units[0].Track) {
			t.Errorf("frame %d: track %+v", au.Frame, tr)
		}
		if au.DTS > au.PTS {
			t.Errorf("frame %d: DTS %d after PTS %d", au.Frame, au.DTS, au.PTS)
		}
		if n, off := o.Rate.FrameAtTicks(au.DTS - o.PTSOrigin); off != 0 || au.Frame-n > int64(o.BFrames)+2 {
			t.Errorf("frame %d: DTS %d is that of frame %d, %d ticks off", au.Frame, au.DTS, n, off)
		}
		if i > 0 && au.DTS <= units[i-1].DTS {
			t.Errorf("frame %d: DTS %d after %d", au.Frame, au.DTS, units[i-1].DTS)
		}
		if o.BFrames == 0 && au.DTS != au.PTS {
			t.Errorf("frame %d: DTS %d is not its PTS %d", au.Frame, au.DTS, au.PTS)
		}
		if au.Key != (au.Frame%o.GOP == 0) {
			t.Errorf("frame %d: key frame %t", au.Frame, au.Key)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, frames) {
		t.Errorf("frames %d, want %d", got, frames)
	}
}

// mux makes a stream of the units.
func mux(t testing.TB, units []media.Unit) []byte {
	t.Helper()
	var b bytes.Buffer
	w := ts.NewWriter(&b)
	for _, au := range units {
		if err := w.WriteUnit(au); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// decode has ffmpeg decode the units, and returns the pictures in presentation order.
func decode(t testing.TB, o Options, units []media.Unit, pixelFormat string, size int) [][]byte {
	t.Helper()
	out := run(t, mux(t, units), "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-f", "mpegts", "-i", "pipe:0",
		"-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", pixelFormat, "pipe:1")
	if len(out)%size != 0 {
		t.Fatalf("%d bytes are not whole pictures of %d", len(out), size)
	}
	return slices.Collect(slices.Chunk(out, size))
}

// checkPictures decodes the units and reads the number in each picture.
func checkPictures(t testing.TB, o Options, units []media.Unit) {
	t.Helper()
	shown := slices.Clone(units)
	slices.SortFunc(shown, func(a, b media.Unit) int { return int(a.PTS - b.PTS) })
	pictures := decode(t, o, units, "gray", o.Width*o.Height)
	if len(pictures) != len(units) {
		t.Fatalf("%d pictures, want %d", len(pictures), len(units))
	}
	for i, p := range pictures {
		if n := readPicture(o, p); n != shown[i].Frame {
			t.Errorf("the picture of frame %d shows %d", shown[i].Frame, n)
		}
	}
}

// run runs a program that must succeed and returns what it printed.
var run = soundtest.Run

// script makes a program that stands in for ffmpeg.
func script(t testing.TB, body string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ffmpeg")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

// watched makes a program that is ffmpeg and leaves its process id in a file, and a function that waits for it.
func watched(t testing.TB) (ffmpeg string, pid func() int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pid")
	ffmpeg = script(t, fmt.Sprintf("echo $$ >%s.new && mv %s.new %s && exec ffmpeg \"$@\"", file, file, file))
	return ffmpeg, func() int {
		t.Helper()
		var id int
		eventually(t, "ffmpeg to start", func() bool {
			b, err := os.ReadFile(file)
			if err == nil {
				id, err = strconv.Atoi(strings.TrimSpace(string(b)))
			}
			return err == nil
		})
		return id
	}
}

// eventually polls for a condition that nothing announces.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for ctx := testContext(t); !ok(); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// noLeaks notes the goroutines, and returns a check that they are no more and that the process is gone.
func noLeaks(t testing.TB) func(pid int) {
	t.Helper()
	before := runtime.NumGoroutine()
	return func(pid int) {
		t.Helper()
		if !testunix.Gone(pid) {
			t.Errorf("process %d is still there", pid)
		}
		eventually(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
	}
}
