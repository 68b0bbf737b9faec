package analyzer

import (
	"bufio"
	"context"
	"fmt"
	"io"
)

// readSize is how much is asked of a connection at once: a Linux pipe's usual capacity.
const readSize = 64 << 10

// byteSource is a stream that is one sequence of bytes: over HTTP, TCP or UDP, or in a file.
type byteSource struct {
	t target
	o Options
}

// opened is a connection whose kind is known.
type opened struct {
	*connection
	kind Kind
	r    *bufio.Reader
}

func (s *byteSource) open(w *watchdog) (*opened, error) {
	c, err := connect(w, s.t, s.o)
	if err != nil {
		return nil, err
	}
	var r io.Reader = c
	if c.tail == nil {
		r = w.reader(c)
	} else {
		w.working() // a file has no silence to it
	}
	buffered := bufio.NewReaderSize(r, readSize)
	kind := KindHLS
	if !c.playlist {
		kind, err = sniff(buffered, c.hint)
	}
	if err != nil {
		c.Close()
		return nil, w.explain(err)
	}
	return &opened{c, kind, buffered}, nil
}

func (s *byteSource) read(ctx context.Context, x *extractor) (complete bool, err error) {
	w := newWatchdog(ctx, s.o.Stall)
	defer w.close()
	c, err := s.open(w)
	if err != nil {
		return false, err
	}
	defer c.Close()
	if c.kind == KindHLS {
		c.Close()
		w.close()
		return (&hlsSource{t: s.t, o: s.o}).read(ctx, x)
	}
	x.note(NoteConnected, nil, "reading %s (%s)", nameOf(c.kind), c.through)
	if c.tail != nil && s.o.Follow && c.kind != KindMP4 {
		c.finite = false
		c.tail.follow = true
		c.tail.stalled = func() {
			x.note(NoteStalled, nil, "the file has not grown for %v", s.o.Stall)
			x.lost()
		}
	}
	switch c.kind {
	case KindFLV:
		x.begin(flvWrap, nil, "")
		err = x.readFLV(w.ctx, c.r)
	case KindMP4:
		x.begin(noWrap, nil, "")
		err = x.readMP4(w.ctx, c.all())
	default:
		x.begin(tsWrap, nil, "")
		err = x.readTS(w.ctx, c.r)
	}
	return c.finite && err == nil, w.explain(err)
}

// all is the whole stream: of a file the file itself, in which a reader can go back and forth.
func (c *opened) all() io.Reader {
	if c.tail != nil {
		if _, err := c.tail.f.Seek(0, io.SeekStart); err == nil {
			return c.tail.f.File
		}
	}
	return c.r
}

// nameOf is what people call a kind.
func nameOf(k Kind) string {
	switch k {
	case KindHLS:
		return "HLS"
	case KindFLV:
		return "FLV"
	case KindRTMP:
		return "RTMP"
	case KindMP4:
		return "MP4"
	case KindTS:
		return "MPEG-TS"
	}
	return fmt.Sprintf("kind %q", string(k))
}
