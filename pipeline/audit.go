package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// Audit holds what earlier runs stored of a channel against itself and against the files that are left. A machine that lost
// power, or somebody's hand, may have taken segments, or the end of one log and not of another.
//
// lost are the frames that were published and of which a part is gone: the segment's file, by whole, the record of a
// frame, or the marker of an event that they show; and those of which nothing is known at all. withdrawn are their
// segments: they must not be published any more, since the ledger lacks what is in them. Frames that are known to be
// missing are left out.
//
// What was found lost stays so, also where its file is put back: records are not taken back, and the playlist had a gap there.
// Nothing is known of a file's content but what whole compares.
func Audit(ctx context.Context, store markers.Store, c markers.Channel, whole func(markers.SegmentRecord) bool,
) (lost []markers.MissingRecord, withdrawn []markers.SegmentRecord, err error) {
	a := auditor{channel: c, clock: c.Clock(), recorded: map[int64]string{}, marked: map[string]bool{}, oldest: -1}
	if err := a.read(ctx, store); err != nil {
		return nil, nil, fmt.Errorf("audit ledger: %w", err)
	}
	for _, s := range a.segments {
		why := a.gone(s)
		if !whole(s) {
			why = fmt.Sprintf("the file %s is gone or not whole", s.URI)
		}
		if why == "" {
			continue
		}
		withdrawn = append(withdrawn, s)
		if !a.missing(s.FirstFrame, s.LastFrame) {
			lost = append(lost, markers.MissingRecord{Frame: s.FirstFrame, LastFrame: s.LastFrame, Reason: markers.ReasonLost, Detail: why})
		}
	}
	lost = append(lost, a.holes()...)
	slices.SortFunc(lost, func(a, b markers.MissingRecord) int { return cmp.Compare(a.Frame, b.Frame) })
	return lost, withdrawn, nil
}

type auditor struct {
	channel  markers.Channel
	clock    markers.Clock
	scenario *scenario.Scenario
	segments []markers.SegmentRecord
	absent   []markers.MissingRecord
	recorded map[int64]string // the event of each frame that has a record
	marked   map[string]bool  // the markers' IDs
	oldest   int64            // the first frame that has a record, -1 where none has
}

func (a *auditor) read(ctx context.Context, store markers.Store) (err error) {
	name, all := a.channel.Name, markers.Range{}
	if a.scenario, err = scenario.New(a.channel); err != nil {
		return err
	}
	if a.segments, err = store.Segments(ctx, name, all); err != nil {
		return err
	}
	if a.absent, err = store.Missing(ctx, name, all); err != nil {
		return err
	}
	frames, err := store.Frames(ctx, name, all)
	if err != nil {
		return err
	}
	for i, f := range frames {
		if i == 0 {
			a.oldest = f.Frame
		}
		a.recorded[f.Frame] = f.Event
	}
	list, err := store.Markers(ctx, name, all)
	for _, m := range list {
		a.marked[m.ID] = true
	}
	return err
}

// gone is what of a segment's truth is gone, or nothing.
func (a *auditor) gone(s markers.SegmentRecord) string {
	if a.oldest >= 0 && s.FirstFrame < a.oldest {
		return "" // the ledger begins in it, or behind it
	}
	for n := s.FirstFrame; n <= s.LastFrame; n++ {
		event, ok := a.recorded[n]
		if !ok {
			return fmt.Sprintf("the record of frame %d is gone from the journal", n)
		}
		if event != "" && !a.marked[event] && a.scheduled(event, n) >= a.oldest {
			return fmt.Sprintf("the marker %s is gone from the journal", event)
		}
	}
	return ""
}

// scheduled is the frame that an event was to begin with, which frame n shows: its marker is kept as long as that frame is.
func (a *auditor) scheduled(event string, n int64) int64 {
	if ev, ok := a.scenario.At(n); ok {
		return ev.First
	}
	first, err := strconv.ParseInt(strings.TrimPrefix(event, a.channel.Name+"-t"), 10, 64)
	if err != nil {
		return n
	}
	return first
}

// missing reports whether all frames from first to last are known to be missing.
func (a *auditor) missing(first, last int64) bool {
	for n := first; n <= last; {
		i := slices.IndexFunc(a.absent, func(m markers.MissingRecord) bool { return m.Frame <= n && n <= m.LastFrame })
		if i < 0 {
			return false
		}
		n = a.absent[i].LastFrame + 1
	}
	return true
}

// holes lists the frames behind the first segment that is kept, between those that are accounted for, which are in no segment
// and not known to be missing.
func (a *auditor) holes() (list []markers.MissingRecord) {
	if len(a.segments) == 0 {
		return nil
	}
	type span struct{ first, last int64 }
	var spans []span
	for _, s := range a.segments {
		spans = append(spans, span{s.FirstFrame, s.LastFrame})
	}
	for _, m := range a.absent {
		if m.LastFrame >= a.segments[0].FirstFrame { // missing frames are kept for longer than segments
			spans = append(spans, span{m.Frame, m.LastFrame})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	for i, s := range spans {
		if i > 0 && s.first > spans[i-1].last+1 {
			list = append(list, markers.MissingRecord{Frame: spans[i-1].last + 1, LastFrame: s.first - 1, Reason: markers.ReasonLost,
				Detail: "the journal does not say what became of them"})
		}
		if i > 0 {
			spans[i].last = max(s.last, spans[i-1].last)
		}
	}
	return list
}
