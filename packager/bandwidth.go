package packager

import "github.com/refstream/refstream/markers"

const (
	// frameOverhead bounds the bytes that annotation and muxing add to an access unit: about 250 of SEI, 6 of delimiter,
	// 19 of PES header, 8 of PCR, and up to 183 of stuffing to fill the last packet.
	frameOverhead = 512
	// tableBytes are the PAT and the PMT in front of each segment, tableRate those within it, of which there are at most 3 a
	// second more than segments begin, and referenceRate packets with only a PCR, in bytes a second.
	tableBytes    = 2 * 188
	tableRate     = 3 * tableBytes
	referenceRate = 25 * 188
	// markerBytes is the timed ID3 of two events, about 900 bytes each, in the same segment.
	markerBytes = 12 * 188
	// bandwidthStep is what a bandwidth is rounded up to, in bit/s, so that it is not rewritten for a few bits.
	bandwidthStep = 1000
)

// expectedBandwidth bounds the bit rate of a segment, in bit/s, from what the encoder promises; 0 for 0.
func expectedBandwidth(bitrate int64, c markers.Clock) int64 {
	if bitrate == 0 {
		return 0
	}
	perSegment := c.FramesPerSegment * c.Rate.Den // segment duration * rate.Num
	overhead := ceilDiv(8*frameOverhead*c.Rate.Num, c.Rate.Den) + ceilDiv(8*(tableBytes+markerBytes)*c.Rate.Num, perSegment) + 8*tableRate
	if c.Rate.Num < 25*c.Rate.Den {
		overhead += 8 * referenceRate
	}
	return roundBandwidth(ceilDiv((bitrate+overhead)*188, 184))
}

// throughput measures the bit rate of published segments.
type throughput struct {
	clock         markers.Clock
	bytes, frames int64 // of all
	peak          int64 // bit/s

	lastMSN, lastBytes, lastFrames int64 // of the segment before
}

// add takes the next segment. BANDWIDTH is the peak of any run of segments between half and one and a half target
// durations long (RFC 8216, 4.3.4.2), so a stub shorter than half of one counts together with the segment before it.
func (t *throughput) add(msn, bytes, frames int64) {
	t.bytes, t.frames = t.bytes+bytes, t.frames+frames
	runBytes, runFrames := bytes, frames
	stub := 2*frames*t.clock.Rate.Den < targetDuration(t.clock)*t.clock.Rate.Num
	if stub && t.lastFrames > 0 && t.lastMSN == msn-1 && frames < t.clock.FramesPerSegment {
		runBytes, runFrames = runBytes+t.lastBytes, runFrames+t.lastFrames
	}
	t.peak = max(t.peak, t.rate(runBytes, runFrames))
	t.lastMSN, t.lastBytes, t.lastFrames = msn, bytes, frames
}

// average is the bit rate of everything in bit/s, 0 when there is nothing.
func (t *throughput) average() int64 {
	if t.frames == 0 {
		return 0
	}
	return t.rate(t.bytes, t.frames)
}

// rate is the bit rate in bit/s, rounded up; exact below 10^13 bytes.
func (t *throughput) rate(bytes, frames int64) int64 {
	return ceilDiv(8*bytes*t.clock.Rate.Num, frames*t.clock.Rate.Den)
}

func roundBandwidth(v int64) int64 { return ceilDiv(v, bandwidthStep) * bandwidthStep }

// ceilDiv is a/b rounded up, for a that is not negative and b that is positive.
func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }
