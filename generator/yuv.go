package generator

// The conversion from full range RGB to BT.709 in limited range (ITU-R BT.709-6, 3.2 to 3.5), as the encoder has ffmpeg do it: the
// same integers and the same rounding as ffmpeg's scaler with accurate_rnd and area, whose chroma is the mean of the four
// pixels that share it.
const (
	coefficientBits = 15
	// fractionBits of a level are kept until the chroma of two rows is added.
	fractionBits = 6

	yR, yG, yB = 5983, 20127, 2032
	uR, uG, uB = -3298, -11094, 14392
	vR, vG, vB = 14392, -13073, -1320

	blackLuma, noChroma = 16, 128
)

// luma is the Y of a colour.
func luma(r, g, b int) byte {
	const shift = coefficientBits - fractionBits
	y := (yR*r + yG*g + yB*b + blackLuma<<coefficientBits + 1<<(shift-1)) >> shift
	return byte((y + 1<<(fractionBits-1)) >> fractionBits)
}

// chroma is the Cb and Cr of two pixels side by side, of which r, g and b are the sums, with fractionBits.
func chroma(r, g, b int) (u, v int) {
	const shift, offset = coefficientBits - fractionBits + 1, 2*noChroma<<coefficientBits + 1<<(coefficientBits-fractionBits)
	return (uR*r + uG*g + uB*b + offset) >> shift, (vR*r + vG*g + vB*b + offset) >> shift
}

// mean is the level of two rows' chroma.
func mean(a, b int) byte { return byte((a + b + 1<<fractionBits) >> (fractionBits + 1)) }

// yuv is a YUV 4:2:0 picture of an even width: its three planes.
type yuv struct {
	width   int
	y, u, v []byte
}

// yuvOf takes a buffer of media.YUV420P apart.
func yuvOf(b []byte, width, height int) yuv {
	n := width * height
	return yuv{width, b[:n], b[n : n+n/4], b[n+n/4 : n+n/2]}
}

// from is the picture from an even line on.
func (p yuv) from(line int) yuv {
	half := line / 2 * p.width / 2
	return yuv{p.width, p.y[line*p.width:], p.u[half:], p.v[half:]}
}

// convert fills the part of the picture between two columns and two lines, all even, from rgb24 of the same size.
func (p yuv) convert(rgb []byte, x0, y0, x1, y1 int) {
	const pair = 2 * bytesPerPixel
	stride := p.width * bytesPerPixel
	for y := y0; y < y1; y += 2 {
		above := rgb[y*stride+x0*bytesPerPixel : y*stride+x1*bytesPerPixel]
		below := rgb[(y+1)*stride+x0*bytesPerPixel:][:len(above)]
		luma0 := p.y[y*p.width+x0 : y*p.width+x1]
		luma1 := p.y[(y+1)*p.width+x0:][:len(luma0)]
		at := (y*p.width/2 + x0) / 2
		us, vs := p.u[at:at+len(luma0)/2], p.v[at:at+len(luma0)/2]
		for i := range us {
			a, b := above[i*pair:i*pair+pair], below[i*pair:i*pair+pair]
			luma0[2*i], luma0[2*i+1] = luma(int(a[0]), int(a[1]), int(a[2])), luma(int(a[3]), int(a[4]), int(a[5]))
			luma1[2*i], luma1[2*i+1] = luma(int(b[0]), int(b[1]), int(b[2])), luma(int(b[3]), int(b[4]), int(b[5]))
			u0, v0 := chroma(int(a[0])+int(a[3]), int(a[1])+int(a[4]), int(a[2])+int(a[5]))
			u1, v1 := chroma(int(b[0])+int(b[3]), int(b[1])+int(b[4]), int(b[2])+int(b[5]))
			us[i], vs[i] = mean(u0, u1), mean(v0, v1)
		}
	}
}
