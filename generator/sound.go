package generator

import (
	"math/bits"

	"github.com/refstream/refstream/media"
)

// SoundChannels is the number of channels of the sound: left and right.
const SoundChannels = 2

const (
	tickLength = media.SampleRate / 100 // 10 ms: heard as a tick
	// Levels of 32767: a quarter to a half of full scale, so that nothing clips after an encoder.
	tickLevel, codeLevel, beepLevel = 16384, 8192, 12288
	toneHz                          = 1000 // of ticks, and of beeps after their head
	// A beep begins with a sweep, which correlation finds to the sample: 16 ms, as short as a frame at 60 frames/s, and
	// frequencies that every encoder keeps.
	headLength     = 768
	headHz, headTo = 500, 4500
)

// Phases are in turns of 2^32.
const (
	toneStep = toneHz << 32 / media.SampleRate
	headStep = headHz << 32 / media.SampleRate
	headGain = (headTo - headHz) << 32 / media.SampleRate / headLength // what a sample adds to the step of the next
)

// Beep is the samples of an event's beep: First to End-1.
type Beep struct{ First, End int64 }

// RenderSamples writes the sound from sample first on to dst, which it fills: 16 bits for the left channel, then for the right, at
// 48 kHz. The left channel has a tick at the start of each second and the sample code half a second later (see
// ReadSampleCodes). The right one has the beeps, each from its first sample on; they must not overlap. Before sample 0 there is
// silence.
//
// It is a pure function of the sample number and the beeps, in integer arithmetic: the same on every machine and in any pieces.
func RenderSamples(dst []int16, first int64, beeps []Beep) {
	clear(dst)
	for i := range len(dst) / SoundChannels {
		if n := first + int64(i); n >= 0 {
			dst[SoundChannels*i] = leftSample(n)
		}
	}
	for _, b := range beeps {
		last := min(b.End, first+int64(len(dst)/SoundChannels))
		for n := max(b.First, first, 0); n < last; n++ {
			dst[SoundChannels*(n-first)+1] = level(beepPhase(n-b.First), beepLevel)
		}
	}
}

// leftSample is sample n of the left channel.
func leftSample(n int64) int16 {
	second, at := n/media.SampleRate, n%media.SampleRate
	switch {
	case at < tickLength:
		return level(uint32(at*toneStep), tickLevel)
	case at >= codeStart && at < codeStart+codeLength:
		return level(codePhase(sampleCode(second), at-codeStart), codeLevel)
	}
	return 0
}

// beepPhase is the phase of sample k of a beep.
func beepPhase(k int64) uint32 {
	head := min(k, headLength)
	return uint32(headStep*head + headGain*(head*(head-1)/2) + toneStep*(k-head))
}

// level is the sine of a phase, of which 1 is the level.
func level(phase uint32, most int64) int16 { return int16(sine(phase) * most >> 30) }

// sine is the sine of a phase in parts of 2^30, off by less than 1/200000: its Taylor series on a quarter of a turn.
func sine(phase uint32) int64 {
	const one = 1 << 30
	z := int64(phase % one)
	if phase&one != 0 { // the second and fourth quarter mirror the one before
		z = one - z
	}
	z2 := z * z >> 30
	s := int64(172272)
	for _, c := range [...]int64{5026995, 85569306, 693598668, 1686629713} { // (pi/2)^k / k! for k = 7, 5, 3, 1
		s = c - z2*s>>30
	}
	s = min(z*s>>30, one)
	if phase >= 2*one {
		return -s
	}
	return s
}

// The sample code is 60 bits of 240 samples as continuous-phase frequency shift keying: 1.5 kHz for 0, which is seven and a half
// periods, and 3 kHz for 1, fifteen. It begins half a second after the start of each second, with phase 0. Most significant bit
// first, it holds 10 bits of sync, the number of the second, counted from sample 0, in 34, and CRC-16/CCITT-FALSE over that
// number as 6 bytes, big-endian.
const (
	codeStart  = media.SampleRate / 2
	bitLength  = 240
	codeBits   = 60
	codeLength = codeBits * bitLength
	syncBits   = 10
	soundSync  = 0b1011100010
	secondBits = codeBits - syncBits - crcBits
	zeroPeriod = 32 // samples
	onePeriod  = 16
)

// sampleCode is the code of a second.
func sampleCode(second int64) uint64 {
	second &= 1<<secondBits - 1
	return soundSync<<(secondBits+crcBits) | uint64(second)<<crcBits | uint64(frameCRC(second))
}

// codePhase is the phase of sample k of a code.
func codePhase(code uint64, k int64) uint32 {
	bit := k / bitLength
	before := code >> (codeBits - bit)
	step := uint32(1 << 32 / zeroPeriod)
	if code>>(codeBits-1-bit)&1 == 1 {
		step = 1 << 32 / onePeriod
	}
	// Each 0 before is half a turn.
	return uint32(bit-int64(bits.OnesCount64(before)))<<31 + step*uint32(k%bitLength)
}
