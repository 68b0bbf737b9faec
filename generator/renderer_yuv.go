package generator

import (
	"bytes"
	"encoding/binary"

	"github.com/refstream/refstream/media"
)

// yuvParts are what a YUV picture has besides rows that are the same in every frame: its text, its noise, and pictures in false
// colours, which are converted from RGB.
type yuvParts struct {
	o       Options
	rgb     *Renderer
	picture []byte // an RGB one, nil until it is needed
	noise   *yuvNoise

	// The bar as it was rendered last, in RGB and converted, with its texts.
	bar      []byte
	barYUV   yuv
	barTexts [texts][]byte
}

// toYUV makes a renderer of YUV pictures of one of RGB pictures.
func (r *Renderer) toYUV() *Renderer {
	o := r.options
	g, src := o.grid(), r.planes[0]
	convert := func(above, below []byte) [3][]byte {
		width := len(above) / bytesPerPixel
		p := yuvOf(make([]byte, media.YUV420P.FrameSize(width, 2)), width, 2)
		p.convert(append(bytes.Clone(above), below...), 0, 0, width, 2)
		return [3][]byte{p.y[width:], p.u, p.v}
	}
	even, odd, event := convert(src.even, src.even), convert(src.odd, src.odd), convert(src.event, src.event)
	edge := convert(make([]byte, len(src.even)), src.even)
	out := &Renderer{options: o, bar: r.bar}
	at := 0
	for i, runs := range [][2]byte{{blackLuma, luma(255, 255, 255)}, {noChroma, noChroma}, {noChroma, noChroma}} {
		p := plane{at: at, stride: o.Width, bytes: 1, shared: 1, even: even[i], odd: odd[i], event: event[i], edge: edge[i]}
		if i > 0 {
			p.stride, p.shared = o.Width/2, 2
		}
		p.black = bytes.Repeat(runs[:1], o.Width/codeColumns+1)
		p.white = bytes.Repeat(runs[1:], o.Width/codeColumns+1)
		at += p.stride * (o.Height / p.shared)
		out.planes = append(out.planes, p)
	}
	height := o.Height - g.bottom
	out.yuv = &yuvParts{o: o, rgb: r, bar: make([]byte, o.Width*height*bytesPerPixel)}
	out.yuv.barYUV = yuvOf(make([]byte, media.YUV420P.FrameSize(o.Width, height)), o.Width, height)
	if r.noise != nil {
		out.noise, out.yuv.noise = r.noise, newYUVNoise(r.noise)
	}
	return out
}

// render writes what Renderer.Render leaves out: noise and text.
func (p *yuvParts) render(dst []byte, n int64, event bool) {
	picture := yuvOf(dst, p.o.Width, p.o.Height)
	if p.noise != nil {
		p.noise.render(picture, p.o, n, event)
	}
	p.renderBar(n)
	bar := picture.from(p.o.grid().bottom)
	copy(bar.y, p.barYUV.y)
	copy(bar.u, p.barYUV.u)
	copy(bar.v, p.barYUV.v)
}

// convert writes a picture by rendering it in RGB.
func (p *yuvParts) convert(dst []byte, n int64, look Look) error {
	if p.picture == nil {
		p.picture = make([]byte, p.rgb.FrameSize())
	}
	if err := p.rgb.Render(p.picture, n, look); err != nil {
		return err
	}
	yuvOf(dst, p.o.Width, p.o.Height).convert(p.picture, 0, 0, p.o.Width, p.o.Height)
	return nil
}

// renderBar brings the bar up to frame n. Where texts are as long as they were, only characters that changed are converted.
func (p *yuvParts) renderBar(n int64) {
	t, width := p.rgb.bar, p.o.Width
	same := true
	t.each(n, func(i int, _ *glyphs, _ int, text []byte, _ int) { same = same && len(text) == len(p.barTexts[i]) })
	if !same {
		copy(p.bar, t.pixels)
	}
	t.each(n, func(_ int, g *glyphs, at int, text []byte, below int) {
		g.draw(p.bar, width*bytesPerPixel, at, text, below)
	})
	t.each(n, func(i int, g *glyphs, at int, text []byte, below int) {
		x, y := at/bytesPerPixel%width, at/bytesPerPixel/width
		for k, c := range text {
			if same && c != p.barTexts[i][k] {
				p.barYUV.convert(p.bar, x&^1, y&^1, (x+g.advance+1)&^1, (y+g.capital+below+1)&^1)
			}
			x += g.advance
		}
		p.barTexts[i] = append(p.barTexts[i][:0], text...)
	})
	if !same {
		p.barYUV.convert(p.bar, 0, 0, width, len(p.bar)/bytesPerPixel/width)
	}
}

