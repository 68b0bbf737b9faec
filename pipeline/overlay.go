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
// are. Each run of those that one touches is rendered and encoded again, in every rendition, by an encoder that begins with the clean GOP
// before it where that was known in time, and ends with the run. Sound is passed on. It is used by one goroutine.
type Overlay struct {
	layers []*layer // of the renditions of pictures
	tracks map[string]int
	order  order // of their units, and of the sound
}

// NewOverlay makes the Overlay of a clean channel, with encoders of these options (Channel.Encode). event reports whether the picture of a
// frame, any but those that are given to Write, shows an event.
func NewOverlay(info markers.Channel, e encoder.Options, p pictures, event func(n int64) bool) *Overlay {
	c := Channel{Info: info}
	c.Encode(e)
	return newOverlay(&c, p, event)
}

func newOverlay(c *Channel, p pictures, event func(n int64) bool) *Overlay {
	o := &Overlay{tracks: map[string]int{}}
	for i, r := range c.rungs() {
		o.layers = append(o.layers, &layer{rung: r, raw: c.Raw, info: c.Info, clock: c.Info.Clock(), pictures: p, event: event})
		o.tracks[r.Name] = i
	}
	tracks := len(o.layers)
	if c.Sound != nil {
		o.tracks[markers.SoundRendition] = tracks
		tracks++
	}
	o.order = newOrder(tracks)
	return o
}

// Write takes the next unit of the clean stream, and hands over the units of the faulty one that are there by now, all in one order of
// decoding. It waits as long as the encoder of touched GOPs is busy. After an error what that encoder held is missing, and the rest of the
// GOP if it is touched.
func (o *Overlay) Write(ctx context.Context, u stream.Unit, hand func(stream.Unit)) (err error) {
	i := o.tracks[rendition(&u.Unit)]
	if i < len(o.layers) {
		err = o.layers[i].write(ctx, u, o.adder(i))
	} else {
		o.order.add(i, u)
	}
	o.hand(hand)
	return err
}

func (o *Overlay) adder(track int) func(stream.Unit) {
	return func(u stream.Unit) { o.order.add(track, u) }
}

func (o *Overlay) hand(hand func(stream.Unit)) {
	for u, ok := o.order.take(); ok; u, ok = o.order.take() {
		hand(u)
	}
}

// Close hands over what is left: no more clean units follow.
func (o *Overlay) Close(ctx context.Context, hand func(stream.Unit)) (err error) {
	for i, l := range o.layers {
		err = errors.Join(err, l.close(ctx, o.adder(i)))
	}
	for i := range o.order.ended {
		o.order.ended[i] = true
	}
	o.hand(hand)
	return err
}

// Drop ends the encoders without what they hold: clean units were lost, and the next one begins a GOP.
func (o *Overlay) Drop() {
	for _, l := range o.layers {
		l.drop()
	}
	o.order = newOrder(len(o.order.ended))
}

