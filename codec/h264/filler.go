package h264

// MinFiller is the length of the shortest filler NAL unit: its header and the trailing bits.
const MinFiller = 2

// Filler makes a filler data NAL unit of n bytes (H.264, 7.3.2.7), at least MinFiller. It may be anywhere behind the first
// slice of a primary coded picture (7.4.1.2.3), and decoders drop it.
func Filler(n int) []byte {
	nal := make([]byte, n)
	nal[0] = byte(NALFiller)
	for i := 1; i < n-1; i++ {
		nal[i] = 0xFF
	}
	nal[n-1] = 0x80 // rbsp_trailing_bits
	return nal
}
