package generator

import "github.com/refstream/refstream/media"

const (
	// quiet is the mean square, of levels of 32767, below which nothing is looked for: -50 dB.
	quiet = 100 * 100
	// blockLength bounds the memory of a search, however long the sound is: 2 s.
	blockLength = 2 * media.SampleRate
	// searchStep is how far apart codes are looked for: so that one of them has nine tenths of each bit.
	searchStep = bitLength / 10
)

// SampleCode is a sample code that was found.
type SampleCode struct {
	// At is the index of its first sample, and Sample that one's number.
	At     int
	Sample int64
}

// ReadSampleCodes finds the sample codes in the left channel, in order; each must be there whole. What it finds is exact to the
// sample, also behind a lossy encoder. A code that is damaged is left out: each bit must be nearly a pure tone, and sync and
// checksum right.
func ReadSampleCodes(left []int16) (list []SampleCode) {
	for from := 0; from+codeLength <= len(left); from += blockLength {
		block := left[from:min(from+blockLength+codeLength, len(left))]
		s := newCodeSearch(block)
		for at := 0; at+codeLength <= len(block) && at < blockLength; at += searchStep {
			second, ok := s.read(at)
			if !ok {
				continue
			}
			end := at // all places at which it can be read are around its own
			for again, ok := s.read(end); ok && again == second; again, ok = s.read(end) {
				end += searchStep
			}
			template, code := make([]int16, codeLength), sampleCode(second)
			for k := range template {
				template[k] = level(codePhase(code, int64(k)), codeLevel)
			}
			middle := (at + end - searchStep) / 2
			best := peak(left, template, from+middle-bitLength/2, from+middle+bitLength/2)
			whole := best >= 0 && best+codeLength <= len(left)
			if n := len(list); whole && (n == 0 || list[n-1].At != best) { // not one that the block before had as well
				list = append(list, SampleCode{best, second*media.SampleRate + codeStart})
			}
			at += codeLength - searchStep
		}
	}
	return list
}

// codeSearch has sums over the samples before each, so that what a bit holds of a tone is a difference.
type codeSearch struct {
	squares []int64
	tones   [2][2][]int64 // of the products with sine and cosine of the tones of 0 and 1
}

func newCodeSearch(pcm []int16) *codeSearch {
	s := &codeSearch{squares: make([]int64, len(pcm)+1)}
	for tone, period := range [...]int{zeroPeriod, onePeriod} {
		for part := range s.tones[tone] {
			sums := make([]int64, len(pcm)+1)
			var wave [zeroPeriod]int64
			for i := range wave {
				wave[i] = sine(uint32(1<<32/period*i)+uint32(part)<<30) >> 16
			}
			for i, v := range pcm {
				sums[i+1] = sums[i] + int64(v)*wave[i%period]
			}
			s.tones[tone][part] = sums
		}
	}
	for i, v := range pcm {
		s.squares[i+1] = s.squares[i] + int64(v)*int64(v)
	}
	return s
}

// read reads a code whose first sample is about at.
func (s *codeSearch) read(at int) (second int64, ok bool) {
	var code uint64
	for i := range codeBits {
		if at+(i+1)*bitLength >= len(s.squares) {
			return 0, false
		}
		bit, ok := s.bit(at + i*bitLength)
		if !ok {
			return 0, false
		}
		if code = code<<1 | bit; i == syncBits-1 && code != soundSync {
			return 0, false
		}
	}
	second = int64(code >> crcBits & (1<<secondBits - 1))
	return second, sampleCode(second) == code
}

// bit is the bit that begins at a sample; ok is false where neither tone has most of the energy.
func (s *codeSearch) bit(at int) (bit uint64, ok bool) {
	energy := s.squares[at+bitLength] - s.squares[at]
	if energy < quiet*bitLength {
		return 0, false
	}
	var tones [2]int64
	for tone, parts := range s.tones {
		for _, sums := range parts {
			v := (sums[at+bitLength] - sums[at]) >> 14 // of waves of 2^14
			tones[tone] += v * v
		}
	}
	if tones[1] > tones[0] {
		bit = 1
	}
	// All of the energy of a pure tone is energy*bitLength/2 here.
	return bit, 4*tones[bit] > energy*bitLength && tones[bit] > 4*tones[1-bit]
}

// FindBeeps finds the beeps in the right channel: the indices of their first samples, in order, exact to the sample also behind a
// lossy encoder.
func FindBeeps(right []int16) (list []int) {
	template, power := make([]int16, headLength), int64(0)
	for k := range template {
		template[k] = level(beepPhase(int64(k)), beepLevel)
		power += int64(template[k]) * int64(template[k])
	}
	energy := int64(0)
	for i, v := range right {
		energy += int64(v) * int64(v)
		at := i - headLength + 1
		if at > 0 {
			energy -= int64(right[at-1]) * int64(right[at-1])
		}
		if at < 0 || energy < quiet*headLength || len(list) > 0 && at < list[len(list)-1]+headLength {
			continue
		}
		if !alike(correlate(right, template, at), energy, power) {
			continue
		}
		if best := peak(right, template, at-headLength/8, at+headLength/8); best >= 0 { // its head may be cut off
			list = append(list, best)
		}
	}
	return list
}

// alike reports whether a correlation is more than half of that of equals: at least 0.7 of the root of both energies.
func alike(c, energy, power int64) bool {
	c >>= 10
	return c*c > (energy>>10)*(power>>10)/2
}

// peak is where from..to the template fits best.
func peak(pcm, template []int16, from, to int) (best int) {
	most := int64(0)
	for at := from; at <= to; at++ {
		if c := correlate(pcm, template, at); c > most {
			best, most = at, c
		}
	}
	return best
}

// correlate is the sum of the products of the template's samples with those from at on, of which some may be missing, without its
// sign: some equipment inverts sound.
func correlate(pcm, template []int16, at int) (sum int64) {
	if at < 0 {
		template, at = template[-at:], 0
	}
	pcm = pcm[at:]
	for i, v := range template[:min(len(template), len(pcm))] {
		sum += int64(pcm[i]) * int64(v)
	}
	return max(sum, -sum)
}
