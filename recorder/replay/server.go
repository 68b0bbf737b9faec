// Package replay serves a recorded HLS session (RFC 8216bis) as it was: each version of a playlist appears at its time, each
// answer takes its time, errors are repeated, and a broken answer breaks at the same byte.
//
// Times are those of the recording: nanoseconds from the start of its first run, without the pauses between runs.
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

// Server replays a session. It is an http.Handler; [Server.Serve] runs all that it needs.
//
// Resources of the session's host have their own path and query; those of other hosts are at /_origin/SCHEME/HOST/PATH. The
// session's own playlist is at /stream.m3u8 too. A playlist is sent byte for byte, except URIs that would not lead here, and
// lines that the options change.
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

// New prepares the replay of what a session holds now. The session must stay open. Errors are those of the options, of reading,
// and that there is nothing to replay, or to loop.
func New(ctx context.Context, session source, o Options) (*Server, error) {
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

// Run starts the clock, or with Options.Wait waits for a request to. It returns nil at the end of the recording, after which the
// last playlists are served; or ctx's error, which with Options.Loop is its only end.
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

// Done is closed when Run reaches the end of the recording.
func (s *Server) Done() <-chan struct{} { return s.done }

// Position is how far the replay is.
func (s *Server) Position() Position {
	m := s.moment()
	length := s.index.timeline.Length
	return Position{Started: !s.clock.began().IsZero(), At: max(min(m.at, length), 0), Length: length, Pass: m.pass}
}

// UTC is the replayed time, by the recorder's clock, also after the end.
func (s *Server) UTC() time.Time { return s.index.timeline.UTC(s.moment().at) }

// Paths are the paths of the playlists, with their queries: /stream.m3u8, then the session's own, then the others.
func (s *Server) Paths() []string {
	list := []string{streamPath}
	for _, r := range s.index.playlists {
		if r.path != streamPath {
			list = append(list, r.path)
		}
	}
	return list
}

// moment is a time of the replay.
type moment struct {
	pass int64
	at   time.Duration // in the recording
}

// moment is the time of the replay. Later passes of a loop are the last part of the recording, as long as its new segments; if
// these are longer than the recording, they begin at a negative time.
func (s *Server) moment() moment {
	at, length := s.clock.at(), s.index.timeline.Length
	if !s.o.Loop || at < length {
		return moment{at: at}
	}
	over := at - length
	return moment{1 + int64(over/s.period), length - s.period + over%s.period}
}

var _ http.Handler = (*Server)(nil)

// errNothing reports a session that can't be replayed.
var errNothing = errors.New("nothing of its playlist was recorded: there is nothing to replay")

// Position is how far a replay is.
type Position struct {
	Started bool          // the clock runs
	At      time.Duration // the time in the recording, from 0 to Length
	Length  time.Duration // that of the recording
	Pass    int64         // counts the passes of a loop from 0
}

const (
	// headerTimeout bounds a request, idleTimeout the pause between two: live players ask every few target durations.
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
)

// Serve runs the replay and serves l until ctx is done, whose error it then returns, or l fails; it closes l. It serves on after
// the end of the recording. Nothing that it started is left when it returns.
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
