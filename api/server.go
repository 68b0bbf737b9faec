package api

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"gopkg.in/yaml.v3"

	"github.com/refstream/refstream/api/limits"
	"github.com/refstream/refstream/delivery"
	"github.com/refstream/refstream/internal/redact"
	"github.com/refstream/refstream/packager"
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
	pictures *pictureMaker
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
		cfg: cfg, metrics: m, cache: &bodyCache{entries: map[cacheKey]cacheEntry{}}, pictures: newPictureMaker(),
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
	get("/audio/:n", s.getSound)
	get("/segments", s.getSegments)
	get("/faults", s.getFaults)
	e.GET("/faults/stream", s.streamFaults)
	e.POST("/faults", bounded(s.postFault))
	e.DELETE("/faults/:id", bounded(s.deleteFault))
	get("/clocks", s.getClocks)
	get("/time", s.getTime)
	get(faultyRoute+"time", s.getTime)
	get("/channels", s.getChannels)
	get("/healthz", s.getHealth)
	get("/readyz", s.getReady)
	get("/metrics", echo.WrapHandler(promhttp.HandlerFor(s.cfg.Gatherer, promhttp.HandlerOpts{})))
	get("/openapi.yaml", s.getOpenAPI)
	get("/openapi.json", s.getOpenAPIJSON)
	get(faultyRoute+"faults", s.getFaultyFaults)
	for path, h := range map[string]echo.HandlerFunc{ // their answers may take long
		"/hls/:channel/:file": s.getPublished, faultyRoute + "hls/:channel/:file": s.getFaulty, liveRoute: s.getLive,
		"/dash/:channel/" + packager.Manifest: s.getPublished, faultyRoute + "dash/:channel/" + packager.Manifest: s.getFaulty,
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

// getPage lets the page answer. What it does not have either is an error, so that it is answered like every other.
func (s *Server) getPage(c echo.Context) error {
	if s.cfg.Page == nil {
		return nothingHere()
	}
	delivery.TidyRange(c.Request())
	err := answerBy(c, func(w http.ResponseWriter) { s.cfg.Page.ServeHTTP(w, c.Request()) })
	if r, ok := c.Response().Writer.(*recorder); ok && err == nil {
		r.route = "/" // all files of the page count as one route
	}
	return err
}

//go:embed openapi.yaml
var openAPI []byte

// getOpenAPI answers GET /openapi.yaml.
func (s *Server) getOpenAPI(c echo.Context) error {
	return answerDocument(c, "application/yaml", openAPI)
}

// getOpenAPIJSON answers GET /openapi.json: the same document.
func (s *Server) getOpenAPIJSON(c echo.Context) error {
	var document map[string]any // a list or a number as a key would be an error
	if err := yaml.Unmarshal(openAPI, &document); err != nil {
		return fmt.Errorf("read openapi.yaml: %w", err)
	}
	b, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("write openapi.json: %w", err)
	}
	return answerDocument(c, "application/json", b)
}

func answerDocument(c echo.Context, mediaType string, document []byte) error {
	c.Response().Header().Set("Cache-Control", "no-cache")
	return sendBytes(c, mediaType, delivery.ETag(document), document)
}

// readyTimeout bounds a readiness check: probes commonly give up after a few seconds and then learn no reason.
const readyTimeout = 2 * time.Second

// healthView is the answer of /healthz.
type healthView struct {
	Status  string `json:"status"`
	Version string `json:"version,omitempty"`
}

// readyView is the answer of /readyz.
type readyView struct {
	Ready   bool     `json:"ready"`
	Reasons []string `json:"reasons"`
}

// getHealth answers GET /healthz: the process answers requests.
func (s *Server) getHealth(c echo.Context) error {
	return noStore(c, http.StatusOK, healthView{"ok", s.cfg.Version})
}

// getReady answers GET /readyz: whether all promises can be kept just now, and why not.
func (s *Server) getReady(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), readyTimeout)
	defer cancel()
	v := readyView{Reasons: []string{}}
	if err := s.cfg.Store.Ready(ctx); err != nil {
		v.Reasons = append(v.Reasons, "store: "+redact.Paths(err))
	}
	if err := s.cfg.Ready(ctx); err != nil {
		v.Reasons = append(v.Reasons, redact.Paths(err))
	}
	switch list, err := s.cfg.Store.Channels(ctx); {
	case err != nil:
		v.Reasons = append(v.Reasons, "channels: "+redact.Paths(err))
	case len(list) == 0:
		v.Reasons = append(v.Reasons, "there is no channel yet: the generator has not started")
	default:
		for _, ch := range list {
			v.Reasons = append(v.Reasons, s.unpublished(ch.Name)...)
		}
	}
	status := http.StatusOK
	if v.Ready = len(v.Reasons) == 0; !v.Ready {
		status = http.StatusServiceUnavailable
	}
	return noStore(c, status, v)
}

// unpublished gives the reason why players can't load a channel that this process generates, if there is one: its
// playlists are looked up as a player's request would. Once they were there it gives none: what fails later is reported by
// Config.Ready. A process that does not generate may well do without the published files, so it has no such reason.
func (s *Server) unpublished(channel string) []string {
	if s.cfg.Live == nil || s.cfg.Live(channel, "ts") == nil {
		return nil
	}
	if _, was := s.published.Load(channel); was {
		return nil
	}
	// The multivariant playlist is published last, behind the first segment and the playlist that names it.
	for _, name := range []string{"index.m3u8", "master.m3u8"} {
		f, err := s.hls.Open(channel, name)
		if err != nil {
			return []string{fmt.Sprintf("channel %s: no segment is published yet, %s can't be had", channel, name)}
		}
		f.Close()
	}
	s.published.Store(channel, true)
	return nil
}
