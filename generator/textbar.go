package generator

import (
	"fmt"
	"image"
	"image/color"
	"time"

	"github.com/fogleman/gg"
	"github.com/golang/freetype/truetype"
	"golang.org/x/image/font/gofont/gomonobold"

	"github.com/refstream/refstream/media"
)

// The bar's colours: near-black, near-white, and amber, which no detector of cyan takes for it.
func barColour() color.Color     { return color.RGBA{18, 19, 22, 255} }
func textColour() color.Color    { return color.RGBA{244, 244, 240, 255} }
func ruleColour() color.Color    { return color.RGBA{70, 71, 76, 255} }
func channelColour() color.Color { return color.RGBA{255, 180, 60, 255} }

// Lengths of the texts in characters.
const numberChars = 15 // # and the 14 digits of MaxFrame

// timecodeChars is the length of hh:mm:ss:ff, or hh:mm:ss:fff.
func timecodeChars(r media.FrameRate) int {
	if r.WideTimecode() {
		return 12
	}
	return 11
}

// textBar is the bar at the bottom of the picture: a background with all that never changes, and the places of the
// texts that do.
type textBar struct {
	rate       media.FrameRate
	drop       bool
	alignRight bool  // the frame number ends where its field ends
	epochSec   int64 // Unix seconds
	epochMilli int64
	pixels     []byte // the background, as wide as the picture

	small, large          *glyphs
	timecode, number, utc int // byte offsets of the texts' top left corners
	buf                   [32]byte
}

// newTextBar draws the bar of valid options.
func newTextBar(o Options) (*textBar, error) {
	font, err := truetype.Parse(gomonobold.TTF)
	if err != nil {
		return nil, fmt.Errorf("parse font: %w", err)
	}
	b := o.bar()
	t := &textBar{
		rate: o.Rate, drop: o.DropFrame, alignRight: b.stacked,
		epochSec: o.Epoch.Unix(), epochMilli: int64(o.Epoch.Nanosecond()) / int64(time.Millisecond),
		small: newGlyphs(font, b.font),
	}
	t.large = t.small
	if b.large != b.font {
		t.large = newGlyphs(font, b.large)
	}

	dc := gg.NewContext(o.Width, b.height)
	dc.SetColor(barColour())
	dc.Clear()
	places := t.place(b, o.Width)
	t.timecode = places.timecode.offset(o.Width)
	t.number = places.number.offset(o.Width)
	t.utc = places.utc.offset(o.Width)
	if places.rule > 0 {
		dc.SetColor(ruleColour())
		w := max(1, b.font/16)
		dc.DrawRectangle(float64(places.rule-w/2), float64(b.height/6), float64(w), float64(b.height-b.height/6*2))
		dc.Fill()
	}
	dc.SetColor(channelColour())
	drawCells(dc, font, b.font, t.small.metrics, places.channel, cut(o.Channel, places.channelChars), o.Width)
	t.pixels = packRGB(dc.Image().(*image.RGBA))
	return t, nil
}

// point is the top left corner of a text's first cell in the bar.
type point struct{ x, y int }

func (p point) offset(width int) int { return (p.y*width + p.x) * bytesPerPixel }

// places are the positions of the texts. A negative x, which only channel has, is where the text ends, counted from the right
// edge.
type places struct {
	timecode, number, utc, channel point
	channelChars                   int // how many characters the channel's name may take
	rule                           int // x of the line between timecode and the rest, 0 for none
}

func (t *textBar) place(b bar, width int) places {
	// top is where the cells of line i of count begin, with equal space around and between the capitals.
	top := func(m metrics, i, count int) int {
		space := b.height - count*m.capital
		return (i+1)*space/(count+1) + i*m.capital
	}
	s, l := t.small.metrics, t.large.metrics
	if b.stacked {
		const margin = 2
		return places{
			timecode:     point{margin, top(s, 0, 3)},
			number:       point{width - margin - numberChars*s.advance, top(s, 0, 3)},
			utc:          point{margin, top(s, 1, 3)},
			channel:      point{margin, top(s, 2, 3)},
			channelChars: (width - 2*margin) / s.advance,
		}
	}
	margin, gap := b.font*2/5, b.font
	x := margin + timecodeChars(t.rate)*l.advance + gap
	return places{
		timecode:     point{margin, top(l, 0, 1)},
		number:       point{x, top(s, 0, 2)},
		utc:          point{x, top(s, 1, 2)},
		channel:      point{-margin, top(s, 0, 2)},
		channelChars: (width-margin-x)/s.advance - numberChars - 1,
		rule:         x - gap/2,
	}
}

