package verify

import (
	"math"
	"testing"

	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/media"
)

// errors makes a sample a frame, at 30 frames/s, with what err says.
func samplesOf(n int64, err func(i int64) int64) (list []report.Sample) {
	for i := range n {
		list = append(list, report.Sample{Frame: i, At: i * 1_000_000_000 / 30, Err: err(i)})
	}
	return list
}

func TestDescribe(t *testing.T) {
	const tick, ms = 11111, 1_000_000
	for _, c := range []struct {
		name      string
		list      []report.Sample
		tolerance int64
		state     report.State
		offset    int64
		ppm       float64
		steps     []report.Step
	}{
		{"nothing wrong", samplesOf(600, func(int64) int64 { return 0 }), 5556, report.Exact, 0, 0, nil},
		{"rounded to milliseconds", samplesOf(600, func(i int64) int64 { return (i%3 - 1) * ms / 3 }), ms / 2, report.Exact, 0, 0, nil},
		{"one tick ahead", samplesOf(600, func(int64) int64 { return tick }), 5556, report.Offset, tick, 0, nil},
		{"40 ms ahead", samplesOf(2, func(int64) int64 { return 40 * ms }), 5556, report.Offset, 40 * ms, 0, nil},
		{"100 ppm fast, in ticks", samplesOf(600, func(i int64) int64 { return i * 3 / 10 * tick }), 5556, report.Drifting, 0, 100, nil},
		{"4.2 % fast and 1 s behind", samplesOf(600, func(i int64) int64 { return i*1_400_000 - 1000*ms }), 5556, report.Drifting, -1000 * ms, 42000, nil},
		{"drift of segments", samplesOf(6, func(i int64) int64 { return i * 33 * ms }), ms, report.Drifting, 0, 990000, nil},
		{"a jump", samplesOf(600, func(i int64) int64 { return i / 200 % 2 * 33 * ms }), 5556, report.Stepped, 0, 0,
			[]report.Step{{Frame: 200, By: 33 * ms}, {Frame: 400, By: -33 * ms}}},
		{"a jump and drift", samplesOf(600, func(i int64) int64 { return i/300*50*ms + i*33333/10 }), 5556, report.Stepped, 0, 100,
			[]report.Step{{Frame: 300, By: 50 * ms}}},
		{"a jump at the first of two", samplesOf(2, func(i int64) int64 { return i * 33 * ms }), 5556, report.Noisy, 33 * ms, 0, nil},
		{"noise", samplesOf(600, func(i int64) int64 { return i * 7919 % 101 * ms }), 5556, report.Noisy, 50 * ms, 0, nil},
		{"noise below a step", samplesOf(600, func(i int64) int64 { return i * 7919 % 5 * ms }), 5556, report.Noisy, 2 * ms, 0, nil},
	} {
		f := describe(c.list, c.tolerance)
		if f.state != c.state {
			t.Errorf("%s: %s, want %s: %+v", c.name, f.state, c.state, f)
			continue
		}
		if d := f.offset - c.offset; max(d, -d) > 2*tick {
			t.Errorf("%s: offset %d, want %d", c.name, f.offset, c.offset)
		}
		if math.Abs(f.ppm-c.ppm) > 0.5 {
			t.Errorf("%s: %.2f ppm, want %.2f", c.name, f.ppm, c.ppm)
		}
		if len(f.steps) != len(c.steps) {
			t.Errorf("%s: steps %+v, want %+v", c.name, f.steps, c.steps)
			continue
		}
		for i, s := range f.steps {
			if d := s.By - c.steps[i].By; s.Frame != c.steps[i].Frame || max(d, -d) > media.Seconds(2*tick) {
				t.Errorf("%s: step %+v, want %+v", c.name, s, c.steps[i])
			}
		}
	}
}

func TestCentre(t *testing.T) {
	for _, c := range []struct{ v, m, want int64 }{
		{5, 0, 5}, {-5, 0, -5}, {5, 10, 5}, {6, 10, -4}, {-6, 10, 4}, {1 << 33, 1 << 33, 0}, {1<<33 + 3600, 1 << 33, 3600}, {-3600, 1 << 33, -3600},
	} {
		if got := centre(c.v, c.m); got != c.want {
			t.Errorf("%d modulo %d: %d, want %d", c.v, c.m, got, c.want)
		}
	}
}
