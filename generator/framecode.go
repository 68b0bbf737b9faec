package generator

// The frame code is a strip over the full width of the picture, lines 0 to height/9-1: two rows of 32 cells, each
// black or white for a bit of 0 or 1. Cell (r, c) spans the pixels c*width/32 to (c+1)*width/32-1 and the lines
// r*height/18 to (r+1)*height/18-1, divisions rounded down.
//
// Row 0 holds the bits 1 0 (sync) and the upper 30 bits of a word of 60; row 1 holds 0 1 and the lower 30 bits, most
// significant first. The word is the frame number in 44 bits and CRC-16/CCITT-FALSE over the number as 6 bytes,
// big-endian.
const (
	codeRows    = 2
	codeColumns = 32
	// codeRowParts is the number of code rows that would fill the picture's height.
	codeRowParts = 18
	syncRow0     = 0b10
	syncRow1     = 0b01
	rowBits      = 30
	crcBits      = 16
	// minContrast is how far apart, of 255, the sync cells' means must be. Limited range leaves 219 and heavy
	// encoding little less; noise and pictures without a code mostly stay below it.
	minContrast = 64
)

// frameCode is the code of frame n, 0 <= n <= MaxFrame: each row's 32 cells from the most significant bit.
func frameCode(n int64) [codeRows]uint32 {
	word := uint64(n)<<crcBits | uint64(frameCRC(n))
	const mask = 1<<rowBits - 1
	return [codeRows]uint32{
		syncRow0<<rowBits | uint32(word>>rowBits&mask),
		syncRow1<<rowBits | uint32(word&mask),
	}
}

// frameCRC is CRC-16/CCITT-FALSE (ITU-T V.41's polynomial 0x1021, initial value 0xFFFF) over n as 6 bytes.
func frameCRC(n int64) uint16 {
	crc := uint16(0xFFFF)
	for shift := 40; shift >= 0; shift -= 8 {
		crc ^= uint16(byte(n>>shift)) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

// ReadFrameCode reads the frame number out of a picture: 8-bit luma or grey, limited or full range, of any size down
// to 64x36, scaled from the original in any proportion but neither cropped nor padded. stride is the distance of
// lines in bytes, at least width.
//
// ok is false, and n is 0, if there is no code, if it is damaged, or if the arguments don't describe a picture. A
// picture that holds none is taken for a code with a probability of at most 2^-20.
func ReadFrameCode(luma []byte, stride, width, height int) (n int64, ok bool) {
	means, white, black, ok := codeMeans(luma, stride, width, height)
	if !ok {
		return 0, false
	}
	threshold := (white + black) / 2

	var rows [codeRows]uint32
	for r := range means {
		for _, m := range means[r] {
			rows[r] <<= 1
			if m > threshold {
				rows[r] |= 1
			}
		}
	}
	n = int64((uint64(rows[0])<<rowBits&(1<<(2*rowBits)-1) | uint64(rows[1]&(1<<rowBits-1))) >> crcBits)
	// Comparing the whole code checks the sync cells and the checksum at once.
	if frameCode(n) != rows {
		return 0, false
	}
	return n, true
}

// codeMeans are the means of the cells, and those of the white and the black sync cells; ok is false where the picture is too
// small or has no such contrast.
func codeMeans(luma []byte, stride, width, height int) (means [codeRows][codeColumns]int, white, black int, ok bool) {
	// Cells need a middle that is free of their neighbours, so at least two pixels each way.
	if width < 2*codeColumns || height < 2*codeRowParts || stride < width || len(luma) < width ||
		height-1 > (len(luma)-width)/stride {
		return means, 0, 0, false
	}
	for r := range means {
		for c := range means[r] {
			means[r][c] = cellMean(luma, stride, width, height, r, c)
		}
	}
	white = (means[0][0] + means[1][1]) / 2
	black = (means[0][1] + means[1][0]) / 2
	return means, white, black, white-black >= minContrast*meanScale
}

// meanScale is the unit of cellMean: the fraction matters little, but costs nothing.
const meanScale = 256

// cellMean is the mean of the middle half of a cell, in 1/256 of a level: scaling and encoding smear the neighbours into the rest.
func cellMean(luma []byte, stride, width, height, row, column int) int {
	x0, x1 := middle(column, width, codeColumns)
	y0, y1 := middle(row, height, codeRowParts)
	sum := 0
	for y := y0; y < y1; y++ {
		for _, v := range luma[y*stride+x0 : y*stride+x1] {
			sum += int(v)
		}
	}
	return sum * meanScale / ((x1 - x0) * (y1 - y0))
}

// middle is the half-open range of the middle half of part i of size/parts, at least one pixel.
func middle(i, size, parts int) (from, to int) {
	from = (4*i + 1) * size / (4 * parts)
	return from, max(from+1, (4*i+3)*size/(4*parts))
}
