// Package flv writes and reads H.264 in Flash Video (Adobe Flash Video File Format Specification 10.1, Annex E): the
// tags that an FLV file is made of and that RTMP sends as messages, and the timing messages among them, onFI and
// onCuePoint.
//
// [Muxer] makes tags of access units; [Writer] puts tags in a file. [Reader] takes a file apart into tags, [Demuxer]
// makes access units of them, and [ParseScript], [ParseFI] and [ParseCuePoint] read what the script tags say, from this
// writer or another's.
//
// FLV counts milliseconds in 32 bits, which wrap after 49.7 days. Nothing is rebased: a tag's time is that of the
// stream's clock, rounded to the nearest millisecond.
//
// The H.264 is in the form that ISO/IEC 14496-15 calls avc1: parameter sets are in the sequence header only (5.3.3), a
// tag has the other NAL units of a picture behind lengths of four bytes. SEI stays with its picture.
package flv

import "github.com/refstream/refstream/media"

const (
	ticksPerMilli = media.TicksPerSecond / 1000

	fileHeaderSize = 9
	tagHeaderSize  = 11
	prevSizeSize   = 4
	// maxBody is the most that a tag's DataSize can state (E.4.1).
	maxBody = 1<<24 - 1
)

// Time is the time of a tag for a position in 90 kHz ticks: the nearest millisecond, the later one of two, modulo 2^32.
func Time(ticks int64) uint32 { return uint32(millis(ticks)) }

// millis is the millisecond nearest to a position in 90 kHz ticks, the later one of two, not wrapped.
func millis(ticks int64) int64 {
	q, r := ticks/ticksPerMilli, ticks%ticksPerMilli
	if r < 0 {
		q, r = q-1, r+ticksPerMilli
	}
	if 2*r >= ticksPerMilli {
		q++
	}
	return q
}
