package pixels

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
