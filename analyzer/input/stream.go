package input

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// readSize is how much is asked of a connection at once: a Linux pipe's usual capacity.
const readSize = 64 << 10

// Stream is an open stream of bytes.
type Stream struct {
	*bufio.Reader
	Kind    Kind   // by its first bytes
	Finite  bool   // the stream has an end after which nothing can follow
	Through string // the transport, for people

	body     io.ReadCloser
	playlist bool      // it is a compressed playlist, which is read anew
	stdin    bool      // it has no name by which it could be opened again
	tail     *tailFile // the file that may be read as it grows, nil for what isn't one
}

// Open opens the stream at an address and finds its kind. It ends with w's context.
func Open(w *Watchdog, t Target, client *http.Client) (*Stream, error) {
	s, err := connect(w, t, client)
	if err != nil {
		return nil, err
	}
	var r io.Reader = s.body
	if s.tail == nil {
		r = &watchedReader{w, r}
	} else {
		w.Working() // a file has no silence to it
	}
	s.Reader = bufio.NewReaderSize(r, readSize)
	if s.playlist {
		return s, nil
	}
	if s.Kind, err = sniff(s.Reader, s.Kind); err != nil {
		s.Close()
		return nil, w.Explain(err)
	}
	if s.stdin && s.Kind == HLS {
		s.Close()
		return nil, errors.New("open stream: a playlist on standard input does not say where its segments are: give its address or its file")
	}
	return s, nil
}

// Close closes the stream.
func (s *Stream) Close() error { return s.body.Close() }

// FollowFile has a file read as it grows; stalled is called each time that it has not grown for too long.
func (s *Stream) FollowFile(stalled func()) {
	if s.tail != nil {
		s.Finite, s.tail.follow, s.tail.stalled = false, true, stalled
	}
}

// Regular is the size of the regular file that the stream is, if it is one and has a name.
func (s *Stream) Regular() (size int64, ok bool) {
	if s.tail == nil || s.stdin {
		return 0, false
	}
	info, err := s.tail.f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0, false
	}
	return info.Size(), true
}

// Seekable is the whole stream: of a file the file itself, in which a reader can go back and forth.
func (s *Stream) Seekable() io.Reader {
	if s.tail != nil {
		if _, err := s.tail.f.Seek(0, io.SeekStart); err == nil {
			return s.tail.f.File
		}
	}
	return s
}

// ErrStalled is in the error of a connection that was given up because nothing came.
var ErrStalled = errors.New("stalled")

// Watchdog gives a connection up when nothing is received for too long: it ends the context of the connection. Only the time
// spent waiting counts.
type Watchdog struct {
	Ctx    context.Context
	cancel context.CancelCauseFunc
	limit  time.Duration
	timer  *time.Timer
}

// NewWatchdog makes a watchdog that is waiting. Its context ends with ctx at the latest; close must be called.
func NewWatchdog(ctx context.Context, limit time.Duration) *Watchdog {
	w := &Watchdog{limit: limit}
	w.Ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(limit, func() { w.cancel(fmt.Errorf("%w: nothing came for %v", ErrStalled, limit)) })
	return w
}

// Waiting starts the time.
func (w *Watchdog) Waiting() { w.timer.Reset(w.limit) }

// Working stops the time.
func (w *Watchdog) Working() { w.timer.Stop() }

// Close ends the context.
func (w *Watchdog) Close() {
	w.Working()
	w.cancel(nil)
}

// Explain is why a connection failed: that it was given up, if so, else err.
func (w *Watchdog) Explain(err error) error {
	if cause := context.Cause(w.Ctx); cause != nil && errors.Is(cause, ErrStalled) {
		return cause
	}
	return err
}

type watchedReader struct {
	w *Watchdog
	r io.Reader
}

func (r *watchedReader) Read(b []byte) (int, error) {
	r.w.Waiting()
	n, err := r.r.Read(b)
	r.w.Working()
	if err != nil && !errors.Is(err, io.EOF) {
		err = r.w.Explain(cmp.Or(r.w.Ctx.Err(), err))
	}
	return n, err
}

// Wait waits for so long, or until ctx is done, whose error it then returns.
func Wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
