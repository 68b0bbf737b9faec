package pipeline

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/refstream/refstream/markers"
)

// Metrics counts what a channel does.
type Metrics struct {
	Frames, Segments, Markers           prometheus.Counter
	Restarts, PublishErrors             prometheus.Counter
	StoreErrors, TriggersRefused, Bytes prometheus.Counter
	OutputErrors, Oversized             prometheus.Counter
	// Missing counts frames by reason (markers.Reason...).
	Missing *prometheus.CounterVec
	// Late is how long after its nominal time a frame was produced, Latency how long the encoder kept it, in seconds.
	Late, Latency prometheus.Histogram

	latest   atomic.Int64              // the newest frame that left the encoder
	latestAt atomic.Pointer[time.Time] // when, with the monotonic clock

	storeFails  atomic.Bool // the last append failed
	publishFail atomic.Pointer[error]
}

// NewMetrics makes the metrics of one channel and registers them.
func NewMetrics(r prometheus.Registerer, channel string) *Metrics {
	labels := prometheus.Labels{"channel": channel}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "refstream", Name: name, Help: help, ConstLabels: labels})
		r.MustRegister(c)
		return c
	}
	histogram := func(name, help string) prometheus.Histogram {
		// 1 ms to 16 s: from a live stream on time to a machine that can't keep up.
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "refstream", Name: name, Help: help,
			ConstLabels: labels, Buckets: prometheus.ExponentialBuckets(0.001, 2, 15)})
		r.MustRegister(h)
		return h
	}
	m := &Metrics{
		Frames:          counter("frames_total", "Frames that left the encoder."),
		Bytes:           counter("access_unit_bytes_total", "Bytes of access units that were published."),
		Segments:        counter("segments_total", "Segments published."),
		Markers:         counter("markers_total", "Markers written."),
		Restarts:        counter("encoder_restarts_total", "Times that the encoder ended and was started again."),
		PublishErrors:   counter("publish_errors_total", "Segments that could not be published."),
		OutputErrors:    counter("output_errors_total", "Access units that an output besides HLS could not take in."),
		Oversized:       counter("segments_oversized_total", "Segments whose pictures are larger than the constant bit rate."),
		StoreErrors:     counter("store_errors_total", "Appends that the store reported an error for."),
		TriggersRefused: counter("triggers_refused_total", "Triggered events that came too late or touched another event."),
		Late:            histogram("frame_late_seconds", "How long after its nominal time a frame was produced."),
		Latency:         histogram("encoder_latency_seconds", "From the rendering of a frame to its access unit."),
		Missing: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "refstream", Name: "frames_missing_total",
			Help: "Frames that are not in the published segments, by reason.", ConstLabels: labels}, []string{"reason"}),
	}
	r.MustRegister(m.Missing)
	for _, reason := range []string{markers.ReasonSkipped, markers.ReasonEncoder, markers.ReasonDown, markers.ReasonPublish,
		markers.ReasonLost} {
		m.Missing.WithLabelValues(reason)
	}
	m.latest.Store(-1)
	return m
}

func (m *Metrics) encoded(r markers.FrameRecord, now time.Time) {
	m.Frames.Inc()
	m.Bytes.Add(float64(r.Bytes))
	m.latest.Store(r.Frame)
	m.latestAt.Store(&now)
}
