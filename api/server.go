package api

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/refstream/refstream/api/limits"
	"github.com/refstream/refstream/delivery"
)

// Limits against clients that are slow or mean to be. A segment of 2 s at 6 Mbit/s is 1.5 MB: 60 s let a client of
// 200 kbit/s have it. Headers of browsers stay under 8 KiB.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 120 * time.Second
	maxHeaderBytes    = 16 << 10
	// stopTimeout leaves answers under way time to end, and a margin to the 2 s that Run may take to stop.
	stopTimeout = time.Second
)

// Server serves one Config. Its methods may be called at once from many goroutines; Run may be called once.
type Server struct {
	cfg      Config
	handler  http.Handler
	hls      delivery.Publications
	faulty   delivery.Expressions
	held     chan struct{} // a place for each answer that a fault holds back
	echo     *echo.Echo
	metrics  *metrics
	cache    *bodyCache
	pictures *pictures
	planner  planner
	clients  *limits.Clients
	stopping context.Context // until stop is called
	stop     context.CancelFunc
	running  sync.WaitGroup
	arrivals arrivals
	rate     limits.Rate // of detections
	// published holds the names of channels whose playlists were there when /readyz looked.
	published sync.Map
}

// New makes a Server. The errors name what is wrong with the configuration.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, metrics: m, cache: &bodyCache{entries: map[cacheKey]cacheEntry{}}, pictures: newPictures(),
		hls: delivery.Publications{Dir: cfg.HLSDir}, held: make(chan struct{}, max(cfg.MaxConnections/heldShare, 1)), planner: planner{store: cfg.Store}, arrivals: arrivals{seen: map[string]arrival{}},
		clients: limits.NewClients(cfg.StreamClients),
		rate:    limits.Rate{PerSecond: detectionRate},
	}
	s.faulty.Publications = s.hls
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.echo = s.routes()
	s.handler = s.wrap(s.echo)
	return s, nil
}

// Handler answers every request.
func (s *Server) Handler() http.Handler { return s.handler }

// Run serves ln until ctx ends, then ends the event streams, lets other answers end for a moment, and returns
// ctx.Err() within 2 s with nothing left running. It closes ln. Any other error is a failure to serve.
func (s *Server) Run(ctx context.Context, ln net.Listener) error {
	limited := limits.NewListener(ln, s.cfg.MaxConnections)
	srv := &http.Server{
		ConnState:         limited.State,
		Handler:           s.handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
		ErrorLog:          slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(limited) }()
	var err error
	select {
	case err = <-served:
		s.stop()
		_ = srv.Close()
	case <-ctx.Done():
		s.stop()
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		if srv.Shutdown(stop) != nil {
			_ = srv.Close() // also cancels the requests' contexts
		}
		cancel()
		err = <-served
	}
	s.running.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return ctx.Err()
	}
	return err
}

// requestTimeout bounds the work on one answer, endless streams excepted: a store that hangs must not pile up requests.
const requestTimeout = 10 * time.Second

// routes builds the router. Every GET answers HEAD too, but for the event streams, which have no end to measure.
func (s *Server) routes() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.answerError
	e.Use(noteRoute)

	get := func(path string, h echo.HandlerFunc) {
		e.Match([]string{http.MethodGet, http.MethodHead}, path, bounded(h))
	}
	addRecords(s, e, s.markerKind())
	addRecords(s, e, s.detectionKind())
	e.POST("/markers", bounded(s.postMarker))
	e.POST("/detections", bounded(s.postDetections))
	e.POST("/score", bounded(s.postScore))
	get("/score", s.getScore)
	get("/frames", s.getFrames)
	get("/frames/:n", s.getFrame)
	get("/segments", s.getSegments)
	get("/faults", s.getFaults)
	e.GET("/faults/stream", s.streamFaults)
	e.POST("/faults", bounded(s.postFault))
	e.DELETE("/faults/:id", bounded(s.deleteFault))
	get("/clocks", s.getClocks)
	get("/channels", s.getChannels)
	get("/healthz", s.getHealth)
	get("/readyz", s.getReady)
	get("/metrics", echo.WrapHandler(promhttp.HandlerFor(s.cfg.Gatherer, promhttp.HandlerOpts{})))
	get("/openapi.yaml", s.getOpenAPI)
	get("/openapi.json", s.getOpenAPIJSON)
	get(faultyRoute+"faults", s.getFaultyFaults)
	for path, h := range map[string]echo.HandlerFunc{ // their answers may take long
		"/hls/:channel/:file": s.getPublished, faultyRoute + "hls/:channel/:file": s.getFaulty, liveRoute: s.getLive,
	} {
		e.Match([]string{http.MethodGet, http.MethodHead}, path, h)
	}
	get("/docs", s.getPage)
	get("/", s.getPage)
	return e
}

// noteRoute notes the route that was taken, for the outer handler: a label that clients can't invent.
func noteRoute(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if r, ok := c.Response().Writer.(*recorder); ok {
			r.route = c.Path()
		}
		return next(c)
	}
}

// bounded ends the request's context after requestTimeout.
func bounded(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx, cancel := context.WithTimeout(c.Request().Context(), requestTimeout)
		defer cancel()
		c.SetRequest(c.Request().WithContext(ctx))
		return next(c)
	}
}
