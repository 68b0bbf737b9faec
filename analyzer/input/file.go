package input

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// File is an open file that may be a FIFO, a terminal or a pipe: what waits in Read ends with the context of the file.
// It is for one goroutine.
type File struct {
	*os.File
	ctx   context.Context
	ready *readiness // nil for what never has to be waited for
}

// OpenFile opens a file to be read for as long as ctx lasts. A FIFO that nobody writes to yet is opened at once, and its
// Read waits for somebody to.
func OpenFile(ctx context.Context, path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // open(2) waits for a writer of a FIFO otherwise
	if err != nil {
		return nil, err
	}
	file, err := WaitOn(ctx, f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return file, nil
}

// WaitOn makes a File of one that is open, such as standard input. It is closed with the File.
func WaitOn(ctx context.Context, f *os.File) (*File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	file := &File{File: f, ctx: ctx}
	const waits = fs.ModeNamedPipe | fs.ModeSocket | fs.ModeCharDevice
	if info.Mode()&waits != 0 {
		if file.ready, err = newReadiness(f); err != nil {
			return nil, fmt.Errorf("watch %s: %w", f.Name(), err)
		}
	}
	return file, nil
}

// Read reads once. When the context ends it returns its error.
func (f *File) Read(b []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	if f.ready != nil {
		if err := f.ready.wait(f.ctx); err != nil {
			return 0, err
		}
	}
	return f.File.Read(b)
}

// WriteTo is not that of the os.File, which would not wait as Read does.
func (f *File) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, struct{ io.Reader }{f}) }

// Close closes the file.
func (f *File) Close() error {
	if f.ready == nil {
		return f.File.Close()
	}
	return errors.Join(f.ready.close(), f.File.Close())
}

// tailEvery is how often a file is checked for growth: people don't notice the delay.
const tailEvery = 200 * time.Millisecond

// errWrittenAnew is a file that got shorter while it was read.
var errWrittenAnew = errors.New("the file is written anew")

// tailFile reads a file, also as it grows.
type tailFile struct {
	f      *File
	ctx    context.Context
	follow bool
	stall  time.Duration
	// stalled is called once each time that the file has not grown for as long as stall.
	stalled func()
	at      int64
}

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
		if err := Wait(t.ctx, tailEvery); err != nil {
			return 0, err
		}
		if before := waited; t.stalled != nil {
			if waited += tailEvery; before < t.stall && waited >= t.stall {
				t.stalled()
			}
		}
	}
}

func (t *tailFile) Close() error { return t.f.Close() }
