package scenes

const (
	// colourBins is how many bins Cb and Cr have each. One is 16 levels wide: noise and coding move colours by less.
	colourBins = 16
	// greyBins is how many bins luma has, 8 levels wide each.
	greyBins = 32
	// thumbWidth and thumbHeight are the size of the small picture, in cells.
	thumbWidth, thumbHeight = 32, 18
	// sampleColumns is about how many samples are taken of a line at least: enough for one part in a thousand of a
	// picture to count.
	sampleColumns = 240
)

// thumb is a small picture of one component.
type thumb [thumbWidth * thumbHeight]float64

// look is what a picture looks like, as far as changes of it are measured. Where in the picture a colour stands is left
// out of the first two, so that what moves does not change them.
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
