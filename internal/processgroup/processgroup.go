// Package processgroup runs a child so that it can be ended with all that it has started, and so that Ctrl+C in a terminal does
// not reach it: its parent decides when it ends. On Unix that is a process group; on Windows a console process group for the
// interrupt and a job object for the end, see the documentation of CreateProcess and AssignProcessToJobObject.
package processgroup

import (
	"bytes"
	"strings"
	"sync"
)

// tailSize is how many bytes a Tail keeps: the last lines show why a program ended.
const tailSize = 2000

// Tail keeps the end of what a child prints. It is safe for concurrent use.
type Tail struct {
	mu   sync.Mutex
	text []byte
}

// Write keeps the last bytes. It never fails.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if n := len(t.text) - tailSize; n > 0 {
		t.text = append(t.text[:0], t.text[n:]...)
	}
	return len(p), nil
}

// String is what is kept.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(bytes.ToValidUTF8(t.text, nil)))
}
