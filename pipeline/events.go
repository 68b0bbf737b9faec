package pipeline

import (
	"fmt"
	"slices"
	"sync"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
)

// eventAt makes the description of the event that ev or t is, with its block where it stands at frame first.
func eventAt(o generator.Options, kind string, ev generator.Event, first int64, text string) markers.Event {
	return markers.Event{
		Kind: kind, Number: ev.Number, Scheduled: ev.First, First: first, Last: ev.Last, Text: text,
		Band: markers.Box(o.Band()), Block: markers.Box(o.BlockAt(first)), Roll: o.Roll(),
	}
}

// events answers which event a frame shows: one of the schedule, or one that somebody triggered. At most one event is
// active at a time, and at least one quiet frame lies between two.
type events struct {
	picture  generator.Options
	schedule *generator.Schedule

	mu sync.Mutex
	// manual holds the accepted triggers in order; rendered is the last frame that has been asked for, or -1; first is that
	// of the run.
	manual          []markers.Trigger
	rendered, first int64
}

func newEvents(picture generator.Options, s *generator.Schedule) *events {
	return &events{picture: picture, schedule: s, rendered: -1}
}

// add accepts a trigger. It is refused, with the reason, when its first frame has been rendered already or when it
// would touch another event.
func (e *events) add(t markers.Trigger) (refused string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := t.Check(markers.Channel{Rate: e.picture.Rate, EventLength: e.picture.EventLength}); err != nil {
		return err.Error()
	}
	if t.Frame < e.first {
		return fmt.Sprintf("its first frame is before the stream goes on, with frame %d", e.first)
	}
	if t.Frame <= e.rendered {
		return "its first frame had been rendered already"
	}
	// One event in the way is enough: a range that comes from outside may hold any number.
	if ev := e.schedule.Next(t.Frame - 1); ev.Number != 0 && ev.First <= t.LastFrame+1 {
		return "it touches a scheduled event"
	}
	i, _ := slices.BinarySearchFunc(e.manual, t.Frame, func(m markers.Trigger, f int64) int { return int(m.Frame - f) })
	if i > 0 && e.manual[i-1].LastFrame >= t.Frame-1 || i < len(e.manual) && e.manual[i].Frame <= t.LastFrame+1 {
		return "it touches another triggered event"
	}
	e.manual = slices.Insert(e.manual, i, t)
	return ""
}

// begin says that frame n is the first to be rendered: no event that is not known yet can begin before.
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

// at is the event that frame n shows, with its block where it stands at that frame.
func (e *events) at(n int64) (markers.Event, bool) {
	if ev, ok := e.schedule.At(n); ok {
		return eventAt(e.picture, markers.KindScheduled, ev, n, ""), true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range e.manual {
		if t.Frame <= n && n <= t.LastFrame {
			return eventAt(e.picture, markers.KindManual, generator.Event{First: t.Frame, Last: t.LastFrame}, n, t.Text), true
		}
	}
	return markers.Event{}, false
}
