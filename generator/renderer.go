package generator

import (
	"bytes"
	"fmt"
	"image"

	"github.com/refstream/refstream/media"
)

const bytesPerPixel = 3

// rgb is a colour, 8 bits a channel, full range.
type rgb [bytesPerPixel]byte

// The event's colour, and the board's two: greys, so that the board has no chroma to spend bits on and no
// mixture of anything in the picture but an event comes anywhere near cyan.
func eventColour() rgb { return rgb{0, 255, 255} }
func lightColour() rgb { return rgb{196, 198, 202} }
func darkColour() rgb  { return rgb{62, 64, 70} }

// Renderer renders the pictures of one stream. It holds the picture's parts ready-made, so that rendering is copying
// rows. Making one takes some milliseconds. One goroutine at a time may use a Renderer.
type Renderer struct {
	options Options
	planes  []plane
	noise   *noise // nil for none
	bar     *textBar
	yuv     *yuvParts // what YUV pictures need besides; nil for RGB
}

// plane is a part of the picture's bytes: all of an RGB picture, or one of Y, Cb and Cr.
type plane struct {
	at, stride int // its first byte, and the bytes in a row
	bytes      int // of a sample
	shared     int // how many columns of pixels, and how many lines, share a sample
	// Rows of the board, repeated twice, so that the row at any offset is one slice: those of even and odd rows of
	// blocks, and that of the band with the block in the event's colour.
	even, odd, event []byte
	// edge is a row of samples that the frame code's last line and the board's first one share.
	edge         []byte
	white, black []byte // runs of samples, as long as the widest cell of the code
}

// NewRenderer prepares to render RGB pictures; the options must be valid.
func NewRenderer(o Options) (*Renderer, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("make renderer: %w", err)
	}
	text, err := newTextBar(o)
	if err != nil {
		return nil, fmt.Errorf("make renderer: %w", err)
	}
	p := plane{stride: o.Width * bytesPerPixel, bytes: bytesPerPixel, shared: 1}
	p.even, p.odd, p.event = boardLines(o)
	p.black = make([]byte, (o.Width/codeColumns+1)*bytesPerPixel)
	p.white = bytes.Repeat([]byte{0xFF}, len(p.black))
	r := &Renderer{options: o, planes: []plane{p}, bar: text}
	if o.Noise > 0 {
		r.noise = newNoise(o)
	}
	return r, nil
}

// NewRendererIn prepares to render pictures of a format; empty means RGB24. Those of YUV420P are the RGB ones as ffmpeg converts them
// for the encoder, within a level of each sample.
func NewRendererIn(f media.PixelFormat, o Options) (*Renderer, error) {
	r, err := NewRenderer(o)
	if err != nil || f != media.YUV420P {
		return r, err
	}
	return r.toYUV(), nil
}

// boardLines are the board's rows of blocks: even and odd ones, and that of the band in an event.
func boardLines(o Options) (even, odd, event []byte) {
	g := o.grid()
	band, other := lightColour(), darkColour()
	if g.rows/2%2 == 1 {
		band, other = other, band
	}
	return boardLine(g, lightColour(), darkColour(), lightColour()), boardLine(g, darkColour(), lightColour(), darkColour()),
		boardLine(g, band, other, eventColour())
}

// boardLine is a row of blocks in turning colours, twice over; the first block of each has a colour of its own.
func boardLine(g grid, even, odd, first rgb) []byte {
	line := make([]byte, 2*g.width*bytesPerPixel)
	for c := range g.columns {
		colour := [2]rgb{even, odd}[c%2]
		if c == 0 {
			colour = first
		}
		to := g.columnEdge(c + 1)
		if c == g.columns-1 {
			to = g.width
		}
		for x := g.columnEdge(c); x < to; x++ {
			copy(line[x*bytesPerPixel:], colour[:])
		}
	}
	copy(line[len(line)/2:], line[:len(line)/2])
	return line
}

// FrameSize is the size of a picture in bytes.
func (r *Renderer) FrameSize() int {
	last := r.planes[len(r.planes)-1]
	return last.at + last.stride*(r.options.Height/last.shared)
}

// Look is how a frame's picture is shown.
type Look struct {
	// Event puts the block in the event's colour.
	Event bool
	// Shows is the frame whose whole picture, with its code and text, is shown in place of the frame's own, where Instead is
	// set: the same one for as long as a picture is frozen, each for some frames where pictures are held.
	Instead bool
	Shows   int64
	// Black shows nothing at all.
	Black bool
	// Dark is how much of the brightness is taken away, in parts of FullDark: 0 none, FullDark all.
	Dark int
	// Tint leaves one of red, green and blue as it is and halves the other two.
	Tint Tint
}

// FullDark is the Dark of a picture that is black.
const FullDark = 256

