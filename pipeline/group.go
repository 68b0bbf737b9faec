package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

// queuedFrames is how many frames wait for an encoder besides the first: a few even out their jitter. Its pictures are rendered when
// their turn comes.
const queuedFrames = 4

// group is the encoders of a channel's tracks, run as one: each frame goes to all of them, and their units come out in one order
// (order). The end of one is the end of all.
type group struct {
	first   encoderProcess
	further []*member
	name    string // of the first one, in errors
	event   func(n int64) (markers.Event, bool)
	units   *gathering
	fed     chan error    // as in member
	ended   chan struct{} // closed when Run has returned
}

// frame is what the encoders besides the first are told of one: its number, and the event that it shows.
type frame struct {
	n     int64
	event markers.Event
	shows bool
}

// track is an encoder besides the first, which makes its own pictures, or its sound.
type track interface {
	runner
	// feed renders a frame and gives it to the encoder.
	feed(ctx context.Context, f frame) error
	// finish gives what is left after the last frame.
	finish(ctx context.Context) error
}

// member is a track with what it waits for.
type member struct {
	track
	name  string
	queue chan frame
	fed   chan error // how the feeding ended, before the input is closed
}

func newMember(name string, t track) *member {
	return &member{track: t, name: name, queue: make(chan frame, queuedFrames), fed: make(chan error, 1)}
}

// newGroup makes the group of a first encoder, whose pictures are given to Write, and further ones. event is the event that a frame
// shows, asked for when the frame is written.
func newGroup(name string, first encoderProcess, event func(n int64) (markers.Event, bool), further ...*member) *group {
	return &group{first: first, further: further, name: name, event: event, units: newGathering(1 + len(further)),
		fed: make(chan error, 1), ended: make(chan struct{})}
}

// Write gives frame n to all encoders: the picture to the first one. It waits for the slowest, which may be some frames behind.
func (g *group) Write(ctx context.Context, n int64, picture []byte) error {
	f := frame{n: n}
	f.event, f.shows = g.event(n)
	for _, m := range g.further {
		select {
		case m.queue <- f:
		case <-g.ended:
			return fmt.Errorf("encode frame %d: the encoders have ended", n)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return g.first.Write(ctx, n, picture)
}

// CloseInput ends the input of all.
func (g *group) CloseInput() {
	for _, m := range g.further {
		close(m.queue)
	}
	g.fed <- nil
	g.first.CloseInput()
}

// Run runs all encoders and hands over their units. It returns when all have ended; the error names the one that failed first.
func (g *group) Run(ctx context.Context, handle func(media.Unit) error) error {
	defer close(g.ended)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	unhook := context.AfterFunc(ctx, g.units.stop)
	defer unhook()
	var running sync.WaitGroup
	run := func(i int, name string, enc runner, fed <-chan error) {
		if err := g.run(ctx, i, enc, fed); err != nil {
			cancel(fmt.Errorf("encoder of %s: %w", name, err))
		}
	}
	running.Go(func() { run(0, g.name, g.first, g.fed) })
	for i, m := range g.further {
		running.Go(func() { m.eat(ctx) })
		running.Go(func() { run(1+i, m.name, m, m.fed) })
	}
	for u, ok := g.units.get(); ok; u, ok = g.units.get() {
		if err := handle(u.Unit); err != nil {
			cancel(fmt.Errorf("handle %s: %w", describe(&u.Unit), err))
			break
		}
	}
	running.Wait()
	return context.Cause(ctx)
}

// run runs one encoder.
func (g *group) run(ctx context.Context, i int, enc runner, fed <-chan error) error {
	err := enc.Run(ctx, func(u media.Unit) error {
		if !g.units.put(i, stream.Unit{Unit: u}) {
			return context.Canceled
		}
		return nil
	})
	if err == nil {
		select {
		case err = <-fed:
		default:
			err = errors.New("it ended by itself")
		}
	}
	if err == nil {
		g.units.end(i)
	}
	return err
}

// eat feeds the encoder until the input ends, and then closes its input.
func (m *member) eat(ctx context.Context) {
	m.fed <- m.feedAll(ctx)
	m.CloseInput()
}

func (m *member) feedAll(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case f, more := <-m.queue:
			if !more {
				return m.finish(ctx)
			}
			if err := m.feed(ctx, f); err != nil {
				return err
			}
		}
	}
}

// rendition is the name of the rendition of a unit.
func rendition(u *media.Unit) string {
	if u.Track == nil {
		return ""
	}
	return u.Track.Rendition
}

// describe names a unit in an error.
func describe(u *media.Unit) string {
	if u.Codec() == media.AAC {
		return fmt.Sprintf("sound from sample %d on", u.Frame)
	}
	return fmt.Sprintf("frame %d", u.Frame)
}
