package scenes

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/dvr/internal/dvrtest"
	"github.com/refstream/refstream/dvr/splice"
	"github.com/refstream/refstream/internal/testunix"
	"github.com/refstream/refstream/media"
)

// script is a program in place of ffmpeg.
func script(t testing.TB, lines string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ffmpeg")
	// Written by another name, as a file that is open for writing in a child can't be run.
	if err := os.WriteFile(name+".new", []byte("#!/bin/sh\n"+lines+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestScanWithoutFFmpeg(t *testing.T) {
	s := newScanSession(t)
	s.o.FFmpeg = "no-such-ffmpeg"
	if _, err := New(s.o, s.folder); err == nil || !strings.Contains(err.Error(), "no-such-ffmpeg") || !strings.Contains(err.Error(), "install ffmpeg") {
		t.Errorf("error %v", err)
	}
}

// TestScanDecoderKilled kills the decoder in the middle: nothing is left out, nothing is there twice.
func TestScanDecoderKilled(t *testing.T) {
	t.Parallel()
	o := ourOptions(320, 180, rate30)
	b := ourStream(t, o, 0, 200, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2")
	s := newScanSession(t)
	pid := filepath.Join(t.TempDir(), "pid")
	s.o.FFmpeg = script(t, fmt.Sprintf("echo $$ >>%s; exec ffmpeg \"$@\"", pid))
	sc, wait := s.follow(t.Context())
	s.append(b[:len(b)/188/2*188])
	sc.Grown()
	s.until("there are some frames", func() bool { _, n := sc.Scanned(); return n >= 3 })
	text, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	id, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := testunix.Send(id, testunix.Kill); err != nil {
		t.Fatal(err)
	}
	s.append(b[len(b)/188/2*188:])
	sc.Grown()
	sc.Finish()
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	if got, want := numbers(s.index()), changes(t, o, 0, 200); !slices.Equal(got, want) {
		t.Errorf("frames %d, want %d\n%s", got, want, s.log)
	}
	if log := s.log.String(); !strings.Contains(log, "signal: killed") {
		t.Errorf("log: %s", log)
	}
}

func (s *scanSession) until(what string, ok func() bool) {
	s.t.Helper()
	dvrtest.Until(s.t, s.log, what, ok)
}

// TestScanDecoderFails has a decoder that never makes a picture: it is started a few times only, and what it was given is
// said.
func TestScanDecoderFails(t *testing.T) {
	t.Parallel()
	o := ourOptions(320, 180, rate30)
	s := newScanSession(t)
	count := filepath.Join(t.TempDir(), "count")
	s.o.FFmpeg = script(t, fmt.Sprintf("echo x >>%s; echo nothing works >&2; exit 3", count))
	s.append(ourStream(t, o, 0, 200, "-c:v", "libx264", "-preset", "ultrafast", "-g", "10"))
	sc := s.scanner()
	sc.Finish()
	if err := sc.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(count)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(b), "x"); n < 3 || n > 8 {
		t.Errorf("%d decoders for 20 key frames", n)
	}
	for _, want := range []string{"nothing works", "exit status 3", "was not scanned"} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log doesn't say %q: %s", want, s.log)
		}
	}
	if _, err := os.Stat(filepath.Join(s.folder, indexFile)); err == nil {
		t.Error("there is an index")
	}
}

// TestScanDecoderIdle has decoders that make no pictures and fail in no way: that is said once.
func TestScanDecoderIdle(t *testing.T) {
	t.Parallel()
	b := ourStream(t, ourOptions(320, 180, rate30), 0, 150, "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "1M", "-minrate", "1M")
	for name, lines := range map[string]string{
		"takes all and ends":  "cat >/dev/null",
		"takes all and waits": "cat >/dev/null; exec sleep 1000",
		"takes nothing":       "exec sleep 1000",
		"ends at once":        "exec true",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScanSession(t)
			log := &dvrtest.Log{}
			s.o.Logger = slog.New(slog.NewTextHandler(log, nil))
			s.o.FFmpeg = script(t, lines)
			at := time.Unix(0, 0)
			s.append(b)
			s.append(b)
			s.connections(splice.Connection{Number: 1, Bytes: int64(len(b)), Ended: &at}, splice.Connection{Number: 2, FirstByte: int64(len(b))})
			sc := s.scanner()
			sc.silence = 100 * time.Millisecond
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- sc.Run(ctx) }()
			s.until("it is said", func() bool {
				return strings.Contains(log.String(), "no pictures") || strings.Contains(log.String(), "before its input did")
			})
			sc.Finish()
			select {
			case <-ended:
			case <-time.After(500 * time.Millisecond):
				cancel()
				<-ended
			}
			cancel()
			if n := strings.Count(log.String(), "no pictures"); n > 1 || name != "ends at once" && n == 0 {
				t.Errorf("it is said %d times: %s", n, log)
			}
		})
	}
}

