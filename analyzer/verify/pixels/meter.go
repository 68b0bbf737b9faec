package pixels

import (
	"slices"

	"github.com/refstream/refstream/generator"
)

// Size of the pictures that are measured. The cells of the frame code are 20x20 pixels in it, and the block of an event
// at least as large; whatever the size of the stream, all measures are the same.
const (
	meterWidth, meterHeight = 640, 360
	lumaSize                = meterWidth * meterHeight
	chromaSize              = lumaSize / 4 // of each plane: 4:2:0
	pictureSize             = lumaSize + 2*chromaSize
)

// Levels, limited range, ITU-R BT.709.
const (
	// blackLevel is the mean luma that no picture of the stream is as dark as: black is 16, the board's mean about 130.
	blackLevel = 40
	// enoughGrey is how many cells two codes differ in at the least: a CRC tells up to three changed bits.
	enoughGrey = 4
	// grey is the level of both planes of colour without colour, and cast how far white is from it at the least in a picture with a
	// colour cast: half of what the weakest tint does.
	grey, cast = 128, 20
	// eventLevel is the level of Cr that divides the block's cyan, 16, from the board's greys, 128.
	eventLevel = 72
)

// Picture is what one decoded picture shows.
type Picture struct {
	// PTS is in ticks, where timed says that it has one.
	PTS   int64
	Timed bool
	// Frame is the number in its code, -1 where that can't be read.
	Frame int64
	Black bool
	// Tinted: the whole picture has a colour cast.
	Tinted bool
	// Known is the frame that the picture's frame record names, where its code can't be read; 0 for none.
	Known int64
	// Stale: the picture showed an older frame, since one that it refers to is lost.
	Stale bool
	// Form says how the picture was brought into another form, before its code could be read; empty for not at all.
	Form Form
	// Levels are those of a code that is neither black nor white throughout, nil for any other; blended are the first and the
	// last of the frames that it is a mix of, where that is known.
	Levels  *generator.CodeLevels
	Blended *[2]int64
	// Event says whether the block of events is in their colour. It is not known without a frame number.
	Event bool
}

type meter struct {
	options generator.Options
}

// measure looks at a picture of meterWidth x meterHeight in yuv420p, of pictureSize bytes.
func (m meter) measure(yuv []byte) Picture {
	p, ok := m.read(yuv)
	p.Tinted = tinted(yuv[lumaSize:])
	levels, sync := generator.ReadCodeLevels(yuv[:lumaSize], meterWidth, meterWidth, meterHeight)
	if sync && levels.Grey() >= enoughGrey {
		p.Levels = &levels
	}
	if ok {
		return p
	}
	luma := yuv[:lumaSize]
	if mean(luma, meterWidth, 0, 0, meterWidth, meterHeight) < blackLevel {
		return Picture{Frame: -1, Black: true}
	}
	for _, f := range Forms() {
		if again := f.undo(yuv); again != nil {
			if p, ok := m.read(again); ok {
				p.Form, p.Tinted = f.Form, tinted(yuv[lumaSize:])
				return p
			}
		}
	}
	return p
}

// tinted reports whether the white cells that every frame code begins with have a colour.
func tinted(chroma []byte) bool {
	const width, cell = meterWidth / 2, meterWidth / 2 / 32
	return slices.ContainsFunc([][]byte{chroma[:chromaSize], chroma[chromaSize:]}, func(plane []byte) bool {
		low, high := 255, 0
		for _, at := range []int{0, cell} {
			v := mean(plane, width, at+cell/4, at+cell/4, at+cell*3/4, at+cell*3/4)
			low, high = min(low, v), max(high, v)
		}
		return high <= grey-cast || low >= grey+cast
	})
}

func (m meter) read(yuv []byte) (Picture, bool) {
	n, ok := generator.ReadFrameCode(yuv[:lumaSize], meterWidth, meterWidth, meterHeight)
	if !ok {
		return Picture{Frame: -1}, false
	}
	return Picture{Frame: n, Event: m.event(yuv[lumaSize+chromaSize:pictureSize], n)}, true
}