// drawCells draws a text that doesn't change, one character a cell.
func drawCells(dc *gg.Context, f *truetype.Font, size int, m metrics, at point, text []rune, width int) {
	dc.SetFontFace(newFace(f, size))
	x := at.x
	if x < 0 {
		x += width - len(text)*m.advance
	}
	for i, c := range text {
		dc.DrawString(string(c), float64(x+i*m.advance), float64(at.y+m.capital))
	}
}

// cut shortens a name to a number of characters, the last of which then is an ellipsis.
func cut(name string, chars int) []rune {
	text := []rune(name)
	if len(text) <= chars {
		return text
	}
	return append(text[:max(0, chars-1):max(0, chars-1)], '…')[:max(0, chars)]
}

// render writes the bar of frame n to dst, which begins at the bar's first row.
func (t *textBar) render(dst []byte, stride int, n int64) {
	copy(dst, t.pixels)
	t.each(n, func(_ int, g *glyphs, at int, text []byte, below int) { g.draw(dst, stride, at, text, below) })
}

// texts is how many texts change from frame to frame.
const texts = 3

// each hands over the texts of frame n in the order in which they are drawn, each with the arguments of glyphs.draw.
func (t *textBar) each(n int64, draw func(i int, g *glyphs, at int, text []byte, below int)) {
	// The number first: where a timecode of three digits a frame reaches into its field, that is padding, or the # of a
	// number that no stream lives to see.
	draw(0, t.small, t.number, t.numberText(n), t.small.below)
	draw(1, t.large, t.timecode, t.timecodeText(n), t.large.tail)
	draw(2, t.small, t.utc, t.utcText(n), t.small.below)
}

// timecodeText is media.Timecode's text, without allocating. The result is valid until the next text is made.
func (t *textBar) timecodeText(n int64) []byte {
	tc := media.TimecodeAt(n, t.rate, t.drop)
	out := append(digits(t.buf[:0], int64(tc.Hours), 2), ':')
	out = append(digits(out, int64(tc.Minutes), 2), ':')
	out = digits(out, int64(tc.Seconds), 2)
	if tc.Drop {
		out = append(out, ';')
	} else {
		out = append(out, ':')
	}
	return digits(out, int64(tc.Frames), tc.FrameDigits())
}

func (t *textBar) numberText(n int64) []byte {
	out := digits(append(t.buf[:0], '#'), n, 1)
	if pad := numberChars - len(out); t.alignRight && pad > 0 {
		out = append(out, "              "[:pad]...) // grown first, then moved: the two overlap
		copy(out[pad:], out[:numberChars-pad])
		copy(out, "              "[:pad])
	}
	return out
}

// utcText is the nominal UTC of frame n, rounded down to a millisecond; >9999 in years with five digits.
func (t *textBar) utcText(n int64) []byte {
	// MaxFrame has 44 bits, and the parts of a rate have 18.
	s, rem := n*t.rate.Den/t.rate.Num, n*t.rate.Den%t.rate.Num
	// Milliseconds of the epoch are whole, so rounding the sum down is rounding this part down.
	ms := rem*1000/t.rate.Num + t.epochMilli
	at := time.Unix(t.epochSec+s+ms/1000, ms%1000*int64(time.Millisecond)).UTC()
	if at.Year() > 9999 {
		return append(t.buf[:0], ">9999"...)
	}
	return at.AppendFormat(t.buf[:0], "2006-01-02 15:04:05.000Z")
}

// digits appends v, which isn't negative, in decimal with at least width digits.
func digits(out []byte, v int64, width int) []byte {
	at := len(out)
	for v > 0 || width > 0 {
		out = append(out, '0'+byte(v%10))
		v /= 10
		width--
	}
	for i, j := at, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}
