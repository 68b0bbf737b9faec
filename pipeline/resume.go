package pipeline

import (
	"context"
	"fmt"
	"strings"

	"github.com/refstream/refstream/internal/redact"
	"github.com/refstream/refstream/markers"
)

// past is where earlier runs of the channel got to.
type past struct {
	// accounted is the last frame that is in a published segment or known to be missing, -1 in the first run.
	accounted int64
	// marked is the scheduled first frame of the newest marker, -1 when there is none.
	marked int64
}

func (l *Live) past(ctx context.Context) (past, error) {
	p := past{-1, -1}
	newest := markers.Range{Limit: 1, Desc: true}
	segments, err := l.Records.Segments(ctx, l.Info.Name, newest)
	if err != nil {
		return p, fmt.Errorf("read newest segment: %w", err)
	}
	for _, s := range segments {
		p.accounted = s.LastFrame
	}
	missing, err := l.Records.Missing(ctx, l.Info.Name, markers.Range{}) // the newest may be a late one
	if err != nil {
		return p, fmt.Errorf("read newest missing frames: %w", err)
	}
	for _, m := range missing {
		p.accounted = max(p.accounted, m.LastFrame)
	}
	found, err := l.Records.Markers(ctx, l.Info.Name, newest)
	if err != nil {
		return p, fmt.Errorf("read newest marker: %w", err)
	}
	for _, m := range found {
		p.marked = m.ScheduledFrame
	}
	return p, nil
}

// loadTriggers takes in the triggers of events that begin after frame n or last until it, the first of the
// run, and returns the newest trigger's ID. From now on no event can begin before n. Those behind the newest frame of the
// earlier runs that are over by n were promised to somebody, and are refused.
func (l *Live) loadTriggers(ctx context.Context, e *events, n, known int64) (newest markers.ID, err error) {
	list, err := l.Records.Triggers(ctx, l.Info.Name, markers.Range{})
	for _, t := range list {
		newest = t.RecordID()
		switch {
		case t.LastFrame >= n && t.Frame <= known && l.without(ctx, t):
			l.refuse(t, "earlier frames do not show it: it had come too late for them")
		case t.LastFrame >= n:
			l.refuse(t, e.add(t))
		case t.Frame > known:
			l.refuse(t, fmt.Sprintf("all of its frames are before the stream goes on, with frame %d", n))
		}
	}
	e.begin(n)
	return newest, err
}

// without reports whether an earlier run made frames of a trigger's event that do not show it: it had refused the trigger.
func (l *Live) without(ctx context.Context, t markers.Trigger) bool {
	shown, err := l.Records.Frames(ctx, l.Info.Name, markers.Range{
		From: markers.AtFrame(t.Frame), To: markers.EndOfFrame(t.LastFrame), Limit: 1, Desc: true,
	})
	id := markers.Event{Kind: markers.KindManual, Scheduled: t.Frame}.ID(l.Info.Name)
	return err == nil && len(shown) > 0 && shown[0].Event != id
}

// refuse logs and counts a trigger that was refused; an empty reason means that it was not.
func (l *Live) refuse(t markers.Trigger, reason string) {
	if reason != "" {
		l.Metrics.TriggersRefused.Inc()
		l.Logger.Warn("trigger refused", "channel", l.Info.Name, "frame", t.Frame, "reason", reason)
	}
}

// followTriggers takes in the triggers after the given one until ctx ends.
func (l *Live) followTriggers(ctx context.Context, e *events, after markers.ID) {
	var err error
	for err == nil {
		if err = l.Records.Wait(ctx, l.Info.Name, markers.Triggers, after); err != nil {
			break
		}
		var list []markers.Trigger
		list, err = l.Records.Triggers(ctx, l.Info.Name, markers.Range{From: after.Next()})
		for _, t := range list {
			after = t.RecordID()
			l.refuse(t, e.add(t))
		}
	}
	if ctx.Err() == nil {
		l.Logger.Error("follow triggers: no more events can be triggered", "channel", l.Info.Name, "error", err)
	}
}

// trim forgets what is older than the window (frames, segments) or than the time that markers are kept.
func (l *Live) trim(ctx context.Context, seg markers.SegmentRecord) {
	clock := l.Info.Clock()
	window := clock.FirstFrame(max(0, seg.MSN-l.Info.Window))
	kept := min(window, max(0, seg.FirstFrame-clock.Rate.FrameAtNanos(l.KeepMarkers.Nanoseconds())))
	kinds, err := l.Records.Kinds(ctx, l.Info.Name)
	if err != nil {
		l.Logger.Warn("trim store", "channel", l.Info.Name, "error", err)
	}
	for _, kind := range kinds {
		before := kept
		if kind == markers.Frames || kind.Base() == markers.Segments {
			before = window
		}
		if before == 0 {
			continue
		}
		if err := l.Records.Trim(ctx, l.Info.Name, kind, markers.AtFrame(before)); err != nil {
			l.Logger.Warn("trim store", "channel", l.Info.Name, "kind", kind, "error", err)
		}
	}
}

// firstLine is the first line of an error's text, without the folders of files: records hold one line, and anybody reads them.
func firstLine(err error) string {
	if err == nil {
		return ""
	}
	line, _, _ := strings.Cut(redact.Paths(err), "\n")
	return line
}
