package outputs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/refstream/refstream/stream"
)

// supervised runs attempts in a bubble of time that doesn't pass by itself; it returns when each began, in seconds.
func supervised(t *testing.T, limit time.Duration, attempt func(n int, ctx context.Context, up func(string)) error) (begun []float64, log string, o Status) {
	t.Helper()
	var buf bytes.Buffer
	h, err := New(Options{Channel: testChannel(), FLV: testFLV(), Now: time.Now, Logger: slog.New(slog.NewTextHandler(&buf, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	start := time.Now()
	out := h.newOutput(KindPush, "tcp://target")
	err = h.supervise(ctx, out, func(ctx context.Context, up func(string)) error {
		begun = append(begun, time.Since(start).Seconds())
		return attempt(len(begun), ctx, up)
	})
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it returned %v", err)
	}
	return begun, buf.String(), out.status()
}

// lasting is an attempt that flows for a time and then fails.
func lasting(d time.Duration, err error) func(ctx context.Context, up func(string)) error {
	return func(ctx context.Context, up func(string)) error {
		up(StateConnected)
		select {
		case <-time.After(d):
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("refused")
		begun, log, o := supervised(t, time.Minute, func(n int, ctx context.Context, up func(string)) error {
			switch n {
			case 8:
				return lasting(time.Second, refused)(ctx, up) // not steady
			case 10:
				return lasting(30*time.Second, refused)(ctx, up)
			}
			return refused
		})
		if want := []float64{0, .25, .75, 1.75, 3.75, 7.75, 12.75, 17.75, 23.75, 28.75, 59, 59.5}; !slices.Equal(begun, want) {
			t.Errorf("attempts at %v, want %v", begun, want)
		}
		if o.Reconnects != int64(len(begun)-1) || o.ClientsTotal != 2 || o.Clients != 0 || o.LastError != "refused" || o.State != StateEnded {
			t.Errorf("%+v", o)
		}
		if n := strings.Count(log, "\n"); n != 4 {
			t.Errorf("%d lines are logged, want 4:\n%s", n, log)
		}
	})
}

// TestTeller counts the lines about targets of all sorts in an hour.
func TestTeller(t *testing.T) {
	refused, reset := errors.New("refused"), errors.New("reset")
	cases := []struct {
		name    string
		attempt func(n int, ctx context.Context, up func(string)) error
		lines   int
		last    string // in the last line
	}{
		{"absent", func(int, context.Context, func(string)) error { return refused }, 1, "refused"},
		{"there", func(_ int, ctx context.Context, up func(string)) error { return lasting(2*time.Hour, reset)(ctx, up) }, 1, "state=connected"},
		{"comes late", func(n int, ctx context.Context, up func(string)) error {
			if n < 20 {
				return refused
			}
			return lasting(2*time.Hour, reset)(ctx, up)
		}, 2, "failures=19"},
		// Four lines at once, then after 1, 2, 4, 8, 16 and 32 minutes.
		{"comes and goes", func(_ int, ctx context.Context, up func(string)) error { return lasting(time.Second, reset)(ctx, up) }, 9, ""},
		{"fails in two ways", func(n int, _ context.Context, _ func(string)) error {
			return []error{refused, reset}[n%2]
		}, 9, ""},
		{"comes and goes, then stays", func(n int, ctx context.Context, up func(string)) error {
			if n < 10 {
				return lasting(time.Second, reset)(ctx, up)
			}
			return lasting(2*time.Hour, reset)(ctx, up)
		}, 5, "state=connected"},
		{"comes and goes, then goes", func(n int, ctx context.Context, up func(string)) error {
			if n < 10 {
				return lasting(time.Second, reset)(ctx, up)
			}
			return reset
		}, 4, "reset"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, log, _ := supervised(t, time.Hour, c.attempt)
				lines := strings.Split(strings.TrimSpace(log), "\n")
				if d := len(lines) - c.lines; d != 0 {
					t.Errorf("%d lines, want %d:\n%s", len(lines), c.lines, log)
				}
				if !strings.Contains(lines[len(lines)-1], c.last) {
					t.Errorf("the last line has no %q:\n%s", c.last, log)
				}
			})
		})
	}
}

// TestSuperviseEnds ends with the stream, also in the middle of a pause.
func TestSuperviseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := New(Options{Channel: testChannel(), FLV: testFLV(), Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		good := h.newOutput(KindPush, "good")
		if err := h.supervise(t.Context(), good, func(context.Context, func(string)) error { return nil }); err != nil {
			t.Error(err)
		}
		bad := h.newOutput(KindPush, "bad")
		h.times.first = time.Hour
		start := time.Now()
		ended := runs(func() error {
			return h.supervise(t.Context(), bad, func(context.Context, func(string)) error { return errors.New("refused") })
		})
		synctest.Wait()
		if s := bad.status(); s.State != StateWaiting {
			t.Errorf("%+v", s)
		}
		h.Close()
		if err := <-ended; err != nil || time.Since(start) > 0 {
			t.Errorf("it returned %v after %v", err, time.Since(start))
		}
		for _, o := range []*output{good, bad} {
			if s := o.status(); s.State != StateEnded || s.Reconnects != 0 {
				t.Errorf("%+v", s)
			}
		}
	})
}

// TestDeadline measures how long a write may take, over a pipe that takes nothing.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		d := deadline{set: near.SetWriteDeadline, timeout: 5 * time.Second}
		write := func() error {
			_, err := near.Write([]byte("abc"))
			return err
		}
		go func() {
			for range 3 {
				<-time.After(4 * time.Second) // of the bubble's time
				if _, err := io.ReadFull(far, make([]byte, 3)); err != nil {
					t.Error(err)
				}
			}
		}()
		for range 3 {
			if err := d.keep(write); err != nil {
				t.Error(err)
			}
		}
		start := time.Now()
		if err := d.keep(write); !errors.Is(err, errSlow) || time.Since(start) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestCause(t *testing.T) {
	reset := &net.OpError{
		Op: "read", Net: "tcp", Source: &net.TCPAddr{Port: 1}, Addr: &net.TCPAddr{Port: 2}, Err: os.NewSyscallError("read", syscall.ECONNRESET),
	}
	for _, c := range []struct {
		err  error
		want string
		slow bool
	}{
		{fmt.Errorf("connect: %w", reset), "read: read: connection reset by peer", false},
		// What io.Copy says of the same.
		{&net.OpError{Op: "writeto", Net: "tcp", Source: &net.TCPAddr{Port: 3}, Err: reset}, "read: read: connection reset by peer", false},
		{fmt.Errorf("connect: %w", &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{
			Name: "target", Server: "127.0.0.1:53", Err: "read udp 127.0.0.1:42814->127.0.0.1:53: i/o timeout", IsTimeout: true,
		}}), "dial: look up target: the name server does not answer in time", false},
		{&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{
			Name: "target", Server: "127.0.0.1:53", Err: "read udp 127.0.0.1:42814->127.0.0.1:53: read: connection refused",
		}}, "dial: look up target: the name server is of no help", false},
		{&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Name: "target", Err: "no such host", IsNotFound: true}},
			"dial: look up target: no such host", false},
		{fmt.Errorf("send: %w", errSlow), "send: it does not read", true},
		{fmt.Errorf("send: %w", stream.ErrBehind), "send: reader fell behind the stream", true},
	} {
		if got := cause(c.err); got != c.want || tooSlow(c.err) != c.slow {
			t.Errorf("%q, slow: %t; want %q, %t", got, tooSlow(c.err), c.want, c.slow)
		}
	}
}
