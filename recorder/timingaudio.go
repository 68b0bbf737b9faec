package recorder

import (
	"encoding/binary"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/media"
)

const (
	id3Header = 10
	// timestampOwner is the owner of the ID3 frame that says where raw audio begins (RFC 8216bis, 3.4).
	timestampOwner = "com.apple.streaming.transportStreamTimestamp"
)

// measureRaw reads raw audio with ID3 tags in front.
func measureRaw(data []byte) *Timing {
	first := int64(-1)
	for {
		n, ok := tagSize(data)
		if !ok {
			break
		}
		// What is wrong in a tag does not hide the frames that could be read.
		frames, _ := ts.ParseID3(data[:n])
		for _, f := range frames {
			if first < 0 && f.ID == "PRIV" && f.Description == timestampOwner && len(f.Data) == 8 {
				first = int64(binary.BigEndian.Uint64(f.Data) & media.PTSMask)
			}
		}
		data = data[n:]
	}
	ticks, ok := audioTicks(data)
	if first < 0 || !ok {
		return nil
	}
	return timing(mediaAudio, first, first+ticks)
}

// tagSize is the size of the ID3 tag that stands at the start (ID3v2.4.0 structure, 3.1).
func tagSize(b []byte) (n int, ok bool) {
	if len(b) < id3Header || string(b[:3]) != "ID3" {
		return 0, false
	}
	for _, c := range b[6:id3Header] {
		if c&0x80 != 0 {
			return 0, false
		}
		n = n<<7 | int(c)
	}
	n += id3Header
	if b[5]&0x10 != 0 {
		n += id3Header // a footer
	}
	return n, n <= len(b)
}

// audioTicks is how long the frames that begin in data last together, in 90 kHz ticks: AAC in ADTS, MPEG audio, AC-3, or
// E-AC-3. The last may be cut off. ok is false where the first is none of these, or something else comes between.
func audioTicks(data []byte) (ticks int64, ok bool) {
	samples, rate := int64(0), int64(0)
	for len(data) > 0 {
		f, ok := parseAudioFrame(data)
		if !ok {
			// A header that is cut off, or the ID3 tag of old players at the end.
			if rate > 0 && (len(data) < longestAudioHeader || string(data[:3]) == "TAG") {
				break
			}
			return 0, false
		}
		if rate != 0 && f.rate != rate {
			return 0, false
		}
		rate, samples = f.rate, samples+f.samples
		data = data[min(f.size, len(data)):]
	}
	if rate == 0 {
		return 0, false
	}
	return samples * media.TicksPerSecond / rate, true
}