// TestScanDamaged has a second of a recording overwritten by noise: what is before and behind is found.
func TestScanDamaged(t *testing.T) {
	t.Parallel()
	o := ourOptions(320, 180, rate30)
	b := ourStream(t, o, 0, 400, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2")
	r := rand.New(rand.NewPCG(1, 2))
	for i := len(b) * 4 / 10 / 188 * 188; i < len(b)*5/10; i++ {
		if i%188 != 0 {
			b[i] = byte(r.Uint32())
		}
	}
	s := newScanSession(t)
	s.append(b)
	got := numbers(s.scan())
	for _, n := range changes(t, o, 0, 400) {
		if (n < 150 || n > 235) && !slices.Contains(got, n) {
			t.Errorf("frame %d is not there: %d", n, got)
		}
	}
	if s.log.Len() == 0 {
		t.Error("nothing was logged")
	}
}

// TestScanTimes has time stamps that wrap around, begin near the end of their range, go back, or jump ahead within a
// connection: each picture counts once, and times are as in the recording.
func TestScanTimes(t *testing.T) {
	t.Parallel()
	o := ourOptions(320, 180, rate30)
	args := []string{"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-muxdelay", "0", "-muxpreload", "0"}
	plain := newScanSession(t)
	moved := func(from, offset int64) []byte {
		return dvrtest.Moved(ourStream(t, o, from, 200, args...), offset*media.TicksPerSecond)
	}
	plain.append(moved(0, 100))
	want := plain.scan()
	offsets := []int64{95443, 60000, 95440, 90000} // 2^33 ticks are 95443.72 s
	if testing.Short() {
		offsets = offsets[:2]
	}
	for _, offset := range offsets {
		s := newScanSession(t)
		s.append(moved(0, offset))
		got := s.scan()
		if !slices.Equal(numbers(got), numbers(want)) {
			t.Fatalf("offset %v: frames %d, want %d\n%s", offset, numbers(got), numbers(want), s.log)
		}
		for i := range got {
			if shift := got[i].PTS - want[i].PTS; shift != (offset-100)*media.TicksPerSecond {
				t.Errorf("offset %v: %s is shifted by %d ticks", offset, got[i].ID, shift)
			}
		}
		s.silent()
	}
	jumps := newScanSession(t)
	jumps.append(moved(0, 1000))
	jumps.append(moved(200, 500))
	jumps.append(moved(400, 2000))
	all := jumps.scan()
	got := numbers(all)
	for _, n := range changes(t, o, 0, 600) {
		if !slices.Contains(got, n) {
			t.Errorf("frame %d is not there: %d", n, got)
		}
	}
	for _, f := range all {
		n := *f.Number
		if want := []int64{1000, 500, 2000}[n/200]*media.TicksPerSecond + want[0].PTS - 100*media.TicksPerSecond + n%200*3000; f.PTS != want {
			t.Errorf("frame %d is at %d, want %d", n, f.PTS, want)
		}
	}
	// The same again, after a stop in the middle.
	s := newScanSession(t)
	s.append(read(t, jumps.folder, splice.RecordingFile))
	s.scanSome(len(all) / 2)
	if got := s.scan(); !reflect.DeepEqual(got, all) {
		t.Errorf("resumed: %+v, want %+v", got, all)
	}
}
