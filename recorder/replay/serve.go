package replay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

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
