package generator

import (
	"image"

	"github.com/fogleman/gg"
	"github.com/golang/freetype/truetype"
	"golang.org/x/image/font"
)

// glyphChars are the characters that change from frame to frame.
const glyphChars = " 0123456789-:;.#Z>"

// glyphs is a set of characters in one size, drawn once on the bar's background, to be copied row by row.
type glyphs struct {
	metrics
	at     [128]int // where a character's pixels begin
	pixels []byte   // of each character, rows of advance pixels
}

// metrics are the measures of a size in pixels. Hinting rounds heights, so they are taken from the glyphs.
type metrics struct {
	advance int // from one character to the next: Go Mono is 0.6 em wide
	capital int // height of capitals and digits above the base line
	below   int // by how much their round ones overshoot it
	tail    int // what hangs below it in a semicolon, at least as much
}

func measure(face font.Face, size int) metrics {
	m := metrics{advance: (size*3 + 2) / 5}
	for _, c := range glyphChars {
		if b, _, ok := face.GlyphBounds(c); ok {
			m.capital, m.tail = max(m.capital, -b.Min.Y.Floor()), max(m.tail, b.Max.Y.Ceil())
			if c != ';' {
				m.below = max(m.below, b.Max.Y.Ceil())
			}
		}
	}
	return m
}

// newFace makes the font in a size of pixels an em. Text is placed on whole pixels, in cells of one width, so that a
// character looks the same wherever it stands.
func newFace(f *truetype.Font, size int) font.Face {
	return truetype.NewFace(f, &truetype.Options{Size: float64(size), DPI: 72, Hinting: font.HintingFull})
}

// newGlyphs draws glyphChars in a size.
func newGlyphs(f *truetype.Font, size int) *glyphs {
	face := newFace(f, size)
	g := &glyphs{metrics: measure(face, size)}
	for i := range len(glyphChars) {
		// One image a character, so that none can reach into its neighbour's cell.
		img := image.NewRGBA(image.Rect(0, 0, g.advance, g.capital+g.tail))
		dc := gg.NewContextForRGBA(img)
		dc.SetColor(barColour())
		dc.Clear()
		dc.SetFontFace(face)
		dc.SetColor(textColour())
		dc.DrawString(glyphChars[i:i+1], 0, float64(g.capital))
		g.at[glyphChars[i]] = len(g.pixels)
		g.pixels = append(g.pixels, packRGB(img)...)
	}
	return g
}

// draw copies text to dst, rows of stride bytes, with its cells' top left corner at byte offset at. below is how many
// rows under the base line it copies, the metrics' below or tail.
func (g *glyphs) draw(dst []byte, stride, at int, text []byte, below int) {
	row, rows := g.advance*bytesPerPixel, g.capital+below
	for _, c := range text {
		src := g.pixels[g.at[c]:][:row*rows]
		for y := at; len(src) > 0; y += stride {
			copy(dst[y:y+row], src[:row])
			src = src[row:]
		}
		at += row
	}
}

// packRGB is the image's colours as rgb24; it must be opaque.
func packRGB(img *image.RGBA) []byte {
	b := img.Bounds()
	out := make([]byte, 0, b.Dx()*b.Dy()*bytesPerPixel)
	for y := range b.Dy() {
		row := img.Pix[y*img.Stride:][:4*b.Dx()]
		for x := 0; x < len(row); x += 4 {
			out = append(out, row[x:x+bytesPerPixel]...)
		}
	}
	return out
}
