package analyzer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/ts"
)

// Captured is a stream that was stored.
type Captured struct {
	// Path is a file that ffmpeg and Run can read: a .ts, .flv or .mp4, an index.m3u8 with its segments, or a local file itself.
	Path string
	// Sound is a playlist with the sound, where that is not in Path because HLS or DASH have it in files of its own; else empty.
	Sound string
	Kind  input.Kind
	// DASH: what was read is DASH. It is stored as HLS, without the events of its manifest.
	DASH bool
	// Bytes is how much was stored, of a local file its size.
	Bytes int64
	// Dated: an HLS stream dates also segments that follow others without a discontinuity. Undated are the media sequence numbers
	// in the stored playlist, which dates what it can, of those that had no EXT-X-PROGRAM-DATE-TIME.
	Dated   bool
	Undated []int64
	// Doubled are the tags that a segment had more than once, by its number in the stored playlist.
	Doubled map[int64][]string
}

// Capture reads a stream for so long, or to its end where that is earlier or duration is 0, and stores it in a directory, which
// is made if need be. HLS segments are stored decrypted. A picture or segment that is not complete when the time is over is
// not stored.
//
// A stream that breaks off is no error if something of it was stored: that is a Note. That it can't be stored is always an
// error, a *StoreError. Of Options, Follow and Duration have no meaning here.
func Capture(ctx context.Context, url, dir string, o Options, duration time.Duration) (Captured, error) {
	o, s, done, err := prepare(url, o)
	if err != nil {
		return Captured{}, err
	}
	defer done()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Captured{}, fmt.Errorf("capture stream: %w", stored(err))
	}
	reading := ctx
	if duration > 0 {
		var cancel context.CancelFunc
		reading, cancel = context.WithTimeout(ctx, duration)
		defer cancel()
	}
	c, err := s.store(reading, dir)
	failed := new(StoreError)
	switch {
	case ctx.Err() != nil:
		return c, ctx.Err()
	case errors.As(err, &failed):
		return c, fmt.Errorf("capture stream: %w", failed)
	case c.Bytes == 0 && err == nil:
		return c, errors.New("capture stream: nothing came in time")
	case c.Bytes == 0:
		return c, fmt.Errorf("capture stream: %w", err)
	case err != nil && reading.Err() == nil:
		newExtractor(url, o, nil).note(NoteLost, err, "the stream has broken off: what came before is stored")
	}
	return c, nil
}

// fileFor makes the file that a stream of a kind is stored in.
func fileFor(dir string, k input.Kind) (*os.File, error) {
	name := "stream." + string(k)
	if k == input.RTMP {
		name = "stream." + string(input.FLV)
	}
	f, err := os.Create(filepath.Join(dir, name))
	return f, stored(err)
}

// StoreError is a failure to store on this machine, such as a full disk: it is no fault of the stream.
type StoreError struct{ Err error }

func (e *StoreError) Error() string { return "store stream: " + e.Err.Error() }
func (e *StoreError) Unwrap() error { return e.Err }

// stored marks an error of storing, if it is one.
func stored(err error) error {
	if err == nil {
		return nil
	}
	return &StoreError{err}
}

// storeWriter marks its errors, so that those of storing can be distinguished from those of reading.
type storeWriter struct{ w io.Writer }

func (s storeWriter) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	return n, stored(err)
}

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
func storeTags(f io.Writer, next func() (flv.Tag, error)) (written int64, err error) {
	for b := flv.FileHeader(false); err == nil; {
		n, writeErr := f.Write(b)
		if written += int64(n); writeErr != nil {
			return written, fmt.Errorf("store tag: %w", writeErr)
		}
		var t flv.Tag
		if t, err = next(); err == nil {
			b = flv.AppendTag(b[:0], t)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return written, err
}

func (s *source) storeRTMP(ctx context.Context, dir string) (Captured, error) {
	f, err := fileFor(dir, input.RTMP)
	if err != nil {
		return Captured{}, err
	}
	out := Captured{Path: f.Name(), Kind: input.RTMP}
	b := flv.FileHeader(false)
	err = s.play(ctx, func() {}, func(t flv.Tag) error {
		b = flv.AppendTag(b, t)
		n, err := f.Write(b)
		out.Bytes += int64(n)
		b = b[:0]
		return stored(err)
	})
	return out, errors.Join(stored(f.Close()), err)
}
