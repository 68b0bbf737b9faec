package api

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// streamRoute, like liveRoute, is a route whose duration says how long somebody watched, not how quick the server is.
const streamRoute = "/markers/stream"

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
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions:
	default:
		method = "other"
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	if route != streamRoute && route != liveRoute {
		m.durations.WithLabelValues(route).Observe(took.Seconds())
	}
}
