package scenes

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"
)

const (
	jpegQuality = 90
	// fixedBits is the fraction of the fixed-point numbers of the conversion: with 8-bit values all fits into 32 bits, and errors are
	// far below one level.
	fixedBits = 16
)

// colourMatrix is how Cb and Cr are made of red, green and blue: matrix_coefficients of ITU-T H.273, 8.3.
type colourMatrix uint8

const (
	matrixBT709       colourMatrix = 1
	matrixUnspecified colourMatrix = 2
	matrixFCC         colourMatrix = 4
	matrixBT601       colourMatrix = 6
	matrixSMPTE240    colourMatrix = 7
	matrixBT2020      colourMatrix = 9
)

// weights is the share of red and blue in luma (H.273, table 4). If unspecified it depends on the size, as in players: small
// pictures have the matrix of standard definition. (ffmpeg takes that one for all sizes.)
func (m colourMatrix) weights(width, height int) (red, blue float64) {
	switch m {
	case matrixBT709:
		return 0.2126, 0.0722
	case matrixFCC:
		return 0.30, 0.11
	case matrixSMPTE240:
		return 0.212, 0.087
	case matrixBT2020:
		return 0.2627, 0.0593
	case matrixUnspecified, 3: // 3 is reserved
		if width >= 1280 || height > 576 {
			return 0.2126, 0.0722
		}
	}
	return 0.299, 0.114
}

// encodeJPEG is the picture as a JPEG file. JFIF (ITU-T T.871) has the matrix of BT.601 and the full range, 0 to 255.
func encodeJPEG(p *picture, m colourMatrix) ([]byte, error) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, toFullRange(p, m), &jpeg.Options{Quality: jpegQuality}); err != nil {
		return nil, fmt.Errorf("encode JPEG: %w", err)
	}
	return b.Bytes(), nil
}

// toFullRange converts limited range and any matrix to those of JFIF. Both are linear in luma, Cb and Cr, and keep grey.
func toFullRange(p *picture, m colourMatrix) *image.YCbCr {
	kr, kb := m.weights(p.width, p.height)
	const jr, jb = 0.299, 0.114
	fixed := func(v float64) int { return int(math.Round(v * (1 << fixedBits))) }
	// What (Cb, Cr) = (1, 0) and (0, 1) make of red, green and blue, apart from luma: H.273, equations 38 and on.
	mix := func(r, b float64) (luma, cb, cr int) {
		g := -(kr*r + kb*b) / (1 - kr - kb)
		y := jr*r + (1-jr-jb)*g + jb*b
		const chroma = 255.0 / 224
		return fixed(255.0 / 224 * y), fixed(chroma * (b - y) / (2 * (1 - jb))), fixed(chroma * (r - y) / (2 * (1 - jr)))
	}
	bToY, bToB, bToR := mix(0, 2*(1-kb))
	rToY, rToB, rToR := mix(2*(1-kr), 0)
	luma := fixed(255.0 / 219)

	out := image.NewYCbCr(image.Rect(0, 0, p.width, p.height), image.YCbCrSubsampleRatio420)
	const half = 1 << (fixedBits - 1)
	for y := range p.height / 2 {
		for x := range p.width / 2 {
			cb, cr := int(p.u[y*p.chromaStride+x])-128, int(p.v[y*p.chromaStride+x])-128
			out.Cb[y*out.CStride+x] = clamp(128 + (cb*bToB+cr*rToB+half)>>fixedBits)
			out.Cr[y*out.CStride+x] = clamp(128 + (cb*bToR+cr*rToR+half)>>fixedBits)
			add := cb*bToY + cr*rToY + half
			for dy := range 2 {
				for dx := range 2 {
					v := int(p.y[(2*y+dy)*p.width+2*x+dx]) - 16
					out.Y[(2*y+dy)*out.YStride+2*x+dx] = clamp((v*luma + add) >> fixedBits)
				}
			}
		}
	}
	return out
}

func clamp(v int) uint8 { return uint8(max(0, min(255, v))) }
