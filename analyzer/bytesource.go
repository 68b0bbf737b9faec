package analyzer

import "context"

// byteSource is a stream that is one sequence of bytes: over HTTP, TCP or UDP, or in a file.
type byteSource struct {
	t target
	o Options
}

func (s *byteSource) read(ctx context.Context, x *extractor) (complete bool, err error) {
	w := newWatchdog(ctx, s.o.Stall)
	defer w.close()
	c, err := openStream(w, s.t, s.o.HTTP)
	if err != nil {
		return false, err
	}
	defer c.Close()
	if c.kind == KindHLS {
		c.Close()
		w.close()
		return (&hlsSource{t: s.t, o: s.o}).read(ctx, x)
	}
	x.note(NoteConnected, nil, "reading %s (%s)", c.kind.humanName(), c.through)
	if s.o.Follow && c.kind != KindMP4 {
		c.followFile(func() {
			x.note(NoteStalled, nil, "the file has not grown for %v", s.o.Stall)
			x.lost()
		})
	}
	switch c.kind {
	case KindFLV:
		x.begin(flvWrap, nil, "")
		err = x.readFLV(w.ctx, c.Reader)
	case KindMP4:
		x.begin(noWrap, nil, "")
		err = x.readMP4(w.ctx, c.seekable())
	default:
		x.begin(tsWrap, nil, "")
		err = x.readTS(w.ctx, c)
	}
	return c.finite && err == nil, w.explain(err)
}
