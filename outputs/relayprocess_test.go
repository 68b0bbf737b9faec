package outputs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/refstream/refstream/internal/ffmpeg"
	"github.com/refstream/refstream/internal/testunix"
)

// pidScript makes a program that is ffmpeg and leaves its process id in the folder.
func pidScript(t *testing.T, dir string) string {
	t.Helper()
	return shellScript(t, fmt.Sprintf("echo $$ >'%[1]s/new' && mv '%[1]s/new' '%[1]s/pid' && exec ffmpeg \"$@\"", dir))
}

// shellScript makes a program that stands in for ffmpeg.
func shellScript(t *testing.T, body string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ffmpeg")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}

// pidOf waits for the process id.
func pidOf(t *testing.T, dir string) (pid int) {
	t.Helper()
	eventually(t, "ffmpeg to start", func() bool {
		b, err := os.ReadFile(filepath.Join(dir, "pid"))
		if err == nil {
			pid, err = strconv.Atoi(strings.TrimSpace(string(b)))
		}
		return err == nil
	})
	return pid
}

func signal(t *testing.T, dir string, s syscall.Signal) (pid int) {
	t.Helper()
	pid = pidOf(t, dir)
	if err := testunix.Send(pid, s); err != nil {
		t.Fatal(err)
	}
	return pid
}

func kill9(t *testing.T, dir string) { signal(t, dir, testunix.Kill) }

func isGone(pid int) bool { return testunix.Gone(pid) }

// playOn gives the hub units in the background until stopped.
func (s relaySource) playOn(t *testing.T, h *Hub) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			if err := h.Write(s.unit(i)); err != nil {
				t.Error(err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// An ffmpeg that is stopped is noticed, killed and followed by another one; the stream doesn't wait for it.
func TestRelayStalls(t *testing.T) {
	for name, padding := range map[string]int{"large frames": 20000, "small frames": 0} {
		t.Run(name, func(t *testing.T) {
			s, dir := relaySource{newSource(t, padding), 0}, t.TempDir()
			h, log := newRelayHub(t, func(o *Options) {
				o.FFmpeg, o.WriteTimeout = pidScript(t, dir), 500*time.Millisecond
			})
			d := newDatagrams(t, 0)
			stop, wait := startRelayTest(t, h, parseRelayTest(t, "udp://"+d.LocalAddr().String()))
			defer s.playOn(t, h)()
			eventually(t, "the stream", func() bool { return relayStatus(h).ClientsTotal >= 1 })
			pid := signal(t, dir, testunix.Stop)
			eventually(t, "the stream to flow again", func() bool { return relayStatus(h).ClientsTotal >= 2 })
			status := relayStatus(h)
			// On a slow machine others were killed besides, which had no time.
			if status.Dropped < 1 || status.Reconnects < 1 || !strings.Contains(status.LastError, "500ms") {
				t.Errorf("%+v", status)
			}
			if !strings.Contains(log.String(), "was killed") {
				t.Errorf("log: %s", log)
			}
			if !isGone(pid) {
				t.Error("the process that was stopped is still there")
			}
			stop()
			if err := wait(); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			if pid := pidOf(t, dir); !isGone(pid) {
				t.Error("ffmpeg is still there")
			}
		})
	}
}

// A pause of the stream is no stall of ffmpeg's, which is killed exactly when it has done nothing for too long with what
// it was given. The times are those of a bubble, in which sleep stands for ffmpeg.
func TestRelayWatch(t *testing.T) {
	const stall, open = 800 * time.Millisecond, 10 * time.Second
	for name, c := range map[string]struct {
		beat, write func(at time.Duration) bool // what happens every 10 ms
		killed      time.Duration               // 0 for never
		says        string
	}{
		"flows":       {beat: always, write: always},
		"pauses":      {beat: until(time.Second), write: until(time.Second)},
		"is late":     {beat: after(9 * time.Second), write: always},
		"stalls":      {beat: until(time.Second), write: always, killed: 1800 * time.Millisecond, says: "for 800ms"},
		"never opens": {beat: never, write: always, killed: open, says: "did not open its output for 10s"},
		"unfed":       {beat: never, write: never},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("sleep", "1000")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
			synctest.Test(t, func(t *testing.T) {
				p := &relayProcess{relayCommand: relayCommand{stall: stall, open: open}, cmd: &ffmpeg.Command{Cmd: cmd}, progress: &relayProgress{}, exited: make(chan struct{})}
				p.ctx, p.cancel = context.WithCancelCause(t.Context())
				defer p.cancel(nil)
				watched := make(chan struct{})
				began, killed := time.Now(), time.Duration(0)
				go func() { defer close(watched); p.watch(); killed = time.Since(began) }()
				<-time.After(5 * time.Millisecond) // between the looks
				for at := time.Duration(0); at < 20*time.Second && p.ctx.Err() == nil; at += 10 * time.Millisecond {
					if c.beat(at) {
						p.progress.beats.Add(1)
					}
					if c.write(at) {
						p.written.Add(1)
					}
					<-time.After(10 * time.Millisecond)
				}
				close(p.exited)
				<-watched
				why := context.Cause(p.ctx)
				if c.killed == 0 {
					if why != nil {
						t.Errorf("killed after %v: %v", killed, why)
					}
					return
				}
				// It looks eight times within the stall time.
				if !errors.Is(why, errSlow) || !strings.Contains(why.Error(), c.says) || killed < c.killed || killed > c.killed+stall/relaySteps {
					t.Errorf("killed after %v, want %v: %v", killed, c.killed, why)
				}
			})
		})
	}
}

func always(time.Duration) bool { return true }
func never(time.Duration) bool  { return false }

func until(end time.Duration) func(time.Duration) bool {
	return func(at time.Duration) bool { return at < end }
}

func after(begin time.Duration) func(time.Duration) bool {
	return func(at time.Duration) bool { return at >= begin }
}

// However ffmpeg takes its end, it is gone after it: by itself, or when its time is over.
func TestRelayStops(t *testing.T) {
	if limit := defaultTimes().trailer + defaultTimes().kill; limit > 1750*time.Millisecond {
		t.Errorf("a relay may take %v to end", limit)
	}
	for name, c := range map[string]struct {
		ffmpeg string
		hang   bool
		soon   bool
	}{
		"well":                {ffmpeg: `exec ffmpeg "$@"`, soon: true},
		"hangs":               {ffmpeg: `exec ffmpeg "$@"`, hang: true},
		"ignores the signal":  {ffmpeg: `trap '' INT TERM; cat >/dev/null; while :; do read x </dev/zero; done`},
		"leaves another":      {ffmpeg: `(trap '' INT; exec cat /dev/zero >/dev/null) & exec ffmpeg "$@"`, soon: true},
		"reads nothing":       {ffmpeg: `trap '' INT; exec cat /dev/zero >/dev/null`},
		"takes the interrupt": {ffmpeg: `exec cat /dev/zero >/dev/null`},
	} {
		for _, how := range []string{"context", "end of stream"} {
			t.Run(name+", "+how, func(t *testing.T) {
				s, dir := relaySource{newSource(t, 0), 0}, t.TempDir()
				h, _ := newRelayHub(t, func(o *Options) {
					o.WriteTimeout = time.Minute
					o.FFmpeg = shellScript(t, "echo $$ >'"+dir+"/new'; mv '"+dir+"/new' '"+dir+"/pid'; "+c.ffmpeg)
				})
				if h.times.kill = 50 * time.Millisecond; !c.soon {
					h.times.trailer = 50 * time.Millisecond // else it must end by itself
				}
				stop, wait := startRelayTest(t, h, parseRelayTest(t, filepath.Join(dir, "a.ts")))
				s.write2(t, h, 0, 50)
				pid := pidOf(t, dir)
				if c.soon {
					eventually(t, "the stream", func() bool { return relayStatus(h).ClientsTotal == 1 })
				}
				if c.hang {
					signal(t, dir, testunix.Stop)
				}
				if how == "context" {
					stop()
					if err := wait(); !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
				} else {
					h.Close()
					if err := wait(); err != nil {
						t.Error(err)
					}
				}
				if !isGone(pid) {
					t.Error("ffmpeg is still there")
				}
				eventually(t, "what its group has left to end", func() bool { return isGone(-pid) })
			})
		}
	}
}
