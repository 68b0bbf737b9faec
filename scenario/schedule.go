package scenario

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"sort"
	"sync/atomic"

	"github.com/refstream/refstream/generator"
)

const (
	// windowEvents is how many events one window of the schedule holds. More make the gaps more nearly exponential
	// (fixing the sum of k gaps takes about 1/k off their variance), fewer make a window cheaper to compute.
	windowEvents = 256
	// maxEvery keeps a window below 2^40 frames and sums within 64 bits: 2.2 years between events at 60 frames/s.
	maxEvery = 1 << 32
	// scheduleEnd is the first frame number that the schedule doesn't answer for, far beyond [generator.MaxFrame]. It leaves
	// room to add a window's length without overflow.
	scheduleEnd = 1 << 62
)

// Event is a stretch of frames in which the block is cyan.
type Event struct {
	// Number counts the scheduled events of a stream from 1; it is 0 for one that was triggered by hand, and in the
	// zero Event, which stands for none.
	Number int64
	// First and Last are the frames that show it, inclusive.
	First, Last int64
}

// Schedule is the random process of events: their starts have exponential gaps before them and the mean distance
// `every`, and events neither overlap nor touch.
//
// It is a pure function of (seed, every, length). Time is divided into windows of 256*every frames; window w holds
// exactly the events 256w+1 to 256w+256 and ends with the last frame of the last one. So any event is found without
// computing those before its window, and the mean distance between starts is exact over whole windows. Only integer
// arithmetic is used, so every machine computes the same schedule.
//
// A Schedule can be used by many goroutines at once. It remembers the window that was asked for last; another one
// costs some 20 microseconds.
type Schedule struct {
	seed          uint64
	every, length int64
	current       atomic.Pointer[window]
}

// NewSchedule plans events of length frames (at least 1) whose starts are every frames apart on average
// (length+2 to 2^32).
func NewSchedule(seed uint64, every, length int64) (*Schedule, error) {
	if err := checkEvents(every, length); err != nil {
		return nil, err
	}
	return &Schedule{seed: seed, every: every, length: length}, nil
}

func checkEvents(every, length int64) error {
	if length < 1 {
		return fmt.Errorf("event length of %d frames is too short: use at least 1 frame", length)
	}
	if every > maxEvery {
		return fmt.Errorf("an event every %d frames is too rare: use at most %d", every, int64(maxEvery))
	}
	// Subtracted rather than added: length may be close to the largest integer.
	if every-1 <= length {
		return fmt.Errorf("an event every %d frames leaves no time between events of %d frames: "+
			"use a longer event-every, or a shorter event-length", every, length)
	}
	return nil
}

// Event is the event of the given number, counted from 1. It is the zero Event for a number below 1 or one that lies
// 2^62 frames or more from the epoch.
func (s *Schedule) Event(number int64) Event {
	if number < 1 {
		return Event{}
	}
	w, i := (number-1)/windowEvents, (number-1)%windowEvents
	if w > scheduleEnd/s.span()-1 {
		return Event{}
	}
	return s.event(s.window(w), int(i))
}

// At is the event that frame n shows, and whether there is one.
func (s *Schedule) At(n int64) (Event, bool) {
	e := s.Next(n)
	if e.Number == 0 || e.First > n {
		return Event{}, false
	}
	return e, true
}

// Next is the first event that ends at or after frame n: the one that n shows, or else the one that comes next.
// It is the zero Event where n is 2^62 or more.
func (s *Schedule) Next(n int64) Event {
	n = max(n, 0)
	// The last event of a window ends with the window, so n's own window always holds the answer.
	number := n / s.span()
	if number > scheduleEnd/s.span()-1 {
		return Event{}
	}
	w := s.window(number)
	i := sort.Search(windowEvents, func(i int) bool { return w.first[i]+s.length > n })
	return s.event(w, i)
}

// Between lists the events that show in any of the frames from..to, inclusive, in order. The list takes 24 bytes an
// event: bound the range where it comes from outside. It is nil if to < from.
func (s *Schedule) Between(from, to int64) []Event {
	if to < from {
		return nil
	}
	var list []Event
	for e := s.Next(from); e.Number != 0 && e.First <= to; e = s.Event(e.Number + 1) {
		list = append(list, e)
	}
	return list
}

// span is the length of a window in frames.
func (s *Schedule) span() int64 { return windowEvents * s.every }

func (s *Schedule) event(w *window, i int) Event {
	return Event{Number: w.number*windowEvents + int64(i) + 1, First: w.first[i], Last: w.first[i] + s.length - 1}
}

// window returns window w, from memory if it was the last one asked for.
func (s *Schedule) window(w int64) *window {
	if c := s.current.Load(); c != nil && c.number == w {
		return c
	}
	c := newWindow(s.seed, w, s.every, s.length)
	s.current.Store(c)
	return c
}

// window is one stretch of the schedule: the first frames of its events, ascending. It doesn't change once made.
type window struct {
	number int64
	first  [windowEvents]int64
}

// newWindow places the events of one window. With k events, k gaps come before them; each is one frame plus a share
// of the frames that are left, in proportion to an exponential variate. Shares are rounded as running sums, so they
// add up exactly.
func newWindow(seed uint64, number, every, length int64) *window {
	// PCG's output is fixed by its documentation and by Go's own tests. Its two seeds are hashed because streams of
	// neighbouring seeds would otherwise start out alike.
	a := generator.Mix(seed)
	src := rand.NewPCG(a, generator.Mix(a^generator.Mix(uint64(number))))
	var sums [windowEvents]uint64
	var sum uint64
	for i := range sums {
		sum += exponential(src.Uint64())
		sums[i] = sum
	}
	sum = max(sum, 1)

	w := &window{number: number}
	spare := uint64(windowEvents * (every - length - 1))
	start := number * windowEvents * every
	for i := range w.first {
		// sums[i] < 2^46 and spare < 2^40; the quotient is at most spare.
		hi, lo := bits.Mul64(sums[i], spare)
		share, _ := bits.Div64(hi, lo, sum)
		w.first[i] = start + int64(share) + int64(i+1) + int64(i)*length
	}
	return w
}

// fraction is the number of binary digits that exponential computes after the point: the steps between gaps are
// far below a frame, and sums of a window's variates stay below 2^46.
const fraction = 32

// exponential turns a uniform 64-bit number u into -log2((u|1)/2^64), in fixed point with 32 fractional bits: an
// exponential variate of mean 1/ln(2), which is below 2^38. Its scale cancels out where it is used.
//
// The digits of the logarithm come from squaring: for 1 <= m < 2, the next digit of log2(m) says whether m*m >= 2.
func exponential(u uint64) uint64 {
	u |= 1 // never 0, which has no logarithm
	lead := bits.LeadingZeros64(u)
	m := u << lead // 1 <= m/2^63 < 2
	log := uint64(63 - lead)
	for range fraction {
		hi, lo := bits.Mul64(m, m) // m*m/2^126 is at least 1 and less than 4
		log <<= 1
		if hi>>63 == 1 {
			log |= 1
			m = hi
		} else {
			m = hi<<1 | lo>>63
		}
	}
	return 64<<fraction - log
}
