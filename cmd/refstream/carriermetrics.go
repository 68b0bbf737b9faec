package main

import (
	"github.com/prometheus/client_golang/prometheus"

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
