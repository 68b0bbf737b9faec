package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// pictures are faults of pictures (package faults/pictures).
type pictures interface {
	// Look is how frame n is shown, but for the event; ok is false where the frame has its own picture.
	Look(n int64) (look generator.Look, f scenario.Fault, ok bool)
	// Touches reports whether one of the frames first to last has another picture than its own.
	Touches(first, last int64) bool
}

// splice is an encoder of a stream with faults of pictures. The clean pictures go to one encoder, whose GOPs are the stream's where
// no picture of them is touched: so these are the same, byte for byte, as without faults. Each run of GOPs that are touched
// comes from an encoder of its own, which begins with the clean GOP before, whose units are dropped: so its rate control has
// settled. GOPs are closed, so that one can take the place of another.
type splice struct {
	clean    encoderProcess
	fresh    func() (encoderProcess, error) // of the same rendition
	pictures pictures
	clock    markers.Clock
	renderer *generator.Renderer
	event    func(n int64) (markers.Event, bool)
	buf      []byte
	// running is the context of the runs' encoders: until Run ends. Those that write to them may end before.
	running context.Context
	kill    context.CancelFunc

	mu     sync.Mutex
	ended  bool
	runs   []*touched // in order, those that were not handed over in full
	filled *touched   // the one that pictures go to, nil for none
	group  sync.WaitGroup
}

// touched is a run of GOPs with faults, and its encoder.
type touched struct {
	enc         encoderProcess
	first, last int64
	mu          sync.Mutex
	units       []media.Unit // that were not handed over yet
	done        chan struct{}
	err         error // valid once done is closed
}

func newTouched(enc encoderProcess, first int64) *touched {
	return &touched{enc: enc, first: first, done: make(chan struct{})}
}

// encode runs the encoder, and keeps the units of touched GOPs.
func (t *touched) encode(ctx context.Context) {
	defer close(t.done)
	t.err = t.enc.Run(ctx, func(au media.Unit) error {
		t.mu.Lock()
		defer t.mu.Unlock()
		if au.Frame >= t.first {
			t.units = append(t.units, au)
		}
		return nil
	})
}

func newSplice(clean encoderProcess, rung Rung, c *Channel, p pictures, e *events) (*splice, error) {
	r, err := generator.NewRendererIn(c.Raw, scenario.Rendition(c.Info, rung.Rendition))
	if err != nil {
		return nil, fmt.Errorf("make renderer: %w", err)
	}
	running, kill := context.WithCancel(context.Background())
	return &splice{running: running, kill: kill, clean: clean, fresh: rung.Encoder, pictures: p, clock: c.Info.Clock(), renderer: r, event: e.at, buf: make([]byte, r.FrameSize())}, nil
}

// Write gives the clean picture of frame n to the clean encoder, and where its GOP is touched that which the frame shows to another.
func (s *splice) Write(ctx context.Context, n int64, picture []byte) error {
	gop := s.clock.FramesPerSegment
	first := n - s.clock.Offset(n)
	var err error
	switch {
	case s.pictures.Touches(first, first+gop-1):
		err = s.touch(ctx, n, first, picture)
	case s.pictures.Touches(first+gop, first+2*gop-1):
		s.closeBefore(n)
		err = s.touch(ctx, n, first+gop, picture)
	default:
		s.closeBefore(n)
	}
	if err != nil {
		return fmt.Errorf("encode faulty pictures: %w", err)
	}
	return s.clean.Write(ctx, n, picture)
}

// touch gives frame n to the encoder of the run that is going on, or begins with frame first.
func (s *splice) touch(ctx context.Context, n, first int64, picture []byte) error {
	t, err := s.run(n, first)
	if err != nil {
		return err
	}
	if look, _, ok := s.pictures.Look(n); ok {
		shown := n
		if look.Instead {
			shown = look.Shows
		}
		_, look.Event = s.event(shown)
		if err := s.renderer.Render(s.buf, n, look); err != nil {
			return fmt.Errorf("render frame %d: %w", n, err)
		}
		picture = s.buf
	}
	return t.enc.Write(ctx, n, picture)
}

// run is the run that frame n belongs to; where there is none it begins, with its first touched GOP at frame first.
func (s *splice) run(n, first int64) (*touched, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, errors.New("the encoder has ended")
	}
	if s.filled == nil {
		enc, err := s.fresh()
		if err != nil {
			return nil, err
		}
		t := newTouched(enc, first)
		s.filled, s.runs = t, append(s.runs, t)
		s.group.Go(func() { t.encode(s.running) })
	}
	s.filled.last = n
	return s.filled, nil
}

// closeBefore ends the input of the run that pictures went to, if its GOPs are before frame n.
func (s *splice) closeBefore(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.filled != nil && s.filled.first <= n {
		s.filled.enc.CloseInput()
		s.filled = nil
	}
}

// CloseInput ends the input: no more frames follow.
func (s *splice) CloseInput() {
	s.closeBefore(math.MaxInt64)
	s.clean.CloseInput()
}

// Run hands over the units of the faulty stream, in decoding order. When it returns all encoders have ended.
func (s *splice) Run(ctx context.Context, handle func(media.Unit) error) error {
	forget := context.AfterFunc(ctx, s.kill)
	defer forget()
	defer s.group.Wait()
	defer s.kill()
	err := s.clean.Run(ctx, func(au media.Unit) error {
		for t := s.oldest(); t != nil; t = s.oldest() {
			if au.Frame < t.first {
				break
			}
			if over := s.isOver(t, au.Frame); !over { // no wait for the faulty units: it would stop the clean encoder
				return t.hand(handle)
			}
			if err := s.end(ctx, t, handle); err != nil {
				return err
			}
		}
		return handle(au)
	})
	for t := s.oldest(); t != nil && err == nil; t = s.oldest() {
		err = s.end(ctx, t, handle)
	}
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	return err
}

// oldest is the run whose units are next, nil for none.
func (s *splice) oldest() *touched {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.runs) == 0 {
		return nil
	}
	return s.runs[0]
}

// isOver reports whether frame n is behind a run.
func (s *splice) isOver(t *touched, n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.filled != t && n > t.last
}

// end waits for a run's encoder and hands over the rest of its units.
func (s *splice) end(ctx context.Context, t *touched, handle func(media.Unit) error) error {
	select {
	case <-t.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if t.err != nil {
		return fmt.Errorf("encode faulty pictures: %w", t.err)
	}
	s.mu.Lock()
	s.runs = s.runs[1:]
	s.mu.Unlock()
	return t.hand(handle)
}

// hand hands over the units that the run's encoder has made so far.
func (t *touched) hand(handle func(media.Unit) error) error {
	t.mu.Lock()
	units := t.units
	t.units = nil
	t.mu.Unlock()
	for _, au := range units {
		if err := handle(au); err != nil {
			return err
		}
	}
	return nil
}
