package pipeline

import (
	"fmt"
	"slices"
	"sync"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// events answers which event a frame shows: one of the schedule, or one that somebody triggered. At most one event is
// active at a time, and at least one quiet frame lies between two.
type events struct {
	*scenario.Scenario

	mu sync.Mutex
	// manual holds the accepted triggers in order; rendered is the last frame that has been asked for, or -1; first is that
	// of the run.
	manual          []markers.Trigger
	rendered, first int64
}

func newEvents(s *scenario.Scenario) *events { return &events{Scenario: s, rendered: -1} }

// add accepts a trigger. It is refused, with the reason, when its first frame has been rendered already or when it
// would touch another event.
func (e *events) add(t markers.Trigger) (refused string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := t.Check(e.Channel); err != nil {
		return err.Error()
	}
	if t.Frame < e.first {
		return fmt.Sprintf("its first frame is before the stream goes on, with frame %d", e.first)
	}
	if t.Frame <= e.rendered {
		return "its first frame had been rendered already"
	}
	if _, near := e.Near(t.Frame, t.LastFrame); near {
		return "it touches a scheduled event"
	}
	i, _ := slices.BinarySearchFunc(e.manual, t.Frame, func(m markers.Trigger, f int64) int { return int(m.Frame - f) })
	if i > 0 && e.manual[i-1].Touches(t) || i < len(e.manual) && t.Touches(e.manual[i]) {
		return "it touches another triggered event"
	}
	e.manual = slices.Insert(e.manual, i, t)
	return ""
}

// begin sets the first frame to be rendered, n: no event that is not known yet can begin before.
func (e *events) begin(n int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.first = n
}

// render is at for the frame that is about to be rendered: from now on no trigger can change it or an earlier one.
func (e *events) render(n int64) (markers.Event, bool) {
	e.mu.Lock()
	e.rendered = max(e.rendered, n)
	for len(e.manual) > 0 && e.manual[0].LastFrame < n {
		e.manual = e.manual[1:]
	}
	e.mu.Unlock()
	return e.at(n)
}

// at is the event that frame n shows, with its block where it is at that frame.
func (e *events) at(n int64) (markers.Event, bool) {
	if ev, ok := e.At(n); ok {
		return e.Show(ev, n, ""), true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range e.manual {
		if t.Frame <= n && n <= t.LastFrame {
			return e.Show(scenario.Event{First: t.Frame, Last: t.LastFrame}, n, t.Text), true
		}
	}
	return markers.Event{}, false
}
