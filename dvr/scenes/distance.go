package scenes

import "math"

// colourDistance is the share of the picture, 0 to 1, whose colour is new: it can't be explained by the colours of the
// picture before, each moved by no more than one bin of Cb and Cr.
//
// What moves from where is a transport problem. Taking from the first neighbour that has something left, in the order of
// the bins, finds a solution that is the best in one dimension and near it in two; the best of eight orders is taken.
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

// colourTransport is what is not explained when the bins are taken in one of eight orders: lines or columns, each from
// either end.
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
	// sameLevels is how much a cell of the small picture may differ from all that was around it without counting;
	// otherLevels is where it counts in full.
	sameLevels, otherLevels = 16, 48
)

// placeDistance is the share of the cells of the small picture, 0 to 1, that show something which was not there before:
// their luma is outside of what the cell and its neighbours had.
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
	// sameTint is how much the mean of Cb or Cr in a cell of the small picture may change without counting, which is more
	// than any coding does; otherTint is where it counts in full. Between a grey and a pure colour are 90 levels and more.
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
