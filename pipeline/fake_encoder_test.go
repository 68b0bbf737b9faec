package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// fate is what becomes of a fake encoder after a number of frames.
type fate int

const (
	lives fate = iota
	dies       // it ends with an error
	diesInWrite
	hangs // it neither takes nor gives anything, until it is killed
	ends  // it ends without an error, though its input goes on
)

var errDied = errors.New("exit status 187: killed\nsecond line")

// script says what one fake encoder does. Frames are counted from the first that it is given, which is 0.
type script struct {
	b         int // pictures between two references, which leave after the second
	lookahead int // units held back besides, until more frames come or the input ends
	fate      fate
	after     int // frames that are taken before
	// slow is how long it takes to take a frame.
	slow map[int64]time.Duration
	// stuck makes it hang when its input is closed.
	stuck bool
	// deaf makes Write wait for its context when the encoder has ended, in place of failing at once. refuse are errors of
	// Write, by frame number, that change nothing.
	deaf   bool
	refuse map[int64]error
	// edit changes a unit; where it returns false, the unit never leaves.
	edit func(i int64, au *media.Unit) bool
	// sps is put in front of key pictures.
	sps []byte
	// rendition is that of the units' track.
	rendition string
}

// fakeEncoder does what package encoder promises, without ffmpeg: it takes frames in the order of presentation and
// gives units in the order of decoding, in closed GOPs.
type fakeEncoder struct {
	script
	clock   markers.Clock
	picture generator.Options
	started time.Time

	input         chan int64
	taken         chan struct{}
	closed, ended chan struct{}
	torn          error

	first, count int64
	waiting      []int64 // pictures whose second reference has not come
	position     int64   // of the next unit in its GOP, in the order of decoding
	held         []media.Unit

	wrote, gave []int64
	// events are the frames whose picture shows one, wrong those whose picture is another frame's.
	events map[int64]bool
	wrong  []int64
}

func newFakeEncoder(c markers.Clock, o generator.Options, s script) *fakeEncoder {
	return &fakeEncoder{script: s, clock: c, picture: o, started: time.Now(), input: make(chan int64),
		taken: make(chan struct{}), closed: make(chan struct{}), ended: make(chan struct{}), events: map[int64]bool{}}
}

// look reads what the picture says: its number, and in RGB whether the block is cyan.
func (e *fakeEncoder) look(n int64, rgb []byte) {
	o := e.picture
	step := len(rgb) / (o.Width * o.Height) // in YUV luma has a byte a pixel
	luma := make([]byte, o.Width*o.Height)
	for i := range o.Width * o.Height / 9 { // the code is black and white
		luma[i] = rgb[step*i]
	}
	if code, ok := generator.ReadFrameCode(luma, o.Width, o.Width, o.Height); !ok || code != n {
		e.wrong = append(e.wrong, n)
	}
	if step == 1 {
		return
	}
	block := o.BlockAt(n)
	i := 3 * ((block.Y+block.Height/2)*o.Width + (block.X+block.Width/2)%o.Width)
	e.events[n] = rgb[i] == 0 && rgb[i+1] == 255 && rgb[i+2] == 255
}

func (e *fakeEncoder) Write(ctx context.Context, n int64, rgb []byte) error {
	e.look(n, rgb)
	if err := e.refuse[n]; err != nil {
		return err
	}
	ended := e.ended
	if e.deaf {
		ended = nil
	}
	select {
	case e.input <- n:
	case <-ended:
		return fmt.Errorf("encode frame %d: the encoder has ended", n)
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-e.taken:
		e.wrote = append(e.wrote, n)
		return nil
	case <-ended:
		return fmt.Errorf("encode frame %d: broken pipe", n)
	case <-ctx.Done():
		e.torn = fmt.Errorf("frame %d was written in part: %w", n, ctx.Err())
		return ctx.Err()
	}
}

func (e *fakeEncoder) CloseInput() { close(e.closed) }

