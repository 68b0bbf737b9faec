package api

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
)

// contentPolicy lets the page load what this server sends and nothing else. hls.js plays from blob: addresses and
// starts its worker from one. No inline scripts or styles. No other site may frame it.
const contentPolicy = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
	"media-src 'self' blob:; worker-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'"

// wrap puts around next what holds for every answer: headers, cross-origin rules, recovery from panics, log, metrics.
func (s *Server) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.running.Add(1)
		defer s.running.Done()
		began := s.cfg.Now()
		rec := &recorder{ResponseWriter: w}
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("Referrer-Policy", "no-referrer")
		defer func() {
			took := s.cfg.Now().Sub(began)
			s.metrics.observe(rec.route, r.Method, rec.status, took)
			s.cfg.Logger.DebugContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path,
				"status", rec.status, "bytes", rec.bytes, "duration", took, "remote", r.RemoteAddr)
		}()
		defer s.recover(rec, r)
		if s.allowOrigin(rec, r) {
			return // it was a preflight
		}
		next.ServeHTTP(rec, r)
	})
}

// recover answers 500 for a panic of a handler and logs it. An answer that has begun is cut off instead, so that the
// client can see that it is not whole.
func (s *Server) recover(rec *recorder, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	s.metrics.panics.Inc()
	s.cfg.Logger.ErrorContext(r.Context(), "handler panicked", "path", r.URL.Path, "panic", v,
		slog.String("stack", string(debug.Stack())))
	if rec.status != 0 {
		panic(http.ErrAbortHandler)
	}
	writeProblem(rec, r, &Problem{Status: http.StatusInternalServerError, Detail: "the server made a mistake"})
}

// recorder notes what was answered. It hands ReadFrom through, so that a file goes from disk to socket in the kernel.
type recorder struct {
	http.ResponseWriter
	route  string
	status int
	bytes  int64
}

// WriteHeader notes the status; informational ones (1xx) are not the answer.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (r *recorder) Write(b []byte) (int, error) {
	r.status = cmp.Or(r.status, http.StatusOK)
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// ReadFrom counts the bytes.
func (r *recorder) ReadFrom(src io.Reader) (int64, error) {
	r.status = cmp.Or(r.status, http.StatusOK)
	n, err := io.Copy(r.ResponseWriter, src)
	r.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// errorGuard holds an error answer back, so that it can be given as a problem document. One in HTML is meant for people
// and passes.
type errorGuard struct {
	*recorder
	held int // the status of the answer held back, 0 where there is none
}

// answerBy has write answer. The writers below echo's hand a file to the kernel.
func answerBy(c echo.Context, write func(http.ResponseWriter)) error {
	rec, _ := c.Response().Writer.(*recorder) // wrap has put it there
	if p := guard(rec, write); p != nil {
		return p
	}
	c.Response().Committed = true
	return nil
}

// guard has write answer. An error answer is not sent, but returned.
func guard(rec *recorder, write func(http.ResponseWriter)) *Problem {
	g := &errorGuard{recorder: rec}
	write(g)
	switch g.held {
	case 0:
		return nil
	case http.StatusNotFound:
		return nothingHere()
	case http.StatusRequestedRangeNotSatisfiable:
		return refusal(g.held, "Range", "the range lies outside the file")
	}
	return &Problem{Status: g.held, Detail: "the request can't be answered: " + http.StatusText(g.held)}
}

// WriteHeader passes on what is not an error.
func (g *errorGuard) WriteHeader(status int) {
	switch {
	case g.status != 0 || g.held != 0:
	case status >= http.StatusBadRequest && !strings.HasPrefix(g.Header().Get("Content-Type"), "text/html"):
		g.held = status
	default:
		g.recorder.WriteHeader(status)
	}
}

// Write drops the body of an error.
func (g *errorGuard) Write(b []byte) (int, error) {
	if g.held != 0 {
		return len(b), nil
	}
	return g.recorder.Write(b)
}

// ReadFrom drops the body of an error.
func (g *errorGuard) ReadFrom(src io.Reader) (int64, error) {
	if g.held != 0 {
		return io.Copy(io.Discard, src)
	}
	return g.recorder.ReadFrom(src)
}

// metrics are the server's own. Labels come from closed sets, so that no client can make new series.
type metrics struct {
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	streams   prometheus.Gauge
	dropped   prometheus.Counter
	panics    prometheus.Counter
}

// newMetrics registers the metrics; the error says which is there already.
func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "refstream_http_requests_total", Help: "Requests answered.",
		}, []string{"route", "method", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "refstream_http_request_duration_seconds", Help: "Time to answer, endless streams excepted.",
			// From an answer out of memory to a segment over a slow line.
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30},
		}, []string{"route"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "refstream_http_stream_clients", Help: "Event streams open now.",
		}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "refstream_http_stream_clients_dropped_total", Help: "Event streams cut off because the client was too slow.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "refstream_http_panics_total", Help: "Requests whose handler panicked.",
		}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.durations, m.streams, m.dropped, m.panics} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

// observe counts one answer. A status of 0 is a client that went away before there was one.
func (m *metrics) observe(route, method string, status int, took time.Duration) {
	if route == "" {
		route = "other"
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete, http.MethodOptions:
	default:
		method = "other"
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	// How long somebody watched does not say how quick the server is.
	if route != liveRoute && !strings.HasSuffix(route, "/stream") {
		m.durations.WithLabelValues(route).Observe(took.Seconds())
	}
}