// event looks at the middle of the block, a quarter of its area, in the plane of Cr.
func (m meter) event(red []byte, n int64) bool {
	const planeWidth, planeHeight = meterWidth / 2, meterHeight / 2
	b := m.options.BlockAt(n)
	y0, y1 := middle(b.Y, b.Height, m.options.Height, planeHeight)
	sum, columns := 0, 0
	// The block may go on at the left edge: column by column.
	x0, x1 := middle(b.X, b.Width, m.options.Width, planeWidth)
	for x := x0; x < x1; x++ {
		sum += mean(red, planeWidth, x%planeWidth, y0, x%planeWidth+1, y1)
		columns++
	}
	return sum < eventLevel*columns
}

// middle is the middle half of a stretch, scaled: at least one pixel.
func middle(at, length, size, scaled int) (from, to int) {
	from = (4*at + length) * scaled / (4 * size)
	return from, max(from+1, (4*at+3*length)*scaled/(4*size))
}

func mean(plane []byte, stride, x0, y0, x1, y1 int) int {
	sum := 0
	for y := y0; y < y1; y++ {
		for _, v := range plane[y*stride+x0 : y*stride+x1] {
			sum += int(v)
		}
	}
	return sum / ((x1 - x0) * (y1 - y0))
}

// Form is a way in which pictures were brought into another form.
type Form string

// Padded is the form of pictures with borders around them; all others are mirrored.
const Padded Form = "padded"

// FormChange undoes a change of form. undo returns nil where the picture can't have been changed so.
type FormChange struct {
	Form Form
	undo func(yuv []byte) []byte
}

// Forms are the changes that are recognized. What is cropped has lost a part of its frame code: it
// can't be read. Blended pictures are found by what is around them.
func Forms() []FormChange {
	return []FormChange{
		{"mirrored", func(yuv []byte) []byte { return flip(yuv, true, false) }},
		{"upside down", func(yuv []byte) []byte { return flip(yuv, true, true) }},
		{"mirrored and upside down", func(yuv []byte) []byte { return flip(yuv, false, true) }},
		{Padded, unpad},
	}
}

// resample makes a picture of another one: from is where each pixel of a plane of this size comes from.
func resample(yuv []byte, from func(x, y, width, height int) (int, int)) []byte {
	out := make([]byte, 0, pictureSize)
	for _, size := range [][2]int{{meterWidth, meterHeight}, {meterWidth / 2, meterHeight / 2}, {meterWidth / 2, meterHeight / 2}} {
		plane := yuv[len(out):]
		for y := range size[1] {
			for x := range size[0] {
				fromX, fromY := from(x, y, size[0], size[1])
				out = append(out, plane[fromY*size[0]+fromX])
			}
		}
	}
	return out
}

func flip(yuv []byte, sides, ends bool) []byte {
	return resample(yuv, func(x, y, width, height int) (int, int) {
		if sides {
			x = width - 1 - x
		}
		if ends {
			y = height - 1 - y
		}
		return x, y
	})
}

// borderLevel is the luma that the borders of a padded picture are darker than: black is 16.
const borderLevel = 24

// unpad scales what lies within black borders to the size of the picture.
func unpad(yuv []byte) []byte {
	x0, y0, x1, y1 := meterWidth, meterHeight, 0, 0
	for i, v := range yuv[:lumaSize] {
		if v > borderLevel {
			x, y := i%meterWidth, i/meterWidth
			x0, y0, x1, y1 = min(x0, x), min(y0, y), max(x1, x+1), max(y1, y+1)
		}
	}
	if x1-x0 == meterWidth && y1-y0 == meterHeight || x1 <= x0 {
		return nil
	}
	return resample(yuv, func(x, y, width, height int) (int, int) {
		return (x0 + (2*x+1)*(x1-x0)/(2*width)) * width / meterWidth, (y0 + (2*y+1)*(y1-y0)/(2*height)) * height / meterHeight
	})
}
