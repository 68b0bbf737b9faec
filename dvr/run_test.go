package dvr

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/refstream/refstream/dvr/internal/dvrtest"
	"github.com/refstream/refstream/dvr/splice"
)

// made are the streams of these tests.
var made dvrtest.Clips

// idle is a follower that looks at nothing.
type idle struct {
	finished chan struct{}
	err      error // of Run
}

func (f *idle) Run(ctx context.Context) error {
	if f.err != nil {
		return f.err
	}
	select {
	case <-f.finished:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
func (f *idle) Grown()                {}
func (f *idle) Finish()               { close(f.finished) }
func (f *idle) Scanned() (int64, int) { return 188, 3 }

// record starts a recording of the session test; the function that is returned ends it.
func record(t *testing.T, o Options, f *idle) (Session, func() error) {
	t.Helper()
	f.finished = make(chan struct{})
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan Session, 1), make(chan error, 1)
	o.Session, o.Listen, o.Now, o.Ready = "test", "tcp://127.0.0.1:0", time.Now, func(s Session) { ready <- s }
	go func() { ended <- run(ctx, o, func(Options, string) (follower, error) { return f, nil }) }()
	select {
	case s := <-ready:
		stop := sync.OnceValue(func() error { cancel(); return <-ended })
		t.Cleanup(func() { _ = stop() })
		return s, stop
	case err := <-ended:
		cancel()
		t.Fatalf("run: %v", err)
	case <-time.After(dvrtest.Patience):
		cancel()
		t.Fatal("not ready")
	}
	return Session{}, nil
}

// send connects and sends a stream.
func send(t *testing.T, s Session, b []byte) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.Address, "tcp://"))
	if err == nil {
		t.Cleanup(func() { c.Close() })
		_, err = c.Write(b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFollowerFails: the recording goes on without frames, and the error comes at the end.
func TestFollowerFails(t *testing.T) {
	t.Parallel()
	b := made.Stream(t, 1)
	broken := errors.New("broken")
	s, stop := record(t, Options{}, &idle{err: broken})
	send(t, s, b)
	recorded := func() []byte {
		got, _ := os.ReadFile(filepath.Join(s.Folder, splice.RecordingFile)) // all that is wanted is compared
		return got
	}
	dvrtest.Until(t, &dvrtest.Log{}, "all is recorded", func() bool { return bytes.Equal(recorded(), b) })
	if err := stop(); !errors.Is(err, broken) {
		t.Errorf("run: %v", err)
	}
	if !bytes.Equal(recorded(), b) {
		t.Error("the recording is not what was sent")
	}
}

// TestStopsInTime: a follower that doesn't come to its end is stopped when its time is over.
func TestStopsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stopped := watch(t.Context(), endless{}, slog.New(slog.DiscardHandler))
		began := time.Now()
		if err := stopped(); err != nil || time.Since(began) != finishTime || finishTime >= 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// endless is a follower that never comes to the end.
type endless struct{ follower }

func (endless) Run(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
func (endless) Finish()                       {}

// TestProgress: it says what is there, also at the end.
func TestProgress(t *testing.T) {
	t.Parallel()
	b := made.Stream(t, 1)
	told := make(chan Progress, 100_000)
	s, stop := record(t, Options{Progress: func(p Progress) { told <- p }}, &idle{})
	c := send(t, s, b)
	want := Progress{splice.Progress{Sender: c.LocalAddr().String(), Connections: 1, Bytes: int64(len(b))}, 188, 3}
	dvrtest.Until(t, &dvrtest.Log{}, "the sender is told", func() bool { return <-told == want })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	close(told)
	var last Progress
	for p := range told {
		last = p
	}
	if want.Sender = ""; last != want {
		t.Errorf("at the end %+v, want %+v", last, want)
	}
}