// layer is the Overlay of one rendition.
type layer struct {
	rung     Rung
	raw      media.PixelFormat
	info     markers.Channel
	clock    markers.Clock
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

// write takes the next clean unit.
func (l *layer) write(ctx context.Context, u stream.Unit, hand func(stream.Unit)) (err error) {
	ctx, cancel := context.WithTimeout(ctx, overlayTime)
	defer cancel()
	if u.Key {
		err = l.begin(ctx, u, hand)
	}
	if err == nil && l.run != nil {
		l.waiting[u.Frame] = u
		err = l.encode(ctx, hand)
	}
	if !l.isTouched {
		hand(u)
	}
	if err != nil {
		l.drop()
		return fmt.Errorf("encode faulty pictures: %w", err)
	}
	return nil
}

// begin finds out about the GOP that a key unit begins: whether it is touched, and whether an encoder ends or begins with it.
func (l *layer) begin(ctx context.Context, u stream.Unit, hand func(stream.Unit)) error {
	gop := l.clock.FramesPerSegment
	first := u.Frame
	l.isTouched = l.pictures.Touches(first, first+gop-1)
	// After an encoder's restart, or where clean units were lost, the pictures do not continue.
	if l.run != nil && (!l.isTouched || u.Begins || l.next != first) {
		if err := l.finish(ctx, hand); err != nil {
			return err
		}
	}
	if !l.isTouched {
		first += gop
	}
	if l.run != nil || !l.isTouched && !l.pictures.Touches(first, first+gop-1) {
		return nil
	}
	if l.renderer == nil {
		r, err := generator.NewRendererIn(l.raw, scenario.Rendition(l.info, l.rung.Rendition))
		if err != nil {
			return fmt.Errorf("make renderer: %w", err)
		}
		l.renderer, l.buf = r, make([]byte, r.FrameSize())
	}
	enc, err := l.rung.Encoder()
	if err != nil {
		return fmt.Errorf("make encoder: %w", err)
	}
	running, kill := context.WithCancel(context.Background())
	l.run, l.kill = newTouched(enc, first), kill
	go l.run.encode(running)
	l.annotator, l.waiting, l.next = annotate.New(l.info.Name, l.clock), map[int64]stream.Unit{}, u.Frame
	l.filler = newFiller(l.rung.Fill, l.clock)
	return nil
}

// encode writes the pictures that are due, and hands over what the encoder has made of them.
func (l *layer) encode(ctx context.Context, hand func(stream.Unit)) error {
	for {
		u, ok := l.waiting[l.next]
		if !ok {
			return l.hand(hand)
		}
		look := generator.Look{Event: u.Record.Event != ""}
		if faulty, _, ok := l.pictures.Look(l.next); ok {
			event := look.Event
			if look = faulty; look.Instead && look.Shows != l.next {
				event = l.event(look.Shows)
			}
			look.Event = event
		}
		if err := l.renderer.Render(l.buf, l.next, look); err != nil {
			return fmt.Errorf("render frame %d: %w", l.next, err)
		}
		if err := l.run.enc.Write(ctx, l.next, l.buf); err != nil {
			return err
		}
		if l.next < l.run.first {
			delete(l.waiting, l.next)
		}
		l.next++
	}
}

// hand hands over the units that the encoder has made so far.
func (l *layer) hand(hand func(stream.Unit)) error {
	return l.run.hand(func(au media.Unit) error {
		u, ok := l.waiting[au.Frame]
		if !ok {
			return fmt.Errorf("frame %d was not given to the encoder, or came out twice", au.Frame)
		}
		delete(l.waiting, au.Frame)
		faulty, err := l.annotator.Annotate(au, u.Record)
		if err != nil {
			return err
		}
		if l.filler != nil {
			faulty, _ = l.filler.fill(faulty)
		}
		u.Unit, u.Record.DTS, u.Record.Bytes = faulty, au.DTS, faulty.Size()
		hand(u)
		return nil
	})
}

// finish ends the encoder's input, and hands over all that it gives back.
func (l *layer) finish(ctx context.Context, hand func(stream.Unit)) error {
	l.run.enc.CloseInput()
	select {
	case <-l.run.done:
	case <-ctx.Done():
		return errors.New("the encoder takes too long to end: the machine can't keep up")
	}
	if l.run.err != nil {
		return l.run.err
	}
	err := l.hand(hand)
	l.drop()
	return err
}

// close hands over what is left: no more clean units follow.
func (l *layer) close(ctx context.Context, hand func(stream.Unit)) error {
	if l.run == nil {
		return nil
	}
	defer l.drop()
	if err := l.finish(ctx, hand); err != nil {
		return fmt.Errorf("encode faulty pictures: %w", err)
	}
	return nil
}

// drop ends the encoder without what it holds: clean units were lost, and the next one begins a GOP.
func (l *layer) drop() {
	if l.run != nil {
		l.kill()
		<-l.run.done
	}
	l.run, l.waiting = nil, nil
}
