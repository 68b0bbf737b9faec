package scenario

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/refstream/refstream/generator"
)

func newTestSchedule(t testing.TB, seed uint64, every, length int64) *Schedule {
	t.Helper()
	s, err := NewSchedule(seed, every, length)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestScheduleGolden pins the schedule: streams, recordings and the truth about them depend on it, so it can't change.
// The values agree with an implementation with integers of any size, in another language.
func TestScheduleGolden(t *testing.T) {
	cases := []struct {
		seed          uint64
		every, length int64
		number        int64
		want          []int64 // first frames from event number on
	}{
		{0, 600, 60, 1, []int64{600, 871, 1450, 1689, 2270}},
		{1, 600, 60, 1, []int64{98, 265, 339, 2704, 3464}},
		{1, 600, 60, 255, []int64{153001, 153540, 154851, 155676, 156860}},
		{1, 1200, 120, 1, []int64{195, 530, 675, 5409, 6930}},
		{1<<53 - 1, 480, 48, 1_000_000, []int64{479996789, 479997107, 479997614, 479997980, 479998689}},
		{42, 3, 1, 1, []int64{2, 4, 7, 9, 12}},
		{7, 1 << 32, 1, 4000, []int64{17216880405162, 17220899163698, 17220977418758, 17224154038091, 17232982780623}},
	}
	for _, c := range cases {
		s := newTestSchedule(t, c.seed, c.every, c.length)
		var got []int64
		for i := range int64(5) {
			got = append(got, s.Event(c.number+i).First)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("seed %d, every %d, length %d: events from %d on begin at %#v, want %#v",
				c.seed, c.every, c.length, c.number, got, c.want)
		}
	}
}

// TestScheduleShape walks whole windows: numbers count up, events last exactly length, at least one frame lies
// between them, and each window holds 256 events and ends with one, however far away it lies.
func TestScheduleShape(t *testing.T) {
	for _, c := range []struct {
		seed          uint64
		every, length int64
	}{{1, 600, 60}, {2, 3, 1}, {3, 62, 60}, {4, 50, 1}, {5, 1 << 32, 1<<32 - 2}, {1<<53 - 1, 1200, 48}} {
		s := newTestSchedule(t, c.seed, c.every, c.length)
		span := windowEvents * c.every
		for _, w := range []int64{0, 1, 2, generator.MaxFrame / span, scheduleEnd/span - 1} {
			last := w*span - 1 // the last frame of the event before
			for i := int64(1); i <= windowEvents; i++ {
				number := w*windowEvents + i
				e := s.Event(number)
				if e.Number != number || e.Last-e.First+1 != c.length || e.First < last+2 {
					t.Fatalf("%+v, window %d: Event(%d) = %+v after an event that ends at %d", c, w, number, e, last)
				}
				last = e.Last
			}
			if last != (w+1)*span-1 {
				t.Errorf("%+v: window %d ends with frame %d, want %d", c, w, last, (w+1)*span-1)
			}
		}
	}
}

// TestScheduleQueries compares At, Next and Between with a plain list of the events, asked in a random order, by
// several goroutines at once.
func TestScheduleQueries(t *testing.T) {
	const every, length, events = 20, 4, 3*windowEvents + 10
	s := newTestSchedule(t, 9, every, length)
	var list []Event
	for i := int64(1); i <= events; i++ {
		list = append(list, newTestSchedule(t, 9, every, length).Event(i)) // a new one each: no memory of others
	}
	const end = 3 * windowEvents * every
	var group sync.WaitGroup
	for g := range uint64(4) {
		group.Go(func() {
			rnd := rand.New(rand.NewPCG(g, 0))
			for range 3000 {
				from := rnd.Int64N(end) - 3
				to := from + rnd.Int64N(100) - 2
				var want []Event
				for _, e := range list {
					if from <= to && e.First <= to && e.Last >= from {
						want = append(want, e)
					}
				}
				if got := s.Between(from, to); !slices.Equal(got, want) {
					t.Errorf("Between(%d, %d) = %v, want %v", from, to, got, want)
				}
				i := slices.IndexFunc(list, func(e Event) bool { return e.Last >= from })
				if got := s.Next(from); got != list[i] {
					t.Errorf("Next(%d) = %v, want %v", from, got, list[i])
				}
				got, ok := s.At(from)
				if showing := list[i].First <= from; ok != showing || ok && got != list[i] || !ok && got != (Event{}) {
					t.Errorf("At(%d) = %v, %v, next is %v", from, got, ok, list[i])
				}
			}
		})
	}
	group.Wait()
}

// TestScheduleLimits asks for what doesn't exist.
func TestScheduleLimits(t *testing.T) {
	s := newTestSchedule(t, 1, 600, 60)
	for _, number := range []int64{math.MinInt64, -1, 0, scheduleEnd/600 + 1, math.MaxInt64} {
		if e := s.Event(number); e != (Event{}) {
			t.Errorf("Event(%d) = %+v, want none", number, e)
		}
	}
	for _, n := range []int64{math.MinInt64, -1, 0, scheduleEnd, math.MaxInt64} {
		if e, ok := s.At(n); ok {
			t.Errorf("At(%d) = %+v, want none", n, e)
		}
	}
	if e := s.Next(math.MinInt64); e.Number != 1 {
		t.Errorf("Next before the epoch = %+v, want event 1", e)
	}
	if e := s.Next(math.MaxInt64); e != (Event{}) {
		t.Errorf("Next(MaxInt64) = %+v, want none", e)
	}
	if list := s.Between(math.MaxInt64-5, math.MaxInt64); list != nil {
		t.Errorf("Between at the end = %v, want none", list)
	}
	if _, err := NewSchedule(1, 61, 60); err == nil {
		t.Error("NewSchedule(1, 61, 60): no error for events that touch")
	}
}

// TestScheduleGapsAreExponential is a Kolmogorov-Smirnov test of the gaps before events against the exponential
// distribution. The limit is that of a significance of 0.1 %; the seeds are fixed, so it passes or fails for good.
func TestScheduleGapsAreExponential(t *testing.T) {
	const windows, every, length = 40, 100_000, 60
	for seed := range uint64(5) {
		s := newTestSchedule(t, seed, every, length)
		var gaps []float64
		last := int64(-1)
		for i := int64(1); i <= windows*windowEvents; i++ {
			e := s.Event(i)
			gaps = append(gaps, float64(e.First-last-1))
			last = e.Last
		}
		slices.Sort(gaps)
		mean, n := float64(every-length), float64(len(gaps))
		var distance, square float64
		for i, g := range gaps {
			p := 1 - math.Exp(-g/mean)
			distance = max(distance, math.Abs(p-float64(i)/n), math.Abs(p-float64(i+1)/n))
			square += (g/mean - 1) * (g/mean - 1) / n
		}
		if limit := 1.95 / math.Sqrt(n); distance > limit {
			t.Errorf("seed %d: distance to the exponential distribution is %.4f, limit %.4f", seed, distance, limit)
		}
		if square < 0.93 || square > 1.07 {
			t.Errorf("seed %d: variance of the gaps is %.3f of the mean squared, want about 1", seed, square)
		}
	}
}

// TestScheduleSeedsDiffer looks for seeds or windows that share a pattern: neighbouring gaps must not correlate with
// those of the next seed or the next window.
func TestScheduleSeedsDiffer(t *testing.T) {
	gaps := func(seed uint64, w int64) []float64 {
		s := newTestSchedule(t, seed, 100_000, 1)
		out := make([]float64, windowEvents)
		for i := range out {
			number := w*windowEvents + int64(i) + 1
			first := s.Event(number).First
			before := int64(-1)
			if number > 1 {
				before = s.Event(number - 1).Last
			}
			out[i] = float64(first-before)/100_000 - 1
		}
		return out
	}
	for seed := range uint64(30) {
		a := gaps(seed, 0)
		for name, b := range map[string][]float64{"next seed": gaps(seed+1, 0), "next window": gaps(seed, 1),
			"seed and window swapped": gaps(1, int64(seed)+2)} {
			var sum float64
			for i := range a {
				sum += a[i] * b[i]
			}
			// The standard deviation of the mean of 256 products of unit variance is 1/16; five of them.
			if r := sum / windowEvents; math.Abs(r) > 5.0/16 {
				t.Errorf("seed %d: correlation with %s is %.2f", seed, name, r)
			}
		}
	}
}

// TestExponential compares the integer logarithm with math.Log2.
func TestExponential(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 10_000 {
		u := rnd.Uint64() >> (i % 64)
		want := (64 - math.Log2(float64(u|1))) * (1 << fraction)
		// math.Log2 sees 53 bits of u, which near 2^64 is a relative error of 2^-53: far below the tolerance.
		if got := exponential(u); math.Abs(float64(got)-want) > 64 {
			t.Fatalf("exponential(%#x) = %d, want %.1f", u, got, want)
		}
	}
	if got := exponential(0); got != 64<<fraction {
		t.Errorf("exponential(0) = %d, want 64", got)
	}
	if got := exponential(math.MaxUint64); got > 64 {
		t.Errorf("exponential(max) = %d, want almost 0", got)
	}
}

func BenchmarkScheduleAt(b *testing.B) {
	s := newTestSchedule(b, 1, 600, 60)
	for n := int64(0); b.Loop(); n = (n + 1) % 100_000 {
		s.At(n)
	}
}

func BenchmarkScheduleFarWindow(b *testing.B) {
	s := newTestSchedule(b, 1, 600, 60)
	for n := int64(0); b.Loop(); n = (n + s.span()) % generator.MaxFrame {
		s.At(n)
	}
}