// yuvNoise is noise in YUV pictures. Where it is clipped it has chroma too.
type yuvNoise struct {
	noise
	below []stretch
	// cb and cr are the chroma of the pixels of each colour, two and two, from an even place on and from an odd one: 16 bits each,
	// little-endian, as chroma makes them.
	cb, cr [3][2][]byte
	none   []byte // that of the frame code
}

func newYUVNoise(from *noise) *yuvNoise {
	p := &yuvNoise{noise: *from}
	p.bytes, p.line, p.below = 1, make([]stretch, 0, len(p.edges)), make([]stretch, 0, len(p.edges))
	for i, flat := range from.flat {
		count := len(flat) / bytesPerPixel
		at := func(k, c int) int { return int(flat[k*bytesPerPixel+c]) }
		p.flat[i] = make([]byte, count)
		for k := range count {
			p.flat[i][k] = luma(at(k, 0), at(k, 1), at(k, 2))
			if k > 0 {
				u, v := chroma(at(k-1, 0)+at(k, 0), at(k-1, 1)+at(k, 1), at(k-1, 2)+at(k, 2))
				odd := (k - 1) % 2
				p.cb[i][odd] = binary.LittleEndian.AppendUint16(p.cb[i][odd], uint16(u))
				p.cr[i][odd] = binary.LittleEndian.AppendUint16(p.cr[i][odd], uint16(v))
			}
		}
	}
	for range len(p.cb[0][0]) / 2 {
		p.none = binary.LittleEndian.AppendUint16(p.none, noChroma<<fractionBits)
	}
	return p
}

// render writes the board of frame n.
func (p *yuvNoise) render(dst yuv, o Options, n int64, event bool) {
	p.noise.render(dst.y, o.Width, o, n, event)
	g, at := o.grid(), o.offset(n)
	for row := range g.rows {
		event := event && row == g.rows/2
		for y := g.rowEdge(row) &^ 1; y < g.rowEdge(row+1); y += 2 {
			p.line, p.below = p.cut(p.line[:0], n, y, row, at, event), p.cut(p.below[:0], n, y+1, row, at, event)
			for i, b := range p.below {
				a := p.line[i] // it has the same ends
				from, to := (y/2*o.Width+b.x)/2, (y/2*o.Width+b.end)/2
				cb, cr := p.none, p.none
				if y >= g.top {
					cb, cr = p.cb[a.colour][a.place%2][a.place&^1:], p.cr[a.colour][a.place%2][a.place&^1:]
				}
				meanOf(dst.u[from:to], cb, p.cb[b.colour][b.place%2][b.place&^1:])
				meanOf(dst.v[from:to], cr, p.cr[b.colour][b.place%2][b.place&^1:])
			}
		}
	}
}

// meanOf is mean of each of two rows' chroma, as yuvNoise holds it: of four samples at once, which have 16 bits of a word each.
func meanOf(dst, a, b []byte) {
	const each = 1<<48 | 1<<32 | 1<<16 | 1
	i := 0
	for ; i+4 <= len(dst); i += 4 {
		w := binary.LittleEndian.Uint64(a[2*i:]) + binary.LittleEndian.Uint64(b[2*i:]) + each<<fractionBits
		w = w >> (fractionBits + 1) & (each * 0xFF)
		w = (w | w>>8) & 0x0000FFFF0000FFFF
		binary.LittleEndian.PutUint32(dst[i:], uint32(w|w>>16))
	}
	for ; i < len(dst); i++ {
		dst[i] = mean(int(binary.LittleEndian.Uint16(a[2*i:])), int(binary.LittleEndian.Uint16(b[2*i:])))
	}
}
