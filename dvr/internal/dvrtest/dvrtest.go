package dvrtest

import (
	"bytes"
	"fmt"
	"os/exec"
	"sync"
	"testing"

	"github.com/refstream/refstream/outputs/ts"
)

// clips are the streams of these tests, of which most are used by several: each is made once a run.
type clips struct {
	mu   sync.Mutex
	made map[string]func() ([]byte, error)
}

var made = clips{made: map[string]func() ([]byte, error){}}

// get is a copy of the clip of a name, which is made if it isn't yet.
func (c *clips) get(t testing.TB, name string, make func() ([]byte, error)) []byte {
	t.Helper()
	c.mu.Lock()
	once, ok := c.made[name]
	if !ok {
		once = sync.OnceValues(make)
		c.made[name] = once
	}
	c.mu.Unlock()
	b, err := once()
	if err != nil {
		t.Fatalf("make clip: %v", err)
	}
	return bytes.Clone(b)
}

// movedStream is a stream whose time stamps are so many ticks later. It changes what it is given.
func movedStream(b []byte, ticks int64) []byte {
	for at := 0; at < len(b); at += ts.PacketSize {
		ts.Packet(b[at : at+ts.PacketSize]).Shift(ticks)
	}
	return b
}

// output is what a program writes to its standard output, which must go well.
func output(cmd *exec.Cmd) ([]byte, error) {
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w: %s", cmd.Args, err, &said)
	}
	return out, nil
}
