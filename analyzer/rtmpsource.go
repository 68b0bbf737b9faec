package analyzer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/rtmp"
)

// rtmpSource is a stream that an RTMP server plays.
type rtmpSource struct {
	t input.Target
	o Options
}

// play passes on the tags until each returns an error or the stream ends, which is none.
func (s *rtmpSource) play(ctx context.Context, begun func(), each func(flv.Tag) error) error {
	w := input.NewWatchdog(ctx, s.o.Stall)
	defer w.Close()
	address, err := rtmp.ParseTarget(s.t.Text)
	if err != nil {
		return err
	}
	c, err := s.o.dial(w.Ctx, "tcp", address.Address())
	if err != nil {
		return fmt.Errorf("open stream: %w", w.Explain(err))
	}
	p, err := rtmp.Play(w.Ctx, c, address)
	if err != nil {
		return fmt.Errorf("play stream: %w", w.Explain(err))
	}
	defer p.Close()
	begun()
	for {
		w.Waiting()
		t, err := p.Next(w.Ctx)
		w.Working()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("play stream: %w", w.Explain(err))
		}
		if err := each(t); err != nil {
			return err
		}
	}
}

func (s *rtmpSource) read(ctx context.Context, x *extractor) (complete bool, err error) {
	var tags *tagReader
	err = s.play(ctx, func() {
		x.note(NoteConnected, nil, "reading %s", input.RTMP.Name())
		x.begin(flvWrap, nil, "")
		tags = newTagReader(x)
	}, func(t flv.Tag) error {
		tags.tag(t, -1)
		return x.err
	})
	return false, err
}
