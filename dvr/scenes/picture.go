package scenes

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

const (
	// maxSide and maxPixels bound the memory for a picture: 16K, which is the largest that H.266 is meant for.
	maxSide   = 16384
	maxPixels = 16384 * 8704
)

// picture is a decoded picture: 8-bit 4:2:0 of limited range, of even width and height, at least 2.
type picture struct {
	pts           int64 // the presentation time in 90 kHz ticks, valid if timed
	timed         bool
	width, height int
	// y has lines of width bytes. u and v have lines of width/2, chromaStride apart.
	y, u, v      []byte
	chromaStride int

	buf []byte
}

// read reads a picture of ffmpeg's encoder pgmyuv: a PGM header, the lines of luma, and then lines of Cb and Cr side by side. It
// reuses the memory. The error is io.EOF at the end.
func (p *picture) read(r *bufio.Reader) error {
	var maxValue int
	var magic [2]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return err
	}
	if string(magic[:]) != "P5" {
		return fmt.Errorf("read picture: it begins with %q, not P5", magic)
	}
	for _, n := range []*int{&p.width, &p.height, &maxValue} {
		var err error
		if *n, err = readNumber(r); err != nil {
			return err
		}
	}
	if _, err := r.Discard(1); err != nil {
		return cutOff(err)
	}
	w, h := p.width, p.height*2/3
	if w < 2 || h < 2 || w%2 != 0 || h%2 != 0 || w > maxSide || h > maxSide || w*h > maxPixels || p.height != h*3/2 || maxValue != 255 {
		return fmt.Errorf("read picture: %d x %d of %d levels is no picture in 4:2:0 of up to %d x %d", w, p.height, maxValue+1, maxSide, maxSide)
	}
	p.height = h
	size := w * h * 3 / 2
	if cap(p.buf) < size {
		p.buf = make([]byte, size)
	}
	p.buf = p.buf[:size]
	if _, err := io.ReadFull(r, p.buf); err != nil {
		return cutOff(err)
	}
	p.y, p.u, p.v, p.chromaStride = p.buf[:w*h], p.buf[w*h:], p.buf[w*h+w/2:], w
	return nil
}

// readNumber reads a number with one white space before it, and leaves the one behind it.
func readNumber(r *bufio.Reader) (n int, err error) {
	if _, err := r.ReadByte(); err != nil {
		return 0, cutOff(err)
	}
	for {
		b, err := r.Peek(1)
		if err != nil {
			return 0, cutOff(err)
		}
		if b[0] < '0' || b[0] > '9' {
			break
		}
		if n = n*10 + int(b[0]-'0'); n > 3*maxSide {
			return 0, errors.New("read picture: its size is no sensible number")
		}
		_, _ = r.Discard(1) // it was there
	}
	return n, nil
}

// cutOff makes the end within a picture an error.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
