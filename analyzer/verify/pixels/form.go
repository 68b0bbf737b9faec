package pixels

// form is a way in which pictures were brought into another form.
type form string

// Padded is the form of pictures with borders around them; all others are mirrored.
const Padded form = "padded"

// formChange undoes a change of form. undo returns nil where the picture can't have been changed so.
type formChange struct {
	Form form
	undo func(yuv []byte) []byte
}

// Forms are the changes that are recognized. What is cropped has lost a part of its frame code: it
// can't be read. Blended pictures are found by what is around them.
func Forms() []formChange {
	return []formChange{
		{"mirrored", func(yuv []byte) []byte { return flip(yuv, true, false) }},
		{"upside down", func(yuv []byte) []byte { return flip(yuv, true, true) }},
		{"mirrored and upside down", func(yuv []byte) []byte { return flip(yuv, false, true) }},
		{Padded, unpad},
	}
}

// planes calls do for each plane of a picture, with where it begins and its size.
func planes(do func(at, width, height int)) {
	const half = 2
	do(0, meterWidth, meterHeight)
	do(lumaSize, meterWidth/half, meterHeight/half)
	do(lumaSize+chromaSize, meterWidth/half, meterHeight/half)
}

// flip mirrors a picture.
func flip(yuv []byte, sides, ends bool) []byte {
	out := make([]byte, pictureSize)
	planes(func(at, width, height int) {
		for y := range height {
			for x := range width {
				fromX, fromY := x, y
				if sides {
					fromX = width - 1 - x
				}
				if ends {
					fromY = height - 1 - y
				}
				out[at+y*width+x] = yuv[at+fromY*width+fromX]
			}
		}
	})
	return out
}

// borderLevel is the luma that the borders of a padded picture are darker than: black is 16.
const borderLevel = 24

// unpad scales what lies within black borders to the size of the picture.
func unpad(yuv []byte) []byte {
	luma := yuv[:lumaSize]
	x0, y0, x1, y1 := 0, 0, meterWidth, meterHeight
	dark := func(ax, ay, bx, by int) bool {
		for y := ay; y < by; y++ {
			for x := ax; x < bx; x++ {
				if luma[y*meterWidth+x] > borderLevel {
					return false
				}
			}
		}
		return true
	}
	for y0 < y1 && dark(0, y0, meterWidth, y0+1) {
		y0++
	}
	for y1 > y0 && dark(0, y1-1, meterWidth, y1) {
		y1--
	}
	for x0 < x1 && dark(x0, 0, x0+1, meterHeight) {
		x0++
	}
	for x1 > x0 && dark(x1-1, 0, x1, meterHeight) {
		x1--
	}
	if x1-x0 == meterWidth && y1-y0 == meterHeight || x1 <= x0 || y1 <= y0 {
		return nil
	}
	out := make([]byte, pictureSize)
	planes(func(at, width, height int) {
		for y := range height {
			for x := range width {
				px := (x0 + (2*x+1)*(x1-x0)/(2*width)) * width / meterWidth
				py := (y0 + (2*y+1)*(y1-y0)/(2*height)) * height / meterHeight
				out[at+y*width+x] = yuv[at+py*width+px]
			}
		}
	})
	return out
}
