package live

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
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
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
	return pid
}

func kill9(t *testing.T, dir string) { signal(t, dir, syscall.SIGKILL) }

func isGone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

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
			h, log := newHub(t, func(o *Options) {
				o.FFmpeg, o.WriteTimeout = pidScript(t, dir), 500*time.Millisecond
			})
			d := newDatagrams(t, 0)
			stop, wait := startRelayTest(t, h, parseRelayTest(t, "-f mpegts udp://"+d.LocalAddr().String()))
			defer s.playOn(t, h)()
			eventually(t, "the stream", func() bool { return relayStatus(h).ClientsTotal == 1 })
			pid := signal(t, dir, syscall.SIGSTOP)
			eventually(t, "the stream to flow again", func() bool { return relayStatus(h).ClientsTotal == 2 })
			status := relayStatus(h)
			if status.Dropped != 1 || status.Reconnects != 1 || !strings.Contains(status.LastError, "500ms") || status.State != StateRunning {
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

// A pause of the stream is no stall of ffmpeg's.
func TestRelaySurvivesPause(t *testing.T) {
	s := relaySource{newSource(t, 0), 0}
	h, _ := newHub(t, func(o *Options) { o.WriteTimeout = 200 * time.Millisecond })
	_, wait := startRelayTest(t, h, parseRelayTest(t, filepath.Join(t.TempDir(), "a.ts")))
	s.write2(t, h, 0, 50)
	eventually(t, "the stream", func() bool { return relayStatus(h).ClientsTotal == 1 })
	later := time.NewTimer(600 * time.Millisecond)
	<-later.C
	s.write2(t, h, 50, 75)
	h.Close()
	if err := wait(); err != nil {
		t.Error(err)
	}
	if status := relayStatus(h); status.Dropped != 0 || status.Reconnects != 0 {
		t.Errorf("%+v", status)
	}
}

// However ffmpeg takes its end, it is gone soon after it.
func TestRelayStops(t *testing.T) {
	const limit = relayTrailer + relayKill + time.Second
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
				h, _ := newHub(t, func(o *Options) {
					o.WriteTimeout = time.Minute
					o.FFmpeg = shellScript(t, "echo $$ >'"+dir+"/new'; mv '"+dir+"/new' '"+dir+"/pid'; "+c.ffmpeg)
				})
				stop, wait := startRelayTest(t, h, parseRelayTest(t, "-f mpegts -y /dev/null"))
				s.write2(t, h, 0, 50)
				pid := pidOf(t, dir)
				if c.soon {
					eventually(t, "the stream", func() bool { return relayStatus(h).ClientsTotal == 1 })
				}
				if c.hang {
					signal(t, dir, syscall.SIGSTOP)
				}
				begun := time.Now()
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
				if took := time.Since(begun); took > limit || c.soon && took > relayTrailer {
					t.Errorf("it took %v", took)
				}
				if !isGone(pid) {
					t.Error("ffmpeg is still there")
				}
				eventually(t, "what its group has left to end", func() bool { return isGone(-pid) })
			})
		}
	}
}
