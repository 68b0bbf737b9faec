package generator

import (
	"bytes"
	"math"
	"slices"
	"testing"
)

// noiseOver is the noise of each pixel of the board in a line, from the picture without it; it must be the same in all
// channels where none is clipped.
func noiseOver(t *testing.T, o Options, n int64) (values []int, flat []byte) {
	t.Helper()
	noisy := renderFrame(t, newTestRenderer(t, o), n, false)
	o.Noise = 0
	plain := renderFrame(t, newTestRenderer(t, o), n, false)
	g, stride := o.grid(), o.Width*bytesPerPixel
	for y := range o.Height {
		if board := y >= g.top && y < g.bottom; !board && !bytes.Equal(noisy[y*stride:][:stride], plain[y*stride:][:stride]) {
			t.Fatalf("line %d is not of the board and has noise", y)
		}
	}
	noisy, plain = noisy[g.top*stride:g.bottom*stride], plain[g.top*stride:g.bottom*stride]
	for i := 0; i < len(noisy); i += bytesPerPixel {
		v := int(noisy[i]) - int(plain[i])
		for c := range bytesPerPixel {
			if at := noisy[i+c]; at > 0 && at < 255 && noisy[i] > 0 && noisy[i] < 255 && int(at)-int(plain[i+c]) != v {
				t.Fatalf("pixel %d: noise of %d in one channel and %d in another", i/3, v, int(at)-int(plain[i+c]))
			}
		}
		values, flat = append(values, v), append(flat, plain[i])
	}
	return values, flat
}

func moments(values []int) (mean, deviation float64) {
	var sum, squares float64
	for _, v := range values {
		sum += float64(v)
		squares += float64(v * v)
	}
	mean = sum / float64(len(values))
	return mean, math.Sqrt(squares/float64(len(values)) - mean*mean)
}

// correlation of two stretches of noise, which have mean 0.
func correlation(a, b []int) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab, aa, bb = ab+float64(a[i]*b[i]), aa+float64(a[i]*a[i]), bb+float64(b[i]*b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

// TestNoise measures the noise where none of it is clipped: it has the deviation that was asked for, and no likeness to its
// neighbour, the line above or the picture before.
func TestNoise(t *testing.T) {
	for _, sigma := range []int{1, 4, 8} { // dark is 62: seven of its deviations
		for _, size := range [][2]int{{320, 180}, {1280, 720}} {
			o := testOptions(size[0], size[1])
			o.Noise = sigma
			values, _ := noiseOver(t, o, 1000)
			next, _ := noiseOver(t, o, 1001)
			mean, deviation := moments(values)
			rounded := math.Sqrt(float64(sigma*sigma) + 1.0/12)
			if math.Abs(mean) > 0.05*float64(sigma) || math.Abs(deviation-rounded) > 0.03*rounded {
				t.Errorf("%v: noise %d has mean %.3f and deviation %.3f, want 0 and %.3f", size, sigma, mean, deviation, rounded)
			}
			if top := slices.Max(values); top < 3*sigma || top > 6*sigma+1 {
				t.Errorf("%v: the most of noise %d is %d", size, sigma, top)
			}
			w := o.Width
			for name, r := range map[string]float64{
				"the pixel before": correlation(values[1:], values[:len(values)-1]), "the line above": correlation(values[w:], values[:len(values)-w]),
				"the picture before": correlation(values, next),
				"itself, rolled":     correlation(values[o.Roll():], next[:len(values)-o.Roll()]),
			} {
				if math.Abs(r) > 0.03 {
					t.Errorf("%v: noise %d is like %s: %.3f", size, sigma, name, r)
				}
			}
		}
	}
}

// TestNoiseIsAFunction: of seed, frame and place, not of what was rendered before, nor of the event beside it.
func TestNoiseIsAFunction(t *testing.T) {
	o := testOptions(320, 180)
	o.Noise = 16
	r := newTestRenderer(t, o)
	a := renderFrame(t, r, 7, false)
	renderFrame(t, r, 8, true)
	if !bytes.Equal(a, renderFrame(t, r, 7, false)) || !bytes.Equal(a, renderFrame(t, newTestRenderer(t, o), 7, false)) {
		t.Error("a frame has other noise when it is rendered again")
	}
	event, block := renderFrame(t, r, 7, true), o.BlockAt(7)
	for i := 0; i < len(a); i += bytesPerPixel {
		x, y := i/bytesPerPixel%o.Width, i/bytesPerPixel/o.Width
		dx := (x - block.X + o.Width) % o.Width
		inside := dx < block.Width && y >= block.Y && y < block.Y+block.Height
		if !inside && !bytes.Equal(a[i:i+3], event[i:i+3]) {
			t.Fatalf("pixel %d,%d is outside the block and changes with the event", x, y)
		}
	}
	o.Seed++
	if bytes.Equal(a, renderFrame(t, newTestRenderer(t, o), 7, false)) {
		t.Error("another seed has the same noise")
	}
}

// TestNoiseKeepsColours: what is clipped at 0 and 255 moves the mean of a colour by two fifths of the deviation at the most,
// so the event's stays cyan.
func TestNoiseKeepsColours(t *testing.T) {
	for _, sigma := range []int{4, 16, 64} {
		for _, size := range testSizes() {
			o := testOptions(size[0], size[1])
			o.Noise = sigma
			r := newTestRenderer(t, o)
			var sum [3]float64
			pixels := 0.0
			for n := int64(0); pixels < 20_000; n++ {
				picture, b := renderFrame(t, r, n, true), o.BlockAt(n)
				for y := b.Y; y < b.Y+b.Height; y++ {
					for x := b.X; x < b.X+b.Width; x++ {
						for c, v := range picture[(y*o.Width+x%o.Width)*bytesPerPixel:][:3] {
							sum[c] += float64(v)
						}
						pixels++
					}
				}
			}
			most := 0.4*float64(sigma) + 1
			if r, g, b := sum[0]/pixels, sum[1]/pixels, sum[2]/pixels; r > most || g < 255-most || b < 255-most {
				t.Errorf("%v: with noise %d the block is %.1f,%.1f,%.1f", size, sigma, r, g, b)
			}
		}
	}
}
