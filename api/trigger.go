package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// startingRetry is when a generator that is starting may be there.
const startingRetry = 2 * time.Second

// postMarker answers POST /markers: it plans an event as soon as possible and answers 202 with the marker that it
// will have, if its frames reach the stream.
func (s *Server) postMarker(c echo.Context) error {
	r := c.Request()
	ctx := r.Context()
	ch, err := s.posted(r)
	if err != nil {
		return err
	}
	text, length, err := readTrigger(c.Response(), r, ch)
	if err != nil {
		return err
	}
	earliest, err := s.earliest(ctx, ch)
	if err != nil {
		return err
	}
	shows, err := scenario.New(ch)
	if err != nil {
		return err
	}
	t, err := s.planner.place(ctx, shows, max(0, earliest), length, text)
	if err != nil {
		return err
	}
	m := shows.Marker(scenario.Event{First: t.Frame, Last: t.LastFrame}, t.Text)
	c.Response().Header().Set("Location", "/markers?"+url.Values{
		"channel": {ch.Name}, "kind": {markers.KindManual},
		"ts_start": {(m.Time - 1).String()}, "ts_end": {m.EndTime.String()},
	}.Encode())
	planned, err := withNull(!s.own(ch.Name)(ch.Generator), plannedView{Marker: m}, "run")
	if err != nil {
		return err
	}
	return noStore(c, http.StatusAccepted, planned)
}

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
			return t, tryLater(http.StatusConflict, max(time.Second, time.Duration(ch.Rate.Nanos(t.Frame-latest))),
				"there is no room for an event of %d frames within %v", length, maxTriggerWait)
		}
		t.LastFrame = t.Frame + length - 1
		newest, err := p.store.Last(ctx, ch.Name, markers.Triggers)
		if err != nil {
			return t, fmt.Errorf("read triggers: %w", err)
		}
		if newest.Frame >= t.Frame {
			return t, tryLater(http.StatusConflict, maxTriggerWait, "the log of triggers ends with one for frame %d, which no event "+
				"can show: none can be triggered before that frame, unless the log is deleted", newest.Frame)
		}
		// Where it is late another process took the place, or a later one.
		err = p.store.Append(ctx, ch.Name, markers.Batch{Triggers: []markers.Trigger{t}})
		if err != nil && !errors.Is(err, markers.ErrLate) {
			return t, fmt.Errorf("write trigger: %w", err)
		}
		if taken, err := p.holds(ctx, ch, t); err != nil || taken {
			return t, err
		}
	}
	return markers.Trigger{}, tryLater(http.StatusConflict, time.Second, "others keep triggering events at the same time")
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
	if err != nil || len(list) == 0 || list[0] != t {
		return false, err
	}
	return !slices.ContainsFunc(list[1:], t.Touches), nil
}

// earliest is the first frame that a triggered event can begin with, or an error that says why none can be triggered.
func (s *Server) earliest(ctx context.Context, ch markers.Channel) (int64, error) {
	n, err := s.streamNow(ctx, ch)
	if err != nil {
		return 0, err
	}
	if n.source == clockGenerator {
		return s.earliestHere(ch, n)
	}
	clock := ch.Clock()
	if !n.live && n.newest != (markers.ID{}) {
		wait, cancel := context.WithTimeout(ctx, arrivalWait)
		defer cancel()
		if n.live = s.cfg.Store.Wait(wait, ch.Name, markers.Frames, n.newest) == nil; !n.live && ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if n.newest, err = s.cfg.Store.Last(ctx, ch.Name, markers.Frames); err != nil {
			return 0, err
		}
	}
	if !n.live {
		return 0, notLive("the channel is not live: " + n.detail)
	}
	// Where the clocks differ, the newest record alone says how far the stream is.
	now, newest := n.t, clock.UTC(n.newest.Frame)
	if n.source == clockUnknown || now.Before(newest) {
		now = newest.Add(recordLag)
	}
	return max(0, clock.FrameAt(now.Add(s.cfg.TriggerLead))), nil
}

// earliestHere is earliest where this process generates the channel.
func (s *Server) earliestHere(ch markers.Channel, n streamNow) (int64, error) {
	p := n.position
	switch {
	case p.Starting:
		return 0, notLive("the channel is not live: its generator is starting")
	case !p.Begins.IsZero() && p.Begins.Sub(p.Now) > maxTriggerWait:
		why := ""
		if p.Newest >= 0 {
			why = fmt.Sprintf(", since frames up to %d are of an earlier run and the clock is behind them", p.Newest)
		}
		problem := notLive(fmt.Sprintf("the channel is not live: it waits until %s to go on with frame %d%s",
			p.Begins.Format(time.RFC3339), p.Next, why))
		problem.retryAfter = p.Begins.Sub(p.Now)
		return 0, problem
	case p.Begins.IsZero() && !n.live:
		return 0, notLive("the channel is not live: no frame has left the encoder lately")
	}
	return max(0, p.Next, ch.Clock().FrameAt(p.Now.Add(s.cfg.TriggerLead))), nil
}

func notLive(detail string) *Problem {
	return tryLater(http.StatusServiceUnavailable, startingRetry, "%s", detail)
}
