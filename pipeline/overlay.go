package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
	"github.com/refstream/refstream/stream"
)

// overlayTime is how long an encoder of touched GOPs may take for a picture, and for what it holds at its end: far more than a machine
// needs that keeps up.
const overlayTime = 5 * time.Second

// Overlay is the live form of splice: it makes the units of a faulty stream out of those of the clean one, which it takes as any reader
// does, so that the clean stream neither waits for it nor has other bytes. GOPs that no fault of pictures touches are passed on as they
// are. Each run of those that one touches is rendered and encoded again, by an encoder that begins with the clean GOP before it where that
// was known in time, and ends with the run. It is used by one goroutine.
type Overlay struct {
	// Raw and Fill are those of Channel.
	Raw  media.PixelFormat
	Fill *encoder.Budget

	info     markers.Channel
	clock    markers.Clock
	encoder  func() (encoderProcess, error)
	pictures pictures
	event    func(n int64) bool
	renderer *generator.Renderer // nil until a GOP is touched
	buf      []byte

	run       *touched // nil while no touched GOP is near
	kill      context.CancelFunc
	annotator *annotate.Annotator
	filler    *filler
	// isTouched: the current GOP is. waiting are its clean units, until those that take their place are there, and those of the GOP before
	// the run whose pictures were not written yet; next is the frame that is written next.
	isTouched bool
	waiting   map[int64]stream.Unit
	next      int64
}

// NewOverlay makes the Overlay of a clean channel. encoder makes the process of one run. event reports whether the picture of a frame, any
// but those that are given to Write, shows an event.
func NewOverlay(info markers.Channel, encoder func() (encoderProcess, error), p pictures, event func(n int64) bool) *Overlay {
	return &Overlay{info: info, clock: info.Clock(), encoder: encoder, pictures: p, event: event}
}

// Write takes the next unit of the clean stream, and hands over the units of the faulty one that are there by now, all in decoding order.
// It waits as long as the encoder of touched GOPs is busy. After an error what that encoder held is missing, and the rest of the GOP if it
// is touched.
func (o *Overlay) Write(ctx context.Context, u stream.Unit, hand func(stream.Unit)) (err error) {
	ctx, cancel := context.WithTimeout(ctx, overlayTime)
	defer cancel()
	if u.Key {
		err = o.begin(ctx, u, hand)
	}
	if err == nil && o.run != nil {
		o.waiting[u.Frame] = u
		err = o.encode(ctx, hand)
	}
	if !o.isTouched {
		hand(u)
	}
	if err != nil {
		o.Drop()
		return fmt.Errorf("encode faulty pictures: %w", err)
	}
	return nil
}

// begin finds out about the GOP that a key unit begins: whether it is touched, and whether an encoder ends or begins with it.
func (o *Overlay) begin(ctx context.Context, u stream.Unit, hand func(stream.Unit)) error {
	gop := o.clock.FramesPerSegment
	first := u.Frame
	o.isTouched = o.pictures.Touches(first, first+gop-1)
	// After an encoder's restart, or where clean units were lost, the pictures do not continue.
	if o.run != nil && (!o.isTouched || u.Begins || o.next != first) {
		if err := o.finish(ctx, hand); err != nil {
			return err
		}
	}
	if !o.isTouched {
		first += gop
	}
	if o.run != nil || !o.isTouched && !o.pictures.Touches(first, first+gop-1) {
		return nil
	}
	if o.renderer == nil {
		r, err := generator.NewRendererIn(o.Raw, scenario.Picture(o.info))
		if err != nil {
			return fmt.Errorf("make renderer: %w", err)
		}
		o.renderer, o.buf = r, make([]byte, r.FrameSize())
	}
	enc, err := o.encoder()
	if err != nil {
		return fmt.Errorf("make encoder: %w", err)
	}
	running, kill := context.WithCancel(context.Background())
	o.run, o.kill = newTouched(enc, first), kill
	go o.run.encode(running)
	o.annotator, o.waiting, o.next = annotate.New(o.info.Name, o.clock), map[int64]stream.Unit{}, u.Frame
	o.filler = newFiller(o.Fill, o.clock)
	return nil
}

// encode writes the pictures that are due, and hands over what the encoder has made of them.
func (o *Overlay) encode(ctx context.Context, hand func(stream.Unit)) error {
	for {
		u, ok := o.waiting[o.next]
		if !ok {
			return o.hand(hand)
		}
		look := generator.Look{Event: u.Record.Event != ""}
		if l, _, faulty := o.pictures.Look(o.next); faulty {
			event := look.Event
			if look = l; l.Instead && l.Shows != o.next {
				event = o.event(l.Shows)
			}
			look.Event = event
		}
		if err := o.renderer.Render(o.buf, o.next, look); err != nil {
			return fmt.Errorf("render frame %d: %w", o.next, err)
		}
		if err := o.run.enc.Write(ctx, o.next, o.buf); err != nil {
			return err
		}
		if o.next < o.run.first {
			delete(o.waiting, o.next)
		}
		o.next++
	}
}

// hand hands over the units that the encoder has made so far.
func (o *Overlay) hand(hand func(stream.Unit)) error {
	return o.run.hand(func(au media.Unit) error {
		u, ok := o.waiting[au.Frame]
		if !ok {
			return fmt.Errorf("frame %d was not given to the encoder, or came out twice", au.Frame)
		}
		delete(o.waiting, au.Frame)
		faulty, err := o.annotator.Annotate(au, u.Record)
		if err != nil {
			return err
		}
		if o.filler != nil {
			faulty, _ = o.filler.fill(faulty)
		}
		u.Unit, u.Record.DTS, u.Record.Bytes = faulty, au.DTS, faulty.Size()
		hand(u)
		return nil
	})
}

// finish ends the encoder's input, and hands over all that it gives back.
func (o *Overlay) finish(ctx context.Context, hand func(stream.Unit)) error {
	o.run.enc.CloseInput()
	select {
	case <-o.run.done:
	case <-ctx.Done():
		return errors.New("the encoder takes too long to end: the machine can't keep up")
	}
	if o.run.err != nil {
		return o.run.err
	}
	err := o.hand(hand)
	o.Drop()
	return err
}

// Close hands over what is left: no more clean units follow.
func (o *Overlay) Close(ctx context.Context, hand func(stream.Unit)) error {
	if o.run == nil {
		return nil
	}
	defer o.Drop()
	if err := o.finish(ctx, hand); err != nil {
		return fmt.Errorf("encode faulty pictures: %w", err)
	}
	return nil
}

// Drop ends the encoder without what it holds: clean units were lost, and the next one begins a GOP.
func (o *Overlay) Drop() {
	if o.run != nil {
		o.kill()
		<-o.run.done
	}
	o.run, o.waiting = nil, nil
}
