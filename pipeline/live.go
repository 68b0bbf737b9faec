package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// Bounds of a live channel.
const (
	// drainTime is how long an encoder may take to give back its last frames at a stop: enough for a full lookahead at
	// a quarter of real time, and well within the 5 s in which a stop must be over.
	drainTime = 1500 * time.Millisecond
	// writeTime is how long an encoder may take to accept the frame that is being written at a stop.
	writeTime = 500 * time.Millisecond
	// steadyRun is how long an encoder must have run for its end to count as an accident and be followed by an
	// immediate restart; one that ends sooner is restarted after a growing pause of at most maxPause.
	steadyRun = 10 * time.Second
	maxPause  = 8 * time.Second
	// staleAfter is how many segments may pass without a frame before the channel reports that it is not ready.
	staleAfter = 3
)

// pacer keeps the stream's clock and waits for a frame's turn (generator.Pacer).
type pacer interface {
	// Wait returns when frame n is due, and how late it is already.
	Wait(ctx context.Context, n int64) (late time.Duration, err error)
	// Now is the stream's clock; Offset how far the wall clock has stepped away from it; Resync sets it anew.
	Now() time.Time
	Offset() time.Duration
	Resync() time.Duration
}

// reached remembers the newest frame that may have been sent to anybody where nothing else can be written (journal.Reached).
type reached interface {
	Frame() int64
	Reach(n int64) error
}

// Live runs one channel in real time.
type Live struct {
	Channel
	// Records is the store in full: Channel.Store is the same or a part of it.
	Records markers.Store
	Pacer   pacer
	// KeepMarkers is how long markers and missing records are kept; at least the window.
	KeepMarkers time.Duration
	// Reached may be nil.
	Reached reached
	// Lost are frames of earlier runs that were found missing before this one (Audit).
	Lost []markers.MissingRecord

	begins   atomic.Pointer[beginning] // nil until it is known
	rendered atomic.Int64              // the frame after the newest that was rendered
	offset   time.Duration             // of the wall clock when watchClock looked last
}

// Run renders, encodes and publishes until ctx ends, then ends the playlist and returns nil. The encoder's end, a
// machine that is too slow and a disk that fails are logged, accounted for and survived; an encoder that fails before it
// has ever given a frame that can be labelled is an error, since trying again can't help.
func (l *Live) Run(ctx context.Context) error {
	shows, err := scenario.New(l.Info)
	if err != nil {
		return err
	}
	renderer, err := generator.NewRendererIn(l.Raw, shows.Picture)
	if err != nil {
		return fmt.Errorf("make renderer: %w", err)
	}
	clock := l.Info.Clock()
	past, err := l.past(ctx)
	if err != nil {
		return err
	}
	known, err := l.newest(ctx, past)
	if err != nil {
		return err
	}
	for _, m := range l.Lost {
		l.lose(ctx, m.Frame, m.LastFrame, m.Reason, m.Detail)
	}
	accounted, err := l.settle(ctx, past.accounted)
	if err != nil {
		return err
	}
	sent := known
	if l.Reached != nil {
		sent = l.Reached.Frame()
	}
	if clock.MSN(sent) > clock.MSN(known) && accounted >= 0 {
		l.lose(ctx, accounted+1, sent, markers.ReasonPublish, "the generator ended while the disk took no records")
		accounted = sent
	}
	known = max(known, sent)
	n := l.await(ctx, known)
	if accounted >= 0 && ctx.Err() == nil {
		l.lose(ctx, accounted+1, n-1, markers.ReasonDown, "")
	}
	c := newChain(l.Channel, shows, n, past.marked, l.Pacer.Now, false)
	started := l.Now()
	c.elapsed = func() time.Duration { return l.Now().Sub(started) }
	c.reached = l.Reached
	c.publisher.published = l.trim

	// The helpers end after the last frame: the publisher when its queue is closed, the triggers when ctx ends.
	background := context.WithoutCancel(ctx)
	triggers, stopTriggers := context.WithCancel(background)
	var helpers sync.WaitGroup
	var publishErr error
	helpers.Go(func() { publishErr = c.publisher.run(background) })
	newest, err := l.loadTriggers(ctx, c.events, n, known)
	if err != nil {
		l.Logger.Error("read triggers", "channel", l.Info.Name, "error", err)
	}
	helpers.Go(func() { l.followTriggers(triggers, c.events, newest) })

	err = l.encode(ctx, c, renderer, n)
	l.store(background, c.ledger.flush())
	close(c.publisher.queue)
	stopTriggers()
	helpers.Wait()
	return errors.Join(err, publishErr)
}

