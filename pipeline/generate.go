package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// renderAhead is how many frames are rendered while the encoder takes another: one is enough to overlap the two, a
// second evens out their jitter.
const renderAhead = 2

// Generate makes a stretch of the stream as fast as the machine can. GEN is virtual: each frame is produced at its
// nominal time, so the result depends on nothing but the options.
type Generate struct {
	Channel
	// First is the first frame, on the segment grid; Frames how many there are, at least one.
	First, Frames int64
	// Pictures are the faults of pictures. It may be nil.
	Pictures pictures
	// Progress is called now and then with the number of frames that have left the encoder. It may be nil.
	Progress func(done int64)
}

// Run generates the stretch and ends the playlist. Any failure ends it with an error; ctx too.
func (g *Generate) Run(ctx context.Context) error {
	shows, err := scenario.New(g.Info)
	if err != nil {
		return err
	}
	renderer, err := generator.NewRendererIn(g.Raw, shows.Picture)
	if err != nil {
		return fmt.Errorf("make renderer: %w", err)
	}
	clock := g.Info.Clock()
	g.Now = func() time.Time { return clock.UTC(g.First) }
	c := newChain(g.Channel, shows, g.First, -1, g.Now, true)
	for _, l := range c.tracks {
		if l.filler != nil {
			l.filler.end = g.First + g.Frames
		}
	}
	enc, err := c.encoders(g.Pictures)
	if err != nil {
		return fmt.Errorf("make encoder: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var broken error // what ended the publishing before its time
	c.publisher.broken = func(err error) {
		broken = err
		stop()
	}
	published := make(chan error, 1)
	go func() { published <- c.publisher.run(ctx) }()
	fed := make(chan error, 1)
	go func() {
		err := g.feed(ctx, c, enc, renderer)
		enc.CloseInput()
		fed <- err
	}()
	err = enc.Run(ctx, func(au media.Unit) error {
		if l := c.tracks[rendition(&au)]; l != nil {
			l.came++
			if g.Progress != nil && l.rung == 0 {
				g.Progress(l.came)
			}
		}
		return c.handle(ctx, au)
	})
	stop()
	feedErr := <-fed
	g.store(ctx, c.ledger.flush())
	close(c.publisher.queue)
	publishErr := <-published
	switch {
	case broken != nil:
		return broken // which stopped the encoder
	case err != nil:
		return err // which stopped the feeding
	case feedErr != nil:
		return feedErr
	case publishErr != nil:
		return publishErr
	}
	for _, r := range c.rungs() {
		if came := c.tracks[r.Name].came; came != g.Frames {
			return fmt.Errorf("encode: %d frames went in, %d came out at %s", g.Frames, came, r.name())
		}
	}
	return nil
}

// feed renders the frames on one goroutine and writes them to the encoder on another, so that both run at once.
func (g *Generate) feed(ctx context.Context, c *chain, enc encoderProcess, r *generator.Renderer) error {
	type rendered struct {
		n       int64
		picture []byte
		produced
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	clock := g.Info.Clock()
	free := make(chan []byte, renderAhead+1)
	for range cap(free) {
		free <- make([]byte, r.FrameSize())
	}
	ready := make(chan rendered, renderAhead)
	failed := make(chan error, 1)
	go func() {
		defer close(ready)
		for n := g.First; n < g.First+g.Frames; n++ {
			var buf []byte
			select {
			case buf = <-free:
			case <-ctx.Done():
				failed <- ctx.Err()
				return
			}
			ev, shows := c.events.render(n)
			ev.Last = min(ev.Last, g.First+g.Frames-1) // the stretch ends here, whatever was planned
			if err := r.Render(buf, n, generator.Look{Event: shows}); err != nil {
				failed <- fmt.Errorf("render frame %d: %w", n, err)
				return
			}
			p := produced{gen: clock.UTC(n), mono: time.Duration(clock.Rate.Nanos(n) - clock.Rate.Nanos(g.First)), event: ev}
			select {
			case ready <- rendered{n, buf, p}:
			case <-ctx.Done():
				failed <- ctx.Err()
				return
			}
		}
		failed <- nil
	}()
	var writeErr error
	for f := range ready {
		if writeErr == nil {
			c.ledger.sent(f.n, f.produced)
			if writeErr = enc.Write(ctx, f.n, f.picture); writeErr != nil {
				stop()
			}
		}
		free <- f.picture
	}
	if renderErr := <-failed; writeErr == nil {
		return renderErr
	}
	return writeErr
}
