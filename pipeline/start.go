package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/refstream/refstream/markers"
)

// waitSlice is how often a stream that waits for its clock looks whether the wall clock was set right meanwhile.
const waitSlice = time.Second

// newest is the newest frame that the ledger has anything of, in whatever log, -1 in the first run. A frame that was
// published, sent or recorded by an earlier run is never rendered again: the records of the two runs would differ. Pictures
// leave the encoder after the key picture of their segment, whose record is stored before anything of the segment is
// sent; so frames that were sent while their records were held back are in the segment of the newest record.
func (l *Live) newest(ctx context.Context, p past) (int64, error) {
	known := p.accounted
	newest := markers.Range{Limit: 1, Desc: true}
	frames, err := l.Records.Frames(ctx, l.Info.Name, newest)
	if err != nil {
		return known, fmt.Errorf("read newest frame: %w", err)
	}
	for _, f := range frames {
		known = max(known, f.Frame)
	}
	marked, err := l.Records.Markers(ctx, l.Info.Name, newest)
	if err != nil {
		return known, fmt.Errorf("read newest marker: %w", err)
	}
	for _, m := range marked {
		known = max(known, m.Frame)
	}
	return known, nil
}

// first is the first frame of this run: of the next segment that begins in the future and behind the newest known frame.
func (l *Live) first(known int64) int64 {
	clock := l.Info.Clock()
	n := l.nextSlot()
	if known >= 0 {
		n = max(n, clock.FirstFrame(clock.MSN(known)+1))
	}
	return n
}

// settle accounts for what the run before left open behind the frame up to which it had accounted: frames that have a
// record left the encoder, and were not published. It returns up to which frame all is accounted for.
func (l *Live) settle(ctx context.Context, accounted int64) (int64, error) {
	left, err := l.Records.Frames(ctx, l.Info.Name, markers.Range{From: markers.AtFrame(accounted + 1)})
	if err != nil {
		return accounted, fmt.Errorf("read frames that were not published: %w", err)
	}
	next := accounted + 1 // the first frame that is not accounted for
	for i, f := range left {
		switch {
		case i > 0 && f.Frame == left[i-1].Frame+1: // the stretch of records continues
		case i == 0 && accounted < 0: // nothing is known of what was before
			next = f.Frame
		default:
			l.lose(ctx, next, f.Frame-1, markers.ReasonDown, "the generator ended before the encoder gave them back")
			next = f.Frame
		}
		if i+1 == len(left) || left[i+1].Frame != f.Frame+1 {
			l.lose(ctx, next, f.Frame, markers.ReasonPublish, "the generator ended before their segment was published")
			next = f.Frame + 1
		}
	}
	return next - 1, nil
}

// lose stores that frames are missing.
func (l *Live) lose(ctx context.Context, first, last int64, reason, detail string) {
	if first > last {
		return
	}
	l.Metrics.Missing.WithLabelValues(reason).Add(float64(last - first + 1))
	l.store(ctx, markers.Batch{Missing: []markers.MissingRecord{
		{Frame: first, LastFrame: last, Reason: reason, Detail: detail, At: l.Pacer.Now().UTC()},
	}})
}

// await waits for the first frame of the run as long as that is further away than a segment, and returns the frame: a later
// one when the wall clock was set forward meanwhile. It returns early when ctx ends.
func (l *Live) await(ctx context.Context, known int64) int64 {
	clock := l.Info.Clock()
	segment := time.Duration(clock.Rate.Nanos(clock.FramesPerSegment))
	n, logged := l.first(known), int64(-1)
	for {
		l.begins.Store(&beginning{n, known})
		wait := clock.UTC(n).Sub(l.Pacer.Now())
		if wait <= segment {
			break
		}
		if n != logged && (known >= 0 && n > l.nextSlot() || wait > time.Minute) {
			l.Logger.Warn("the stream is ahead of the clock and waits for it", "channel", l.Info.Name, "frame", n,
				"until", clock.UTC(n), "wait", wait, "newest", known)
			logged = n
		}
		timer := time.NewTimer(min(waitSlice, wait-segment))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return n
		}
		l.watchClock(segment)
		n = l.first(known)
	}
	return n
}