func (e *fakeEncoder) Run(ctx context.Context, handle func(media.Unit) error) error {
	defer close(e.ended)
	for {
		if int(e.count) == e.after {
			switch e.fate {
			case dies:
				return errDied
			case ends:
				return nil
			case hangs:
				<-ctx.Done()
				return ctx.Err()
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.closed:
			return e.drain(ctx, handle)
		case n := <-e.input:
			if int(e.count) == e.after && e.fate == diesInWrite {
				return errDied
			}
			if ok, err := e.swallow(ctx, handle); !ok {
				return err
			}
			select {
			case e.taken <- struct{}{}:
			case <-e.closed: // at the same moment the writer gave up
				return e.drain(ctx, handle)
			}
			e.take(n)
			if err := e.give(e.lookahead, handle); err != nil {
				return err
			}
		}
	}
}

// swallow takes the time that the next frame takes. It is false when the frame was not taken to its end.
func (e *fakeEncoder) swallow(ctx context.Context, handle func(media.Unit) error) (bool, error) {
	d := e.slow[e.count]
	if d == 0 {
		return true, nil
	}
	select {
	case <-time.After(d):
		return true, nil
	case <-e.closed:
		return false, e.drain(ctx, handle)
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (e *fakeEncoder) take(n int64) {
	if e.count == 0 {
		e.first = n
	}
	e.count++
	if e.clock.Offset(n) == 0 {
		e.position = 0
		e.code(n)
		return
	}
	e.waiting = append(e.waiting, n)
	if len(e.waiting) > e.b || e.clock.Offset(n+1) == 0 {
		e.reference()
	}
}

// reference codes the last of the waiting pictures and then those before it.
func (e *fakeEncoder) reference() {
	if last := len(e.waiting) - 1; last >= 0 {
		e.code(e.waiting[last])
		for _, n := range e.waiting[:last] {
			e.code(n)
		}
	}
	e.waiting = e.waiting[:0]
}

func (e *fakeEncoder) code(n int64) {
	c := e.clock
	au := media.Unit{Track: &media.Track{CodecString: "avc1.64001f", Rendition: e.rendition}, Frame: n, PTS: c.PTS(n), Key: c.Offset(n) == 0, NALs: [][]byte{{0x41, byte(n), 0x80}}}
	au.DTS = c.PTS(c.FirstFrame(c.MSN(n)) + e.position - int64(min(e.b, 1)))
	if au.Key {
		au.NALs = [][]byte{{0x65, byte(n), 0x80}}
		if e.sps != nil {
			au.NALs = [][]byte{e.sps, {0x68, 0xEF, 0x8F, 0xCB}, {0x65, byte(n), 0x80}}
		}
	}
	e.position++
	if e.edit == nil || e.edit(n-e.first, &au) {
		e.held = append(e.held, au)
	}
}

// give hands out what is held, but for the last units.
func (e *fakeEncoder) give(keep int, handle func(media.Unit) error) error {
	for len(e.held) > keep {
		au := e.held[0]
		e.held = e.held[1:]
		if err := handle(au); err != nil {
			return fmt.Errorf("handle frame %d: %w", au.Frame, err)
		}
		e.gave = append(e.gave, au.Frame)
	}
	return nil
}

func (e *fakeEncoder) drain(ctx context.Context, handle func(media.Unit) error) error {
	if e.stuck {
		<-ctx.Done()
		return ctx.Err()
	}
	e.reference()
	if err := e.give(0, handle); err != nil {
		return err
	}
	return e.torn
}

// fakePacer keeps the virtual clock of a bubble. The wall clock can be set away from it.
type fakePacer struct {
	clock markers.Clock
	// In nanoseconds: ahead of the bubble's clock, and the step of the wall clock since the last Resync.
	ahead, step atomic.Int64
}

func (p *fakePacer) Wait(ctx context.Context, n int64) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("wait for frame %d: %w", n, err)
	}
	due := p.clock.UTC(n)
	if d := due.Sub(p.Now()); d > 0 {
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for frame %d: %w", n, ctx.Err())
		}
	}
	return p.Now().Sub(due), nil
}

func (p *fakePacer) Now() time.Time {
	return time.Now().Round(0).Add(time.Duration(p.ahead.Load())).UTC()
}

func (p *fakePacer) Offset() time.Duration { return time.Duration(p.step.Load()) }

func (p *fakePacer) Resync() time.Duration {
	d := p.step.Swap(0)
	p.ahead.Add(d)
	return time.Duration(d)
}
