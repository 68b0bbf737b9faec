package analyzer

import (
	"context"

	"github.com/refstream/refstream/analyzer/input"
)

// byteSource is a stream that is one sequence of bytes: over HTTP, TCP or UDP, or in a file.
type byteSource struct {
	t input.Target
	o Options
}

func (s *byteSource) read(ctx context.Context, x *extractor) (complete bool, err error) {
	w := input.NewWatchdog(ctx, s.o.Stall)
	defer w.Close()
	c, err := input.Open(w, s.t, s.o.HTTP)
	if err != nil {
		return false, err
	}
	defer c.Close()
	if c.Kind == input.HLS {
		c.Close()
		w.Close()
		return (&hlsSource{t: s.t, o: s.o}).read(ctx, x)
	}
	x.note(NoteConnected, nil, "reading %s (%s)", c.Kind.Name(), c.Through)
	if s.o.Follow && c.Kind != input.MP4 {
		c.FollowFile(func() {
			x.note(NoteStalled, nil, "the file has not grown for %v", s.o.Stall)
			x.lost()
		})
	}
	switch c.Kind {
	case input.FLV:
		x.begin(flvWrap, nil, "")
		err = x.readFLV(w.Ctx, c.Reader)
	case input.MP4:
		x.begin(noWrap, nil, "")
		err = x.readMP4(w.Ctx, c.Seekable())
	default:
		x.begin(tsWrap, nil, "")
		err = x.readTS(w.Ctx, c)
	}
	return c.Finite && err == nil, w.Explain(err)
}
