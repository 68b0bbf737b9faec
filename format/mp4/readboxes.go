package mp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// body reads a box whose header was read, with that, which then has 8 bytes.
func (s *source) body(h boxHeader, limit int64) (box, error) {
	n := h.end - h.start - h.length
	if h.end == math.MaxInt64 || n > limit {
		return box{}, fmt.Errorf("box %q is longer than %d bytes", h.kind, limit)
	}
	body, err := s.take(n)
	if err != nil {
		return box{}, fmt.Errorf("box %q of %d bytes: %w", h.kind, n, err)
	}
	whole := make([]byte, boxHeaderSize, boxHeaderSize+n)
	binary.BigEndian.PutUint32(whole, uint32(boxHeaderSize+n))
	copy(whole[4:], h.kind)
	return box{h.kind, h.start, append(whole, body...)}, nil
}

// moov takes an index; a second one is that of another file that follows.
func (r *Reader) moov(h boxHeader) error {
	if r.held || len(r.fragment) > 0 {
		if err := r.damage(h.start, errors.New("samples have no media data before the next index")); err != nil {
			return err
		}
		r.held, r.fragment = false, nil
	}
	b, err := r.src.body(h, maxIndex)
	if err != nil {
		return err
	}
	t, err := parseMoov(b)
	if err != nil {
		return fmt.Errorf("index (moov): %w", err)
	}
	r.track, r.next, r.described = t, 0, 0
	if r.src.seeker != nil && !t.table.empty() {
		r.resume = r.src.at
	}
	return nil
}

// moof takes a fragment. One that can't be read is left out.
func (r *Reader) moof(h boxHeader) error {
	if len(r.fragment) > 0 {
		why := fmt.Errorf("%d samples of a fragment have no media data", len(r.fragment))
		if err := r.damage(r.fragment[0].offset, why); err != nil {
			return err
		}
		r.fragment = nil
	}
	b, err := r.src.body(h, maxFragment)
	if err != nil {
		return err
	}
	if r.track == nil {
		return errors.New("a fragment precedes the index (moov): its initialization section is missing")
	}
	samples, err := parseMoof(b, r.track, r.next, new(int))
	if err != nil {
		return r.damage(h.start, err)
	}
	if n := len(samples); n > 0 {
		r.next = min(samples[n-1].dts+samples[n-1].duration, maxTime)
	}
	r.passEvents(samples)
	r.fragment = samples
	return nil
}

func (r *Reader) emsg(h boxHeader) error {
	if r.handle == nil {
		return r.src.toEnd(h.end)
	}
	if h.end-h.start > maxEvent || len(r.events) >= maxEvents {
		if err := r.damage(h.start, errors.New("event message is too long, or there are too many")); err != nil {
			return err
		}
		return r.src.toEnd(h.end)
	}
	b, err := r.src.body(h, maxEvent)
	if err != nil {
		return err
	}
	e, err := parseEvent(b)
	if err != nil {
		return r.damage(h.start, err)
	}
	r.events = append(r.events, e)
	return nil
}

// toEnd goes to the end of a box, which may be that of the file.
func (s *source) toEnd(end int64) error {
	if end != math.MaxInt64 {
		return s.seek(end)
	}
	n, err := io.Copy(io.Discard, s.r)
	s.at += n
	return err
}
