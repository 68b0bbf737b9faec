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
)

// Captured is a stream that was stored.
type Captured struct {
	// Path is a file that ffmpeg and Run can read: a .ts, .flv or .mp4, or an index.m3u8 with its segments beside it. Of a
	// local file it is the file itself, which is not copied.
	Path string
	// Kind is the kind of the stream.
	Kind input.Kind
	// Bytes is how much was stored, of a local file its size.
	Bytes int64
	// Segments counts those of an HLS stream.
	Segments int
	// Dated says that an HLS stream gives the dates of segments that follow others without a discontinuity, and not only of
	// those that begin a playlist or a stretch. Undated are the media sequence numbers in the stored playlist, which dates
	// what it can, of those that had no EXT-X-PROGRAM-DATE-TIME.
	Dated   bool
	Undated []int64
	// Doubled are the tags that stood more than once before a segment, by its number in the stored playlist.
	Doubled map[int64][]string
}

// Capture reads a stream for so long, or to its end where that comes before or duration is 0, and stores it in a
// directory, which is made where it isn't there. HLS segments are stored decrypted. What was begun when the time is over
// is not stored: neither a part of a picture, nor of a segment.
//
// A stream that breaks off is no error if something of it was stored: that is a Note. That it can't be stored is one always, a
// *StoreError. Of Options, Follow and Duration have no meaning here.
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

// StoreError says that what was read could not be stored on this machine: it says nothing about the stream.
type StoreError struct {
	// Err is the cause, such as a full disk.
	Err error
}

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

// Write writes once.
func (s storeWriter) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	return n, stored(err)
}
