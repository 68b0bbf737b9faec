// Package dvrtest has helpers for the tests of dvr: transport streams made by ffmpeg, running programs, logs and waiting.
package dvrtest

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/refstream/refstream/format/ts"
)

// Patience is how long anything may take, on the slowest machine.
const Patience = 2 * time.Minute

// Clips are streams, of which most are used by several tests of a package: each is made once a run. The zero value is ready.
type Clips struct {
	mu   sync.Mutex
	made map[string]func() ([]byte, error)
}

// Get is a copy of the clip of a name, which is made if it isn't yet.
func (c *Clips) Get(t testing.TB, name string, make func() ([]byte, error)) []byte {
	t.Helper()
	c.mu.Lock()
	once, ok := c.made[name]
	if !ok {
		once = sync.OnceValues(make)
		if c.made == nil {
			c.made = map[string]func() ([]byte, error){}
		}
		c.made[name] = once
	}
	c.mu.Unlock()
	b, err := once()
	if err != nil {
		t.Fatalf("make clip: %v", err)
	}
	return bytes.Clone(b)
}

// Stream has ffmpeg make a transport stream of a moving picture with B-frames and a tone. arguments go before the output.
func (c *Clips) Stream(t testing.TB, seconds int, arguments ...string) []byte {
	t.Helper()
	d := strconv.Itoa(seconds)
	args := []string{
		"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=" + d, "-f", "lavfi", "-i", "sine=d=" + d,
		"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-b:v", "200k", "-c:a", "aac", "-shortest",
	}
	return c.Get(t, fmt.Sprint("stream", d, arguments), func() ([]byte, error) {
		return Output(exec.Command("ffmpeg", append(append(args, arguments...), "-f", "mpegts", "-")...))
	})
}

// Moved is a stream whose time stamps are so many ticks later. It changes what it is given.
func Moved(b []byte, ticks int64) []byte {
	for at := 0; at < len(b); at += ts.PacketSize {
		ts.Packet(b[at : at+ts.PacketSize]).Shift(ticks)
	}
	return b
}

// Output is what a program writes to its standard output, which must go well.
func Output(cmd *exec.Cmd) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w: %s", cmd.Args, err, &stderr)
	}
	return out, nil
}

// Command runs a program that must succeed, and returns what it printed; errors too are shown.
func Command(t testing.TB, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	out, err := Output(exec.CommandContext(ctx, name, args...))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// Log collects a logger's output. It may be written and read at once.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write takes a line of the log.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// String is all that was written.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Until waits for something to become so, and shows the log where it doesn't.
func Until(t testing.TB, log fmt.Stringer, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(Patience); !so(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("it is not so that %s\nlog:\n%s", what, log)
		}
	}
}
