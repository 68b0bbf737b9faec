package refstreamtest_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/verify/score"
	"github.com/refstream/refstream/refstreamtest"
)

// limit is how long anything may take on a machine that is busy.
const limit = 60 * time.Second

// tiny costs little, also fifty times.
var tiny = refstreamtest.Options{Width: 160, Height: 90, Segment: 400 * time.Millisecond, EventEvery: time.Second, EventLength: 200 * time.Millisecond}

// probe reads a stream with ffprobe, and gives the kinds of tracks that it found.
func probe(t *testing.T, address string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", address)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", address, err, out)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

// All that a server gives is there when it is ready, and is the stream's own.
func TestServer(t *testing.T) {
	t.Parallel()
	o := tiny
	o.Audio, o.Scenarios = true, []string{"delivery"}
	s := refstreamtest.Start(t, o)
	for _, address := range []string{s.HLS(), s.TS(), s.RTMP(), s.Twin("delivery").TS()} {
		if got := probe(t, address); !strings.Contains(got, "h264") || !strings.Contains(got, "aac") {
			t.Errorf("%s has %q", address, got)
		}
	}
	first := s.WaitMarker(t.Context(), 0)
	next := s.WaitMarker(t.Context(), first.Frame+1)
	list := s.Markers(t.Context())
	if len(list) < 2 || list[0].ID != first.ID || list[1].ID != next.ID {
		t.Errorf("the events are %+v, and %s and %s were waited for", list, first.ID, next.ID)
	}
	frames := s.Frames(t.Context(), first.Frame, first.LastFrame)
	if len(frames) != 5 || frames[0].Frame != first.Frame || s.FrameAt(s.Time(first.Frame)) != first.Frame {
		t.Errorf("the frames of event %d to %d are %+v", first.Frame, first.LastFrame, frames)
	}
	at := []time.Duration{s.Time(next.Frame), s.Time(first.Frame)}
	if r := s.Score(t.Context(), at, score.Options{}); r.Matched != 2 || r.Spurious != 0 {
		t.Errorf("the score is %+v", r)
	}
	if got := s.Faults(t.Context(), 0, 1e6); len(got) > 0 {
		t.Errorf("the clean channel has faults: %+v", got)
	}
	if got := s.Twin("delivery").Faults(t.Context(), 0, 1e6); len(got) == 0 || got[0].Channel != "main-delivery" {
		t.Errorf("the faults of the twin are %+v", got)
	}
}

func TestGenerate(t *testing.T) {
	t.Parallel()
	o := tiny
	o.Scenarios, o.DASH = []string{scenarioFile(t)}, true
	clip := refstreamtest.Generate(t, o, 3*time.Second)
	if got := probe(t, clip.TS()); !strings.Contains(got, "h264") || strings.Contains(got, "aac") {
		t.Errorf("the stream has %q", got)
	}
	if got := clip.Faults(t.Context(), 0, 74); len(got) != 1 || got[0].Kind != "freeze" {
		t.Errorf("the faults are %+v", got)
	}
	if got := clip.Frames(t.Context(), 0, 100); len(got) != 75 {
		t.Errorf("there are %d frames", len(got))
	}
	if _, err := os.Stat(filepath.Join(clip.Dir, "manifest.mpd")); err != nil {
		t.Error(err)
	}
}

func scenarioFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "one.yaml")
	text := "name: one\nversion: 1\nfaults:\n  - do: freeze\n    at: 1s\n    for: 200ms\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// failing is a test that notes in the place of ending; what it owns goes when end is called.
type failing struct {
	*testing.T
	failure string
}

func (f *failing) Fatalf(format string, args ...any) {
	f.failure = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// What can't work ends the test with a line that says what to do.
func TestRefused(t *testing.T) {
	t.Parallel()
	for says, run := range map[string]func(*failing){
		"start refstream: --event-every: ": func(f *failing) {
			refstreamtest.Start(f, refstreamtest.Options{EventEvery: time.Second, EventLength: time.Second})
		},
		"generate: a clip has the faults of one": func(f *failing) {
			refstreamtest.Generate(f, refstreamtest.Options{Scenarios: []string{"delivery", "tr101290"}}, time.Second)
		},
		"generate: --container: fragmented MP4 has no faults": func(f *failing) {
			refstreamtest.Generate(f, refstreamtest.Options{Scenarios: []string{"tr101290"}, DASH: true}, time.Second)
		},
		"generate: --duration: ": func(f *failing) { refstreamtest.Generate(f, tiny, 0) },
		"there is no twin of scenario \"none\"": func(f *failing) {
			refstreamtest.Start(f, tiny).Twin("none")
		},
		"wait for an event from frame 1000000": func(f *failing) {
			ctx, cancel := context.WithTimeout(f.Context(), time.Second)
			defer cancel()
			refstreamtest.Start(f, tiny).WaitMarker(ctx, 1_000_000)
		},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			f, done := &failing{T: t}, make(chan struct{})
			go func() {
				defer close(done)
				run(f)
			}()
			<-done
			if !strings.HasPrefix(f.failure, says) {
				t.Errorf("it says %q, and is to begin with %q", f.failure, says)
			}
		})
	}
}

// Nothing is left of a server when its test has ended: no goroutine, no port, no program and no file.
func TestNothingIsLeft(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // also keeps other tests from running now
	before := runtime.NumGoroutine()
	var addresses []string
	t.Run("servers", func(t *testing.T) {
		for range 3 {
			t.Run("server", func(t *testing.T) {
				s := refstreamtest.Start(t, tiny)
				s.WaitMarker(t.Context(), 0)
				addresses = append(addresses, strings.TrimPrefix(s.URL(), "http://"), strings.Split(s.RTMP(), "/")[2])
			})
		}
		t.Run("clip", func(t *testing.T) { refstreamtest.Generate(t, tiny, time.Second) })
	})
	for _, a := range addresses {
		if c, err := net.Dial("tcp", a); err == nil {
			c.Close()
			t.Errorf("%s is still served", a)
		}
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
	if left := children(t); left != "" {
		t.Errorf("programs are left: %s", left)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(limit); runtime.NumGoroutine() > before; <-tick.C {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// children lists the programs that this one has started and that still run, where the system is Linux.
func children(t *testing.T) string {
	t.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	left := ""
	for _, name := range lists {
		if pids, err := os.ReadFile(name); err == nil { // a thread may have ended meanwhile
			left += string(pids)
		}
	}
	return left
}
