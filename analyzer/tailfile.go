package analyzer

import (
	"context"
	"errors"
	"io"
	"time"
)

// tailEvery is how often a file is looked at that may have grown: about what people don't notice.
const tailEvery = 200 * time.Millisecond

// errWrittenAnew is a file that got shorter while it was read.
var errWrittenAnew = errors.New("the file is written anew")

// tailFile reads a file, and if asked to goes on as it grows.
type tailFile struct {
	f      *File
	ctx    context.Context
	follow bool
	stall  time.Duration
	// stalled is called once each time that the file has not grown for as long as stall.
	stalled func()
	at      int64
}

// Read reads once. At the end of a file that is followed it waits for more.
func (t *tailFile) Read(b []byte) (int, error) {
	var waited time.Duration
	for {
		n, err := t.f.Read(b)
		t.at += int64(n)
		if n > 0 || !errors.Is(err, io.EOF) || !t.follow {
			return n, err
		}
		if info, err := t.f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() < t.at {
			return 0, errWrittenAnew
		}
		timer := time.NewTimer(tailEvery)
		select {
		case <-t.ctx.Done():
			timer.Stop()
			return 0, t.ctx.Err()
		case <-timer.C:
		}
		if before := waited; t.stalled != nil {
			if waited += tailEvery; before < t.stall && waited >= t.stall {
				t.stalled()
			}
		}
	}
}

// Close closes the file.
func (t *tailFile) Close() error { return t.f.Close() }