// Tint is a false colour of a whole picture.
type Tint uint8

// The tints.
const (
	NoTint Tint = iota
	RedTint
	GreenTint
	BlueTint
)

// Render writes the picture of frame n, 0 <= n <= MaxFrame, to dst as look says, which may be that of another frame. dst must be
// FrameSize bytes, all of which are written; it stays the caller's. Nothing is allocated.
func (r *Renderer) Render(dst []byte, n int64, look Look) error {
	if look.Instead {
		n = look.Shows
	}
	if len(dst) != r.FrameSize() {
		return fmt.Errorf("buffer has %d bytes, the picture %d", len(dst), r.FrameSize())
	}
	if n < 0 || n > MaxFrame {
		return fmt.Errorf("out of range: use 0 to %d", int64(MaxFrame))
	}
	if look.Dark < 0 || look.Dark > FullDark {
		return fmt.Errorf("darkness %d is out of range: use 0 to %d", look.Dark, FullDark)
	}
	if r.yuv != nil && (look.Black || look.coloured()) {
		return r.yuv.convert(dst, n, look)
	}
	if look.Black {
		clear(dst)
		return nil
	}
	for i := range r.planes {
		p := &r.planes[i]
		r.renderCode(p, dst[p.at:], n)
		if r.noise == nil {
			r.renderBoard(p, dst[p.at:], n, look.Event)
		}
	}
	if r.yuv != nil {
		r.yuv.render(dst, n, look.Event)
		return nil
	}
	stride := r.planes[0].stride
	if r.noise != nil {
		r.noise.render(dst, stride, r.options, n, look.Event)
	}
	r.bar.render(dst[r.options.grid().bottom*stride:], stride, n)
	look.colour(dst)
	return nil
}

func (l Look) coloured() bool { return l.Dark != 0 || l.Tint != NoTint }

// colour darkens and tints a picture.
func (l Look) colour(rgb []byte) {
	if !l.coloured() {
		return
	}
	var levels [bytesPerPixel][256]byte
	for c := range levels {
		for v := range levels[c] {
			level := v * (FullDark - l.Dark) / FullDark
			if l.Tint != NoTint && int(l.Tint-RedTint) != c {
				level /= 2
			}
			levels[c][v] = byte(level)
		}
	}
	for i := range rgb {
		rgb[i] = levels[i%bytesPerPixel][rgb[i]]
	}
}

// renderCode writes the frame code to a plane: one row of samples for each row of cells, then copies of it.
func (r *Renderer) renderCode(p *plane, dst []byte, n int64) {
	o := r.options
	for row, cells := range frameCode(n) {
		from, to := row*o.Height/codeRowParts/p.shared, (row+1)*o.Height/codeRowParts/p.shared
		line := dst[from*p.stride : (from+1)*p.stride]
		for c := range codeColumns {
			x0, x1 := c*o.Width/codeColumns/p.shared, (c+1)*o.Width/codeColumns/p.shared
			colour := p.black
			if cells>>(codeColumns-1-c)&1 == 1 {
				colour = p.white
			}
			copy(line[x0*p.bytes:x1*p.bytes], colour)
		}
		for y := from + 1; y < to; y++ {
			copy(dst[y*p.stride:(y+1)*p.stride], line)
		}
	}
}

// renderBoard writes the board to a plane.
func (r *Renderer) renderBoard(p *plane, dst []byte, n int64, event bool) {
	g := r.options.grid()
	at := r.options.offset(n) / p.shared * p.bytes
	put := func(line []byte, from, to int) {
		line = line[at : at+p.stride]
		for y := from; y < to; y++ {
			copy(dst[y*p.stride:(y+1)*p.stride], line)
		}
	}
	first := g.top / p.shared
	if g.top%p.shared != 0 {
		put(p.edge, first, first+1)
		first++
	}
	for row := range g.rows {
		line, end := p.even, g.rowEdge(row+1)/p.shared
		switch {
		case event && row == g.rows/2:
			line = p.event
		case row%2 == 1:
			line = p.odd
		}
		put(line, first, end)
		first = end
	}
}

// Image is the picture of frame n as a new image, as Render would write it in RGB.
func (r *Renderer) Image(n int64, look Look) (*image.RGBA, error) {
	if r.yuv != nil {
		return r.yuv.rgb.Image(n, look)
	}
	buf := make([]byte, r.FrameSize())
	if err := r.Render(buf, n, look); err != nil {
		return nil, err
	}
	img := image.NewRGBA(image.Rect(0, 0, r.options.Width, r.options.Height))
	for i, j := 0, 0; i < len(buf); i, j = i+bytesPerPixel, j+4 {
		copy(img.Pix[j:], buf[i:i+bytesPerPixel])
		img.Pix[j+3] = 0xFF
	}
	return img, nil
}
