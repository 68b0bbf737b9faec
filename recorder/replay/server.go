// Package replay serves a recorded HLS session (RFC 8216bis) again as it was: each version of a playlist appears when it
// appeared, each answer takes the time that it took, errors are made again, and what broke off breaks off at the same byte.
//
// Time in it is that of the recording: nanoseconds from the start of its first run, with the holes between runs cut out.
package replay

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/refstream/refstream/recorder"
)

// source is what is read of a session.
type source interface {
	Info() recorder.Info
	Runs(ctx context.Context) ([]recorder.Run, error)
	Segments(ctx context.Context, playlist int64) iter.Seq2[*recorder.Segment, error]
	URLs(ctx context.Context) ([]string, error)
	Outcomes(ctx context.Context, url string) iter.Seq2[*recorder.Exchange, error]
	Body(ctx context.Context, b recorder.Body) ([]byte, error)
}

// Server replays a session. It is an http.Handler; [Server.Serve] has it do all that it needs at once.
//
// What came from the host of the session's address is at the path where it was, with its query; what came from elsewhere
// at /_origin/SCHEME/HOST/PATH. The session's own playlist is at /stream.m3u8 too. A playlist is byte for byte what came,
// but for the lines that have to change: URIs that would not lead here, and those that the options speak of.
type Server struct {
	o       Options
	session source
	clock   *clock
	index   *index
	edge    time.Time            // the end of the playlist where the replay begins, for Rebase; zero for none
	loops   map[*resource]*cycle // of playlists, for Loop
	// period is how long a pass of a loop takes after the first, datePeriod what dates grow by in each.
	period, datePeriod time.Duration
	done               chan struct{}
	end                sync.Once
}

// New prepares the replay of what a session holds now. The session must stay open for as long as the Server is used.
//
// Errors are those of the options and of reading the session, and that there is nothing to replay, or to loop.
func New(ctx context.Context, s *recorder.Session, o Options) (*Server, error) {
	return newServer(ctx, s, o)
}

func newServer(ctx context.Context, session source, o Options) (*Server, error) {
	o, err := o.check()
	if err != nil {
		return nil, err
	}
	x, err := readIndex(ctx, session)
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	offset := o.Offset
	if !o.From.IsZero() {
		first, last := x.timeline.UTC(0).UTC(), x.timeline.UTC(x.timeline.Length).UTC()
		if o.From.Before(first) || !o.From.Before(last) {
			return nil, fmt.Errorf("replay: %s is not in the recording, which is of %s to %s", o.From.UTC().Format(time.RFC3339),
				first.Format(time.RFC3339), last.Format(time.RFC3339))
		}
		offset = x.timeline.OffsetOf(o.From)
	}
	if offset >= x.timeline.Length && offset > 0 {
		return nil, fmt.Errorf("replay: the beginning, %v, is not before the end of the recording, which is %v long", offset, x.timeline.Length.Round(time.Millisecond))
	}
	s := &Server{o: o, session: session, clock: newClock(o, offset), index: x, done: make(chan struct{})}
	if o.Loop {
		if err := s.cycles(ctx); err != nil {
			return nil, err
		}
	}
	if o.Rebase {
		if s.edge, err = s.findEdge(ctx, offset); err != nil {
			return nil, err
		}
		if s.edge.IsZero() {
			o.Logger.Warn("replay: no playlist has EXT-X-PROGRAM-DATE-TIME: there is nothing to move")
		}
	}
	return s, nil
}

// Run starts the clock, or waits with Options.Wait until a request does. It returns nil when the recording has ended, after
// which the Server goes on with its last playlists; or ctx's error, which with Options.Loop is its only end.
func (s *Server) Run(ctx context.Context) error {
	if !s.o.Wait {
		s.clock.begin()
	}
	select {
	case <-s.clock.started:
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.o.Loop {
		<-ctx.Done()
		return ctx.Err()
	}
	if err := s.untilEnd(ctx); err != nil {
		return err
	}
	s.end.Do(func() { close(s.done) })
	return nil
}

// Done is closed when Run comes to the end of the recording.
func (s *Server) Done() <-chan struct{} { return s.done }

// Position says how far it is.
func (s *Server) Position() Position {
	m := s.moment()
	length := s.index.timeline.Length
	at := max(min(m.at, length), 0)
	return Position{
		Started: !s.clock.began().IsZero(), At: at, Length: length, Pass: m.pass, Remaining: s.o.Speed.real(length - at),
	}
}

// UTC is the time of the recording that is replayed now, as its recorder's clock said it. It goes on after the end.
func (s *Server) UTC() time.Time { return s.index.timeline.UTC(s.moment().at) }

// Paths are the paths of the playlists, with their queries: first /stream.m3u8, then where they were, the session's own
// before the others.
func (s *Server) Paths() []string { return s.index.playlistPaths() }

// moment is a time of the replay.
type moment struct {
	pass int64
	at   time.Duration // in the recording
}

// moment is the time of the replay. Later passes of a loop are the last part of the recording, as long as its new segments
// are; where these are longer than it, they begin before it, at a negative time.
func (s *Server) moment() moment {
	at, length := s.clock.at(), s.index.timeline.Length
	if !s.o.Loop || at < length {
		return moment{at: at}
	}
	over := at - length
	return moment{1 + int64(over/s.period), length - s.period + over%s.period}
}

var _ http.Handler = (*Server)(nil)

// errNothing says that a session can't be replayed.
var errNothing = errors.New("nothing of its playlist was recorded: there is nothing to replay")

// Position says how far a replay is.
type Position struct {
	// Started says that the clock runs.
	Started bool
	// At is the time in the recording, from 0 to Length.
	At time.Duration
	// Length is that of the recording.
	Length time.Duration
	// Pass counts the passes of a loop from 0.
	Pass int64
	// Remaining is how long it takes until the recording ends, or this pass of it, at the speed of the replay.
	Remaining time.Duration
}

const (
	// headerTimeout is how long a client has to ask, idleTimeout how long a connection stays open for the next request: a
	// live player asks again within some target durations.
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
)

// Serve runs the replay and answers what comes to l, which it closes, until ctx is done, whose error it returns then, or l
// fails. After the end of the recording it goes on. Nothing that it started is left when it returns.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var busy sync.RWMutex // held by each request that is answered
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			busy.RLock()
			defer busy.RUnlock()
			s.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(s.o.Logger.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { failed <- server.Serve(l) })
	wg.Go(func() { _ = s.Run(ctx) })
	var err error
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case err = <-failed:
		err = fmt.Errorf("serve replay at %s: %w", l.Addr(), err)
	}
	cancel()
	if closed := server.Close(); closed != nil && !errors.Is(closed, net.ErrClosed) {
		s.o.Logger.Warn("replay: can't close", "error", closed)
	}
	busy.Lock()
	defer busy.Unlock()
	wg.Wait()
	return err
}
