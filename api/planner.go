package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

const (
	// maxTriggerWait is how far away a triggered event may begin: who asks for an event now wants to see it.
	maxTriggerWait = 30 * time.Second
	// placeAttempts is how often a place is sought that another process keeps taking first.
	placeAttempts = 5
	// earlierTriggers is how many triggers before a place are looked at for one that reaches into it. They don't
	// overlap, but for those that two processes placed at once.
	earlierTriggers = 16
)

// planner finds places for triggered events. Its methods may be called at once from many goroutines.
type planner struct {
	store markers.Store
	// placing is held from looking for a place to having taken it. Other processes are found out afterwards.
	placing sync.Mutex
}

// place writes the trigger of an event of length frames at the first free place from earliest on.
//
// A place is free where neither the event nor the frames next to it show another event, so that two events are always
// told apart. The store appends only, so a trigger must follow those that are there. Two processes that write at once
// may both succeed with places that touch: the later of the two is then void, for the generator as well as here, and
// seeks another.
func (p *planner) place(ctx context.Context, shows *scenario.Scenario, earliest, length int64, text string) (t markers.Trigger, err error) {
	ch := shows.Channel
	p.placing.Lock()
	defer p.placing.Unlock()
	for range placeAttempts {
		t = markers.Trigger{Text: text}
		latest := earliest + ch.Rate.FrameAtNanos(int64(maxTriggerWait))
		if t.Frame, err = p.free(ctx, shows, earliest, latest, length); err != nil {
			return t, err
		}
		if t.Frame > latest {
			return t, &Problem{
				Status:     http.StatusConflict,
				Detail:     fmt.Sprintf("there is no room for an event of %d frames within %v", length, maxTriggerWait),
				retryAfter: max(time.Second, time.Duration(ch.Rate.Nanos(t.Frame-latest))),
			}
		}
		t.LastFrame = t.Frame + length - 1
		newest, err := p.store.Last(ctx, ch.Name, markers.Triggers)
		if err != nil {
			return t, fmt.Errorf("read triggers: %w", err)
		}
		if newest.Frame >= t.Frame {
			return t, &Problem{
				Status: http.StatusConflict,
				Detail: fmt.Sprintf("the log of triggers ends with one for frame %d, which no event can show: none can be "+
					"triggered before that frame, unless the log is deleted", newest.Frame),
				retryAfter: maxTriggerWait,
			}
		}
		if err := p.store.Append(ctx, ch.Name, markers.Batch{Triggers: []markers.Trigger{t}}); err != nil {
			return t, fmt.Errorf("write trigger: %w", err)
		}
		switch taken, err := p.holds(ctx, ch, t); {
		case err != nil:
			return t, err
		case taken:
			return t, nil
		}
	}
	return markers.Trigger{}, &Problem{
		Status: http.StatusConflict, Detail: "others keep triggering events at the same time", retryAfter: time.Second,
	}
}

// free is the first frame from earliest on where an event of length frames fits, or a frame after latest where there
// is none up to that: an event there does not fit before that frame.
func (p *planner) free(ctx context.Context, shows *scenario.Scenario, earliest, latest, length int64) (int64, error) {
	start := earliest
	newest, err := p.earlier(ctx, shows.Channel, markers.MaxID)
	if err != nil {
		return 0, err
	}
	for _, t := range newest {
		start = max(start, t.LastFrame+2)
	}
	for start <= latest {
		ev, near := shows.Near(start, start+length-1)
		if !near {
			break
		}
		start = ev.Last + 2
	}
	return start, nil
}

// earlier lists the newest triggers up to an ID, the last one first, without those that no generator takes.
func (p *planner) earlier(ctx context.Context, ch markers.Channel, upTo markers.ID) ([]markers.Trigger, error) {
	list, err := p.store.Triggers(ctx, ch.Name, markers.Range{To: upTo, Limit: earlierTriggers, Desc: true})
	if err != nil {
		return nil, fmt.Errorf("read triggers: %w", err)
	}
	return slices.DeleteFunc(list, func(t markers.Trigger) bool { return t.Check(ch) != nil }), nil
}

// holds says whether the store has t, and no trigger before it that touches it.
func (p *planner) holds(ctx context.Context, ch markers.Channel, t markers.Trigger) (bool, error) {
	list, err := p.earlier(ctx, ch, markers.EndOfFrame(t.Frame))
	if err != nil {
		return false, err
	}
	if len(list) == 0 || list[0] != t {
		return false, nil
	}
	for _, before := range list[1:] {
		if before.Touches(t) {
			return false, nil
		}
	}
	return true, nil
}
