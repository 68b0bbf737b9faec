package analyzer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/ts"
)

func (s *source) storeBytes(ctx context.Context, dir string) (Captured, error) {
	w := input.NewWatchdog(ctx, s.o.Stall)
	defer w.Close()
	c, err := input.Open(w, s.t, s.o.HTTP)
	if err != nil {
		return Captured{}, err
	}
	defer c.Close()
	if c.Kind == input.HLS {
		c.Close()
		w.Close()
		return s.storeHLS(ctx, dir)
	}
	if size, ok := c.Regular(); ok {
		return Captured{Path: s.t.Path, Kind: c.Kind, Bytes: size}, nil
	}
	f, err := fileFor(dir, c.Kind)
	if err != nil {
		return Captured{}, err
	}
	out := Captured{Path: f.Name(), Kind: c.Kind}
	switch c.Kind {
	case input.TS:
		out.Bytes, err = storeTS(f, c)
	case input.FLV:
		reader := flv.NewReader(c)
		out.Bytes, err = storeTags(storeWriter{f}, reader.Next)
	default:
		out.Bytes, err = io.Copy(storeWriter{f}, c)
	}
	if closing := stored(f.Close()); closing != nil {
		return out, closing
	}
	if failed := new(StoreError); errors.As(err, &failed) {
		return out, failed
	}
	return out, w.Explain(err)
}

// storeTS copies a transport stream. Where it breaks off, the picture that was begun is left out.
func storeTS(f *os.File, r io.Reader) (int64, error) {
	var pictures pictureFinder
	n, err := io.Copy(storeWriter{f}, io.TeeReader(r, &pictures))
	if failed := new(StoreError); err == nil || errors.As(err, &failed) {
		return n, err
	}
	if n > 0 {
		n = pictures.last
		if cut := f.Truncate(n); cut != nil {
			return n, stored(fmt.Errorf("cut captured stream: %w", cut))
		}
	}
	return n, err
}

// pictureFinder finds where the last picture of a transport stream begins.
type pictureFinder struct {
	packets ts.Splitter
	last    int64
}

func (f *pictureFinder) Write(b []byte) (int, error) {
	n, err := f.packets.Write(b)
	for p, offset, ok := f.packets.Next(); ok; p, offset, ok = f.packets.Next() {
		if start, ok := p.PES(); ok && start.Timed && start.Video() {
			f.last = offset
		}
	}
	return n, err
}

// storeTags writes tags to an FLV file until there are no more.
func storeTags(f io.Writer, next func() (flv.Tag, error)) (int64, error) {
	b := flv.FileHeader()
	var written int64
	for {
		n, err := f.Write(b)
		written += int64(n)
		if err != nil {
			return written, fmt.Errorf("store tag: %w", err)
		}
		t, err := next()
		if errors.Is(err, io.EOF) {
			return written, nil
		}
		if err != nil {
			return written, err
		}
		b = flv.AppendTag(b[:0], t)
	}
}

func (s *source) storeRTMP(ctx context.Context, dir string) (Captured, error) {
	f, err := fileFor(dir, input.RTMP)
	if err != nil {
		return Captured{}, err
	}
	out := Captured{Path: f.Name(), Kind: input.RTMP}
	b := flv.FileHeader()
	err = s.play(ctx, func() {}, func(t flv.Tag) error {
		b = flv.AppendTag(b, t)
		n, err := f.Write(b)
		out.Bytes += int64(n)
		b = b[:0]
		return stored(err)
	})
	return out, errors.Join(stored(f.Close()), err)
}
