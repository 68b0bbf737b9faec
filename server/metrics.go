package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/outputs"
)

// carrierMetrics shows the outputs' counts to Prometheus.
type carrierMetrics struct {
	status func() []outputs.Status
	all    []carrierMetric
}

type carrierMetric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(outputs.Status) int64
}

func newCarrierMetrics(channel string, status func() []outputs.Status) *carrierMetrics {
	m := &carrierMetrics{status: status}
	add := func(name, help string, kind prometheus.ValueType, of func(outputs.Status) int64) {
		desc := prometheus.NewDesc("refstream_output_"+name, help, []string{"kind", "output"}, prometheus.Labels{"channel": channel})
		m.all = append(m.all, carrierMetric{desc, kind, of})
	}
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
	add("clients", "Consumers of an output now.", gauge, func(s outputs.Status) int64 { return int64(s.Clients) })
	add("clients_total", "Consumers that an output has had.", counter, func(s outputs.Status) int64 { return s.ClientsTotal })
	add("bytes_total", "Bytes sent to an output's consumers.", counter, func(s outputs.Status) int64 { return s.Bytes })
	add("dropped_total", "Consumers cut off because they were too slow.", counter, func(s outputs.Status) int64 { return s.Dropped })
	add("reconnects_total", "Times that a push or relay had to begin again.", counter, func(s outputs.Status) int64 { return s.Reconnects })
	return m
}

// Describe sends the descriptions.
func (m *carrierMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.all {
		ch <- c.desc
	}
}

// Collect sends the counts.
func (m *carrierMetrics) Collect(ch chan<- prometheus.Metric) {
	for _, s := range m.status() {
		for _, c := range m.all {
			ch <- prometheus.MustNewConstMetric(c.desc, c.kind, float64(c.of(s)), s.Kind, s.Name)
		}
	}
}

// register makes the stores' counts visible: what waits to be written, and what was left out or lost.
func (st *stores) register(r prometheus.Registerer) {
	type count struct {
		name, help string
		of         func() map[markers.Kind]int64
		counter    bool
	}
	const gauge, total = false, true
	var counts []count
	if st.journal != nil {
		counts = append(counts,
			count{"journal_waiting_records", "Records that could not be written to the journal yet.", st.journal.Unwritten, gauge},
			count{"journal_left_out_records_total", "Records that were there already or came too late.", st.journal.LeftOut, total})
	}
	if st.mirror != nil {
		counts = append(counts,
			count{"redis_waiting_records", "Records that Redis has not got yet.", st.mirror.Pending, gauge},
			count{"redis_lost_records_total", "Records that were trimmed before Redis got them.", st.mirror.Lost, total},
			count{"redis_ahead_logs", "Logs in Redis that take nothing in, because they end beyond the newest record here.", st.mirror.Ahead, gauge})
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "refstream", Name: "redis_refused_triggers_total",
			Help: "Triggers in Redis that were not taken: no generator can, or they came after a later one."},
			func() float64 { return float64(st.mirror.RefusedTriggers() + st.mirror.LateTriggers()) }))
	}
	if st.redis != nil {
		counts = append(counts, count{"redis_unreadable_records_total", "Entries in Redis that can't be read and were left out.",
			st.redis.Unreadable, total})
	}
	for _, c := range counts {
		for _, kind := range markers.Kinds() {
			value := func() float64 { return float64(c.of()[kind]) }
			labels := prometheus.Labels{"kind": string(kind)}
			if c.counter {
				r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "refstream", Name: c.name, Help: c.help, ConstLabels: labels}, value))
			} else {
				r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "refstream", Name: c.name, Help: c.help, ConstLabels: labels}, value))
			}
		}
	}
}
