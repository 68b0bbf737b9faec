package splice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refstream/refstream/internal/pause"
)

// Options are those of a Receiver. All but Progress must be set.
type Options struct {
	// Now is the wall clock.
	Now func() time.Time
	// Logger gets starts, ends and problems of connections.
	Logger *slog.Logger
	// Grown is called when there is more in the recording, or in the list of its connections. It must return at once.
	Grown func()
	// Progress is called about 4 times a second, one call at a time; may be nil.
	Progress func(Progress)
}

// Progress is how far a recording is.
type Progress struct {
	Sender      string // the address of the connected sender, empty for none
	Connections int    // counts those that brought a stream, since the Receiver was made
	Bytes       int64  // the size of the recording
}

// times are durations without an option.
type times struct {
	silence  time.Duration // of a sender that gives way to another
	grace    time.Duration // that others wait for a sender that is about to leave
	look     time.Duration // between two looks at who waits
	hold     time.Duration // that packets are held back after the first time stamp
	foreign  time.Duration // that a connection has to show that it is a stream, after its first byte
	progress time.Duration // between two reports
	accept   time.Duration // that no connection is taken after that has failed
}

func defaultTimes() times {
	return times{
		// A live stream is never silent so long. One that is has lost its connection, and has nothing to lose.
		silence: 5 * time.Second,
		// Who connects again at once may be here before the end of the last connection is.
		grace: time.Second,
		look:  20 * time.Millisecond, // at once, for people
		// More than streams are apart that belong together.
		hold: 500 * time.Millisecond,
		// Five packets are there at once; but a sender that waits for its own input may begin with fewer.
		foreign:  10 * time.Second,
		progress: 250 * time.Millisecond,
		accept:   100 * time.Millisecond, // files or memory are missing, which others must give back
	}
}

// Receiver takes senders' connections into a session, one at a time.
type Receiver struct {
	o       Options
	times   times
	session *Files

	// Of these, the one connection that is being served is in charge.
	timeline *timeline // of the recording
	written  time.Time // when it was written to last

	connections atomic.Int64 // that brought a stream
	sender      atomic.Pointer[sender]
}

// NewReceiver makes a Receiver that writes to the files, which the caller closes. It reads the end of the recording; the error is
// that this is impossible.
func NewReceiver(o Options, s *Files) (*Receiver, error) { return newReceiver(o, defaultTimes(), s) }

func newReceiver(o Options, t times, s *Files) (*Receiver, error) {
	end, err := s.recording.tail()
	if err != nil {
		return nil, err
	}
	if !end.known && s.resumed > 0 {
		o.Logger.Warn("the end of the recording has no time stamps: those of the next sender are kept as they are", "session", s.folder)
	}
	written := s.connections.lastEnded
	if written.IsZero() {
		written = s.recording.touched
	}
	return &Receiver{o: o, times: t, session: s, timeline: end, written: written}, nil
}

// Run accepts connections until ctx ends, which is no error, or recording is impossible: the disk is full, the listener fails. It
// closes the listener, and nothing that it started is left when it returns.
func (r *Receiver) Run(ctx context.Context, l net.Listener) error {
	var running sync.WaitGroup
	defer running.Wait()
	defer l.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	incoming, failed := make(chan net.Conn), make(chan error, 1)
	running.Go(func() { failed <- r.accept(ctx, l, incoming) })

	done := make(chan error, 1)
	begin := func(s *sender) {
		s.hear(r.o.Now())
		r.sender.Store(s)
		running.Go(func() { done <- r.serve(ctx, s) })
	}
	ticker := time.NewTicker(r.times.progress)
	defer ticker.Stop()
	waiting := queue{times: r.times, now: r.o.Now, log: r.o.Logger}
	defer waiting.close()
	var look <-chan time.Time
	for {
		more := incoming
		if waiting.full() { // the others wait to be accepted
			more = nil
		}
		select {
		case conn := <-more:
			s := newSender(conn, r.o.Now())
			if r.sender.Load() == nil {
				begin(s)
				continue
			}
			waiting.add(s)
			if look == nil {
				look = time.After(r.times.look)
			}
		case <-look:
			look = nil
			if waiting.look(r.sender.Load()) {
				look = time.After(r.times.look)
			}
		case err := <-done:
			r.sender.Store(nil)
			if err != nil {
				return err
			}
			if s := waiting.next(); s != nil {
				begin(s)
			}
		case <-ticker.C:
			r.Report()
		case err := <-failed:
			if ctx.Err() == nil {
				return err
			}
			return r.last(done)
		case <-ctx.Done():
			return r.last(done)
		}
	}
}

// last waits for the current connection at the stop.
func (r *Receiver) last(done <-chan error) error {
	if r.sender.Load() == nil {
		return nil
	}
	err := <-done
	r.sender.Store(nil)
	return err
}

// accept passes connections on until ctx ends or the listener fails for good.
func (r *Receiver) accept(ctx context.Context, l net.Listener, incoming chan<- net.Conn) error {
	failing := false
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			failing = false
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept connection on %s: %w", l.Addr(), err)
		default:
			if !failing {
				r.o.Logger.Warn("no connection can be taken for the moment", "error", err)
			}
			failing = true
			_ = pause.For(ctx, r.times.accept) // that it ended, Accept finds
			continue
		}
		select {
		case incoming <- conn:
		case <-ctx.Done():
			conn.Close()
			return ctx.Err()
		}
	}
}

// Report calls Progress. It may not be called while Run does.
func (r *Receiver) Report() {
	if r.o.Progress == nil {
		return
	}
	p := Progress{Connections: int(r.connections.Load()), Bytes: r.session.recording.size.Load()}
	if s := r.sender.Load(); s != nil {
		p.Sender = s.from
	}
	r.o.Progress(p)
}
