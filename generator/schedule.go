package generator

import (
	"fmt"
	"sort"
	"sync/atomic"
)

const (
	// windowEvents is how many events one window of the schedule holds. More make the gaps more nearly exponential
	// (fixing the sum of k gaps takes about 1/k off their variance), fewer make a window cheaper to compute.
	windowEvents = 256
	// maxEvery keeps a window below 2^40 frames and sums within 64 bits: 2.2 years between events at 60 frames/s.
	maxEvery = 1 << 32
	// scheduleEnd is the first frame number that the schedule doesn't answer for, far beyond MaxFrame. It leaves
	// room to add a window's length without overflow.
	scheduleEnd = 1 << 62
)

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
