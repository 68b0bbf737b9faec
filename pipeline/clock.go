package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// minStep is the smallest difference between the wall clock and the stream's that is a step: less is the time between two
// readings.
const minStep = 100 * time.Millisecond

// beginning is where a run begins.
type beginning struct {
	frame int64
	// newest is the newest frame that earlier runs left anything of, -1 where there is none.
	newest int64
}

// Position is where a channel is.
type Position struct {
	// Now is the stream's clock, which steps of the wall clock do not move. All times of the stream
	// are on it.
	Now time.Time
	// Starting: it is not known yet at which frame the stream continues.
	Starting bool
	// Next is the first frame that is not rendered yet.
	Next int64
	// Begins is when the stream begins, where it waits for its clock to get beyond what earlier runs made, up to frame
	// Newest; the zero time otherwise.
	Begins time.Time
	Newest int64
}

// Position is where the channel is. It may be called at any time, from any goroutine.
func (l *Live) Position() Position {
	p := Position{Now: l.Pacer.Now(), Starting: true}
	if b := l.begins.Load(); b != nil {
		p.Starting, p.Newest = false, b.newest
		p.Next = max(b.frame, l.rendered.Load())
		clock := l.Info.Clock()
		begins := clock.UTC(b.frame)
		if p.Next == b.frame && begins.Sub(p.Now) > time.Duration(clock.Rate.Nanos(clock.FramesPerSegment)) {
			p.Begins = begins
		}
	}
	return p
}

// watchClock logs a step of the wall clock, once. One forward by more than tolerated is followed: frames follow UTC, so the
// stream has to catch up. One back is not: no frame is ever rendered twice.
func (l *Live) watchClock(tolerated time.Duration) {
	offset := l.Pacer.Offset()
	step := offset - l.offset
	if step.Abs() < minStep {
		return
	}
	l.offset = offset
	by := "by"
	switch {
	case offset > tolerated:
		l.Pacer.Resync()
		l.offset = 0
		l.Logger.Warn("the wall clock went forward: the stream follows it", "channel", l.Info.Name, by, step)
	case step > 0:
		l.Logger.Warn("the wall clock went forward: the stream keeps its own clock", "channel", l.Info.Name, by, step, "ahead", offset)
	default:
		l.Logger.Warn("the wall clock was set back: the stream keeps its own clock", "channel", l.Info.Name, by, step, "behind", -offset)
	}
}

// Ready is nil while frames leave the encoder and segments are published.
func (l *Live) Ready(context.Context) error {
	if p := l.Position(); !p.Begins.IsZero() {
		what := fmt.Sprintf("the stream waits until %s to begin", p.Begins.Format(time.RFC3339))
		if p.Newest >= 0 {
			what = fmt.Sprintf("the stream waits until %s to go on with frame %d: frames up to %d are of an earlier run, and the clock is behind them",
				p.Begins.Format(time.RFC3339), p.Next, p.Newest)
		}
		return errors.New("generator: " + what)
	}
	at := l.Metrics.latestAt.Load()
	if at == nil {
		return errors.New("generator: no frame has left the encoder yet")
	}
	age := l.Now().Sub(*at)
	if limit := staleAfter * time.Duration(l.Info.Rate.Nanos(l.Info.FramesPerSegment)); age > limit {
		return fmt.Errorf("generator: no frame has left the encoder for %v", age.Round(time.Millisecond))
	}
	if err := l.Metrics.publishFail.Load(); err != nil {
		return fmt.Errorf("generator: segments can't be published: %w", *err)
	}
	return nil
}
