package mp4

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

const (
	bufferSize = 64 << 10 // as much as is read at once; skipping less than that is done by reading
	maxSpool   = 16 << 30 // bounds the temporary file, so that a stream without end doesn't fill the disk
)

// source reads a file and knows where it is.
type source struct {
	r      *bufio.Reader
	seeker io.Seeker // nil where it can't go back
	origin int64     // the seeker's position of offset 0
	at     int64     // offset of the next byte
	spool  *os.File
}

// newSource makes a source whose next byte has that offset.
func newSource(r io.Reader, at int64) *source {
	s := &source{r: bufio.NewReaderSize(r, bufferSize), at: at}
	if seeker, ok := r.(io.Seeker); ok {
		if origin, err := seeker.Seek(0, io.SeekCurrent); err == nil { // not so for a pipe
			s.seeker, s.origin = seeker, origin-at
		}
	}
	return s
}

// full fills b. At the end of the source it returns io.EOF, within b io.ErrUnexpectedEOF.
func (s *source) full(b []byte) error {
	n, err := io.ReadFull(s.r, b)
	s.at += int64(n)
	return err
}

// take reads n bytes. What claims to be long and isn't takes no more memory than there is of it.
func (s *source) take(n int64) ([]byte, error) {
	var b []byte
	for int64(len(b)) < n {
		from := len(b)
		step := int(min(n-int64(from), int64(max(bufferSize, from))))
		b = slices.Grow(b, step)[:from+step]
		if err := s.full(b[from:]); err != nil {
			return nil, unexpected(err)
		}
	}
	return b, nil
}

// seek goes to an offset; back only where the source can.
func (s *source) seek(to int64) error {
	ahead := to - s.at
	if ahead >= 0 && (ahead <= bufferSize || s.seeker == nil) {
		return s.skip(ahead)
	}
	if s.seeker == nil {
		return fmt.Errorf("byte %d lies behind, and the source can't go back", to)
	}
	size, err := s.seeker.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	target := to + s.origin
	if _, err := s.seeker.Seek(min(max(target, 0), size), io.SeekStart); err != nil {
		return err
	}
	if target < 0 || target > size { // seeking there would not fail
		return io.ErrUnexpectedEOF
	}
	s.r.Reset(s.seeker.(io.Reader))
	s.at = to
	return nil
}

func (s *source) skip(n int64) error {
	for n > 0 {
		step, err := s.r.Discard(int(min(n, 1<<30)))
		s.at += int64(step)
		n -= int64(step)
		if err != nil {
			return unexpected(err)
		}
	}
	return nil
}

// store copies the rest into a temporary file, which is read from then on, so that it can be gone back in.
func (s *source) store() error {
	f, err := os.CreateTemp("", "refstream-*.mp4")
	if err != nil {
		return fmt.Errorf("store media data: %w", err)
	}
	s.spool = f
	n, err := io.Copy(f, io.LimitReader(s.r, maxSpool+1))
	switch {
	case err != nil:
		return fmt.Errorf("store media data: %w", err)
	case n > maxSpool:
		return fmt.Errorf("store media data: more than %d bytes come before the index (moov)", int64(maxSpool))
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("store media data: %w", err)
	}
	s.seeker, s.origin = f, -s.at
	s.r.Reset(f)
	return nil
}

func (s *source) close() error {
	if s.spool == nil {
		return nil
	}
	err := errors.Join(s.spool.Close(), os.Remove(s.spool.Name()))
	s.spool = nil
	return err
}

// unexpected is the error of an end where there should be more.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