// encode runs one encoder after the other, from frame n on, until ctx ends.
func (l *Live) encode(ctx context.Context, c *chain, r *generator.Renderer, n int64) error {
	clock := l.Info.Clock()
	var pause time.Duration
	for {
		began := l.Now()
		err := l.runEncoder(ctx, c, r, n)
		if ctx.Err() != nil {
			if err != nil {
				l.Logger.Error("stop encoder", "channel", l.Info.Name, "error", err)
			}
			return nil
		}
		if l.Metrics.latest.Load() < 0 {
			return fmt.Errorf("encode first frame: %w", err)
		}
		if l.Now().Sub(began) > steadyRun {
			pause = 0
		} else {
			pause = min(max(2*pause, 250*time.Millisecond), maxPause)
		}
		l.Metrics.Restarts.Inc()
		l.Logger.Error("encoder ended: starting it again", "channel", l.Info.Name, "error", err, "pause", pause)
		held := c.ledger.flush()
		l.store(ctx, held)
		c.late = append(c.late, held.Markers...)
		c.ledger.lost()
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		n = max(l.nextSlot(), clock.FirstFrame(c.publisher.coverage.accounted()))
		// All that was not published before the new start is lost, the open segment included.
		c.publisher.queue <- message{abandon: true, first: 0, last: clock.MSN(n) - 1, why: reason{markers.ReasonEncoder, firstLine(err)}}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// runEncoder runs one encoder from frame n on until it fails or ctx ends.
func (l *Live) runEncoder(ctx context.Context, c *chain, r *generator.Renderer, n int64) error {
	enc, err := c.encoders(nil)
	if err != nil {
		return fmt.Errorf("make encoder: %w", err)
	}
	// The encoder outlives ctx by the time it takes to drain; fed ends when the encoder does.
	running, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	fed, stopFeeding := context.WithCancel(ctx)
	defer stopFeeding()
	// A frame that is being written when ctx ends is written to its end: half a frame would spoil the encoder's input.
	writing, stopWriting := context.WithCancel(running)
	defer stopWriting()
	forget := context.AfterFunc(ctx, func() { time.AfterFunc(writeTime, stopWriting) })
	defer forget()
	ended := make(chan error, 1)
	c.begins = true
	go func() {
		err := enc.Run(running, func(au media.Unit) error {
			return c.handle(running, au)
		})
		stopFeeding()
		stopWriting()
		ended <- err
	}()
	feedErr := l.feed(fed, writing, c, enc, r, n)
	enc.CloseInput()
	drain := time.AfterFunc(drainTime, kill)
	defer drain.Stop()
	err = <-ended
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return nil
	case !errors.Is(feedErr, context.Canceled):
		return feedErr
	}
	return errors.New("encoder ended by itself")
}

// feed renders frames from n on and writes them to the encoder, each in its turn, until ctx ends or writing fails.
// Where it has fallen behind by more than a segment it skips to the next segment that begins in the future.
//
// writing is the context of the writes; it outlives ctx a little.
func (l *Live) feed(ctx, writing context.Context, c *chain, enc encoderProcess, r *generator.Renderer, n int64) error {
	clock := l.Info.Clock()
	buf := make([]byte, r.FrameSize())
	tolerated := time.Duration(clock.Rate.Nanos(clock.FramesPerSegment))
	for ; ; n++ {
		if clock.Offset(n) == 0 {
			l.watchClock(tolerated)
		}
		late, err := l.Pacer.Wait(ctx, n)
		if err != nil {
			return err
		}
		if clock.Offset(n) == 0 && late > tolerated {
			next := n + clock.FramesPerSegment*(int64(late/tolerated)+1)
			l.Logger.Warn("the machine can't keep up: skipping segments", "channel", l.Info.Name,
				"late", late, "first", n, "last", next-1)
			skipped := reason{markers.ReasonSkipped, fmt.Sprintf("the generator was %v late", late.Round(time.Millisecond))}
			c.publisher.account(ctx, clock.MSN(n), clock.MSN(next)-1, skipped)
			n = next - 1
			continue
		}
		l.Metrics.Late.Observe(late.Seconds())
		ev, shows := c.events.render(n)
		l.rendered.Store(n + 1)
		p := produced{gen: l.Pacer.Now(), mono: c.elapsed(), event: ev}
		if err := r.Render(buf, n, generator.Look{Event: shows}); err != nil {
			return fmt.Errorf("render frame %d: %w", n, err)
		}
		c.ledger.sent(n, p)
		if err := enc.Write(writing, n, buf); err != nil {
			return err
		}
	}
}

// nextSlot is the first frame of the next segment that begins in the future.
func (l *Live) nextSlot() int64 {
	clock := l.Info.Clock()
	n := clock.FrameAt(l.Pacer.Now())
	if n < 0 {
		return 0
	}
	return clock.FirstFrame(clock.MSN(n) + 1)
}
