package generator

import (
	"fmt"
	"image"
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
	stride  int // bytes in a row
	// Rows of the board, repeated twice, so that the row at any offset is one slice: those of even and odd rows of
	// blocks, and that of the band with the block in the event's colour.
	even, odd, event []byte
	white            []byte // a run of white pixels, as long as the widest cell of the code
	noise            *noise // nil for none
	bar              *textBar
}

// NewRenderer prepares to render; the options must be valid.
func NewRenderer(o Options) (*Renderer, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("make renderer: %w", err)
	}
	text, err := newTextBar(o)
	if err != nil {
		return nil, fmt.Errorf("make renderer: %w", err)
	}
	g := o.grid()
	r := &Renderer{options: o, stride: o.Width * bytesPerPixel, bar: text}
	r.even = boardLine(g, lightColour(), darkColour(), lightColour())
	r.odd = boardLine(g, darkColour(), lightColour(), darkColour())
	band, other := lightColour(), darkColour()
	if g.rows/2%2 == 1 {
		band, other = other, band
	}
	r.event = boardLine(g, band, other, eventColour())
	if o.Noise > 0 {
		r.noise = newNoise(o)
	}
	r.white = make([]byte, (o.Width/codeColumns+1)*bytesPerPixel)
	for i := range r.white {
		r.white[i] = 0xFF
	}
	return r, nil
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

// FrameSize is the size of a picture in bytes: width * height * 3.
func (r *Renderer) FrameSize() int { return r.stride * r.options.Height }

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
	if look.Black {
		clear(dst)
		return nil
	}
	r.renderCode(dst, n)
	r.renderBoard(dst, n, look.Event)
	r.bar.render(dst[r.options.grid().bottom*r.stride:], r.stride, n)
	look.colour(dst)
	return nil
}

// colour darkens and tints a picture.
func (l Look) colour(rgb []byte) {
	if l.Dark == 0 && l.Tint == NoTint {
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

// renderCode writes the frame code: one line of each row of cells, then copies of it.
func (r *Renderer) renderCode(dst []byte, n int64) {
	h := r.options.Height
	for row, cells := range frameCode(n) {
		from, to := row*h/codeRowParts, (row+1)*h/codeRowParts
		line := dst[from*r.stride : (from+1)*r.stride]
		for c := range codeColumns {
			x0, x1 := c*r.options.Width/codeColumns, (c+1)*r.options.Width/codeColumns
			cell := line[x0*bytesPerPixel : x1*bytesPerPixel]
			if cells>>(codeColumns-1-c)&1 == 1 {
				copy(cell, r.white)
			} else {
				clear(cell)
			}
		}
		for y := from + 1; y < to; y++ {
			copy(dst[y*r.stride:(y+1)*r.stride], line)
		}
	}
}

func (r *Renderer) renderBoard(dst []byte, n int64, event bool) {
	g := r.options.grid()
	at := r.options.offset(n) * bytesPerPixel
	for row := range g.rows {
		if r.noise != nil {
			for y := g.rowEdge(row); y < g.rowEdge(row+1); y++ {
				r.noise.render(dst[y*r.stride:(y+1)*r.stride], n, y, row, r.options.offset(n), event && row == g.rows/2)
			}
			continue
		}
		line := r.even
		switch {
		case event && row == g.rows/2:
			line = r.event
		case row%2 == 1:
			line = r.odd
		}
		line = line[at : at+r.stride]
		for y := g.rowEdge(row); y < g.rowEdge(row+1); y++ {
			copy(dst[y*r.stride:(y+1)*r.stride], line)
		}
	}
}

// Image is the picture of frame n as a new image, as Render would write it.
func (r *Renderer) Image(n int64, look Look) (*image.RGBA, error) {
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
