package generator

import "math/rand/v2"

const (
	// noisePixels is how many values of noise there are, a power of two: what lies over a stretch of the board begins
	// anywhere among them, so that no two pictures have an area in common that an encoder could copy.
	noisePixels = 1 << noiseBits
	noiseBits   = 16
)

// noise is Gaussian noise of brightness over the board: the same in all three channels, for the board is grey and stays so.
//
// It is a pure function of seed, frame and place. So that rendering is copying, each colour of the board is held with the
// noise on it, noisePixels long, and where a stretch of one colour in a line begins in that is a hash of seed, frame, line
// and stretch. Only integers are used: every machine makes the same noise.
type noise struct {
	seed uint64
	// edges are those of the board's columns, from 0 to the picture's width.
	edges []int
	// flat are the light, the dark and the event's colour under the noise, longer than noisePixels by the widest column: rgb24, or
	// a byte of luma a pixel.
	flat  [3][]byte
	bytes int       // of a pixel
	line  []stretch // the one that is being rendered
}

// stretch is the pixels of one colour in a line, from x to end-1. place is that of the first pixel in flat[colour].
type stretch struct{ x, end, colour, place int }

// Indexes of flat: the sum of a square's row and column, modulo 2, or the event's.
const flatEvent = 2

// newNoise prepares the noise of valid options.
func newNoise(o Options) *noise {
	g := o.grid()
	p := &noise{seed: Mix(o.Seed), bytes: bytesPerPixel, line: make([]stretch, 0, g.columns+1)}
	widest := 0
	for c := range g.columns {
		p.edges = append(p.edges, g.columnEdge(c))
	}
	p.edges = append(p.edges, g.width)
	for c := range g.columns {
		widest = max(widest, p.edges[c+1]-p.edges[c])
	}
	values := gaussian(p.seed, o.Noise)
	for i, colour := range [...]rgb{lightColour(), darkColour(), eventColour()} {
		flat := make([]byte, 0, (noisePixels+widest)*bytesPerPixel)
		for k := range noisePixels + widest {
			for _, v := range colour {
				flat = append(flat, byte(min(max(int(v)+values[k%noisePixels], 0), 255)))
			}
		}
		p.flat[i] = flat
	}
	return p
}

// gaussian draws noisePixels values of the normal distribution of mean 0 and standard deviation sigma, rounded. Each is the
// sum of twelve uniform ones, which comes near it and ends at six sigma.
func gaussian(seed uint64, sigma int) []int {
	const uniform = 1 << 16 // the standard deviation of twelve numbers below it, added up
	src := rand.NewPCG(seed, Mix(seed))
	values := make([]int, noisePixels)
	for i := range values {
		sum := -6*uniform + 6 // twelve of mean (uniform-1)/2
		for range 3 {
			for u := src.Uint64(); u > 0; u >>= 16 {
				sum += int(u % uniform)
			}
		}
		values[i] = (sum*sigma + uniform/2) >> 16 // rounded to the nearest
	}
	return values
}

// render writes the board of frame n to a plane, rows of stride bytes.
func (p *noise) render(dst []byte, stride int, o Options, n int64, event bool) {
	g, at := o.grid(), o.offset(n)
	for row := range g.rows {
		for y := g.rowEdge(row); y < g.rowEdge(row+1); y++ {
			p.line = p.cut(p.line[:0], n, y, row, at, event && row == g.rows/2)
			for _, s := range p.line {
				copy(dst[y*stride+s.x*p.bytes:y*stride+s.end*p.bytes], p.flat[s.colour][s.place*p.bytes:])
			}
		}
	}
}

// cut divides line y of the picture of frame n, which has rolled at pixels to the left, in row of the board, and appends the
// stretches to list. event states that the first square is in the event's colour.
func (p *noise) cut(list []stretch, n int64, y, row, at int, event bool) []stretch {
	// A linear congruential generator, seeded by a hash, whose upper bits are the places (Knuth, MMIX).
	const multiplier, increment = 6364136223846793005, 1442695040888963407
	h := Mix(p.seed ^ Mix(uint64(n)<<16^uint64(y))) // lines have 13 bits
	last := len(p.edges) - 1
	c := 0
	for p.edges[c+1] <= at {
		c++
	}
	width, shift := p.edges[last], -at
	for x := 0; x < width; {
		end, colour := min(p.edges[c+1]+shift, width), (row+c)%2
		if event && c == 0 {
			colour = flatEvent
		}
		h = h*multiplier + increment
		list = append(list, stretch{x, end, colour, int(h >> (64 - noiseBits))})
		x = end
		if c++; c == last {
			c, shift = 0, shift+width
		}
	}
	return list
}

// Mix is the output function of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
// 2014) after one step: every bit of z changes half of the result's bits.
func Mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
