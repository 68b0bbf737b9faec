package scenes

import "math"

const (
	// colourBins is how many bins Cb and Cr have each. One is 16 levels wide: noise and coding move colours by less.
	colourBins = 16
	greyBins   = 32 // how many bins luma has, 8 levels wide each
	// thumbWidth and thumbHeight are the size of the small picture, in cells.
	thumbWidth, thumbHeight = 32, 18
	sampleColumns           = 240 // how many samples are taken of a line: enough to notice one part in a thousand of a picture
)

// thumb is a small picture of one component.
type thumb [thumbWidth * thumbHeight]float64

// look is the appearance of a picture. The histograms ignore positions, so that movement does not change them.
type look struct {
	colours [colourBins * colourBins]float64 // the share of the picture in each bin of Cb and Cr
	greys   [greyBins]float64                // the share in each bin of luma
	cells   thumb                            // mean luma
	cb, cr  thumb                            // means
}

// lookAt measures a picture, which has at least 2x2 pixels.
func lookAt(p *picture) *look {
	l := &look{}
	var colours [colourBins * colourBins]int
	var greys [greyBins]int
	var sums, cbs, crs, counts [thumbWidth * thumbHeight]int
	w, h := p.width/2, p.height/2
	step := max(1, w/sampleColumns)
	n := 0
	for y := 0; y < h; y += step {
		cb, cr := p.u[y*p.chromaStride:][:w], p.v[y*p.chromaStride:][:w]
		luma := p.y[2*y*p.width:][:p.width]
		row := y * thumbHeight / h * thumbWidth
		for x := 0; x < w; x += step {
			grey := luma[2*x]
			colours[int(cb[x])*colourBins/256*colourBins+int(cr[x])*colourBins/256]++
			greys[int(grey)*greyBins/256]++
			cell := row + x*thumbWidth/w
			sums[cell] += int(grey)
			cbs[cell] += int(cb[x])
			crs[cell] += int(cr[x])
			counts[cell]++
			n++
		}
	}
	for i, c := range colours {
		l.colours[i] = float64(c) / float64(n)
	}
	for i, c := range greys {
		l.greys[i] = float64(c) / float64(n)
	}
	for i, c := range counts {
		n := float64(max(c, 1))
		l.cells[i], l.cb[i], l.cr[i] = float64(sums[i])/n, float64(cbs[i])/n, float64(crs[i])/n
	}
	return l
}

// colourDistance is the share of the picture, 0 to 1, whose colour is new: not explained by the colours of the previous picture,
// each moved by at most one bin of Cb and Cr.
//
// This is a transport problem. A greedy assignment, bin by bin, is optimal in one dimension and nearly so in two; the best of
// eight orders is taken.
func colourDistance(a, b *look) float64 {
	least := 1.0
	for order := range 8 {
		least = min(least, colourTransport(a, b, order))
		if least == 0 {
			break
		}
	}
	return least
}

// colourTransport is the unexplained share for one of eight orders of the bins: by lines or columns, from either end.
func colourTransport(a, b *look, order int) float64 {
	left := b.colours
	bin := func(i, j int) int {
		if order&4 != 0 {
			i = colourBins - 1 - i
		}
		if order&2 != 0 {
			j = colourBins - 1 - j
		}
		if order&1 != 0 {
			i, j = j, i
		}
		return i*colourBins + j
	}
	rest := 0.0
	for i := range colourBins {
		for j := range colourBins {
			v := a.colours[bin(i, j)]
			if v == 0 {
				continue
			}
			for k := max(0, i-1); k <= min(colourBins-1, i+1); k++ {
				for l := max(0, j-1); l <= min(colourBins-1, j+1); l++ {
					from := &left[bin(k, l)]
					m := min(v, *from)
					v -= m
					*from -= m
				}
			}
			rest += v
		}
	}
	return rest
}

// greyDistance is the same for luma.
func greyDistance(a, b *look) float64 {
	left := b.greys
	rest := 0.0
	for i, v := range a.greys {
		for k := max(0, i-1); k <= min(greyBins-1, i+1); k++ {
			m := min(v, left[k])
			v -= m
			left[k] -= m
		}
		rest += v
	}
	return rest
}

const (
	// sameLevels is how far a cell may be outside of what was around it without counting; at otherLevels it counts in full.
	sameLevels, otherLevels = 16, 48
)

// placeDistance is the share of cells, 0 to 1, that show something new: their luma is outside of the range that the cell and its
// neighbours had.
func placeDistance(a, b *look) float64 { return max(placesNew(a, b), placesNew(b, a)) }

func placesNew(a, b *look) float64 {
	sum := 0.0
	for y := range thumbHeight {
		for x := range thumbWidth {
			low, high := 255.0, 0.0
			for k := max(0, y-1); k <= min(thumbHeight-1, y+1); k++ {
				for l := max(0, x-1); l <= min(thumbWidth-1, x+1); l++ {
					v := b.cells[k*thumbWidth+l]
					low, high = min(low, v), max(high, v)
				}
			}
			v := a.cells[y*thumbWidth+x]
			off := max(low-v, v-high)
			sum += max(0, min(1, (off-sameLevels)/(otherLevels-sameLevels)))
		}
	}
	return sum / (thumbWidth * thumbHeight)
}

const (
	// sameTint is how much the mean Cb or Cr of a cell may change without counting, more than by coding; at otherTint it counts in
	// full. A grey and a pure colour differ by 90 levels and more.
	sameTint, otherTint = 16, 64
)

// tintDistance is the share of the cells of the small picture, 0 to 1, whose colour is another than before.
func tintDistance(a, b *look) float64 {
	sum := 0.0
	for i := range a.cb {
		off := max(math.Abs(a.cb[i]-b.cb[i]), math.Abs(a.cr[i]-b.cr[i]))
		sum += max(0, min(1, (off-sameTint)/(otherTint-sameTint)))
	}
	return sum / (thumbWidth * thumbHeight)
}
