package timing

import (
	"encoding/binary"

	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/media"
)

// timestampOwner is the owner of the ID3 frame with the start time of raw audio (RFC 8216bis, 3.4).
const timestampOwner = "com.apple.streaming.transportStreamTimestamp"

// measureRaw reads raw audio with ID3 tags in front.
func measureRaw(data []byte) *Span {
	first := int64(-1)
	for {
		n, ok := id3.Size(data)
		if !ok || n > len(data) {
			break
		}
		// What is wrong in a tag does not hide the frames that could be read.
		frames, _ := id3.Parse(data[:n])
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
	return spanOf(Audio, first, first+ticks)
}

// audioTicks is the duration of the frames at the start of data, in 90 kHz ticks: AAC in ADTS, MPEG audio, AC-3 or E-AC-3. The
// last may be cut off. ok is false if the first is none of these, or other data is between them.
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

const longestAudioHeader = 7 // how much of a frame identifies it

type audioFrame struct {
	size          int   // in bytes, more than 0
	samples, rate int64 // rate is in Hz, more than 0
}

// parseAudioFrame reads the header of the frame at the start.
func parseAudioFrame(b []byte) (f audioFrame, ok bool) {
	if len(b) < longestAudioHeader {
		return f, false
	}
	switch {
	case b[0] == 0x0B && b[1] == 0x77:
		f = parseAC3(b)
	case b[0] == 0xFF && b[1]&0xF6 == 0xF0:
		f = parseADTS(b)
	case b[0] == 0xFF && b[1]&0xE0 == 0xE0:
		f = parseMPEGAudio(b)
	}
	return f, f.size >= longestAudioHeader && f.rate > 0
}

// parseADTS reads a header of ISO/IEC 14496-3, 1.A.2.2.
func parseADTS(b []byte) audioFrame {
	rates := [16]int64{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
	return audioFrame{
		size:    int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5,
		samples: 1024 * (int64(b[6]&3) + 1),
		rate:    rates[b[2]>>2&15],
	}
}

// parseMPEGAudio reads a header of ISO/IEC 11172-3, 2.4.2.3, or 13818-3.
func parseMPEGAudio(b []byte) audioFrame {
	// In kbit/s: layers I, II and III of version 1, then I, and II and III, of versions 2 and 2.5.
	bitrates := [5][16]int{
		{0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
		{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
		{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
		{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
		{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
	}
	rates := [4]int64{44100, 48000, 32000}
	version, layer := b[1]>>3&3, 4-int(b[1]>>1&3) // version 3 is 1, 2 is 2, 0 is 2.5
	rate, row, samples := rates[b[2]>>2&3], layer-1, int64(1152)
	if layer > 3 || version == 1 || rate == 0 {
		return audioFrame{}
	}
	if version != 3 {
		rate /= 2
		if version == 0 {
			rate /= 2
		}
		row = min(2+layer, 4)
		if layer == 3 {
			samples = 576
		}
	}
	bitrate, padding := bitrates[row][b[2]>>4]*1000, int(b[2]>>1&1)
	if layer == 1 {
		return audioFrame{4 * (12*bitrate/int(rate) + padding), 384, rate}
	}
	if bitrate == 0 {
		return audioFrame{}
	}
	return audioFrame{int(samples)/8*bitrate/int(rate) + padding, samples, rate}
}

// parseAC3 reads a header of AC-3 or E-AC-3 (ETSI TS 102 366, 4.3 and E.1.2).
func parseAC3(b []byte) audioFrame {
	rates := [4]int64{48000, 44100, 32000}
	rate := rates[b[4]>>6]
	if version := b[5] >> 3; version > 10 { // E-AC-3
		f := audioFrame{2 * ((int(b[2]&7)<<8 | int(b[3])) + 1), 256 * [4]int64{1, 2, 3, 6}[b[4]>>4&3], rate}
		if rate == 0 { // half of one
			f.samples, f.rate = 6*256, rates[b[4]>>4&3]/2
		}
		if b[2]>>6 == 1 || b[2]>>3&7 != 0 {
			f.samples = 0 // more channels of the frame before, or another program
		}
		return f
	}
	kbits := [19]int{32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640}
	code := int(b[4] & 63)
	if code/2 >= len(kbits) || rate == 0 {
		return audioFrame{}
	}
	words := kbits[code/2] * 96000 / int(rate)
	if rate == 44100 {
		words += code & 1
	}
	return audioFrame{2 * words, 1536, rate}
}

// wholeFrames is data from the first frame on: another follows it.
func wholeFrames(data []byte) []byte {
	for i := range data {
		f, ok := parseAudioFrame(data[i:])
		if !ok {
			continue
		}
		rest := data[i:]
		if f.size >= len(rest)-longestAudioHeader {
			return rest // it is the last
		}
		if next, ok := parseAudioFrame(rest[f.size:]); ok && next.rate == f.rate {
			return rest
		}
	}
	return nil
}
