package recorder

import (
	"bytes"
	"slices"

	"github.com/refstream/refstream/media"
)

const (
	packetSize = 188
	syncByte   = 0x47
	// pesHeader is the part of a PES packet up to the end of its PTS (ITU-T H.222.0, 2.4.3.6).
	pesHeader = 14
	// privateStream is the stream_id of AC-3, and of much else.
	privateStream = 0xBD
)

// isTS reports whether packets of a transport stream stand at the start.
func isTS(data []byte) bool {
	return len(data) >= packetSize && data[0] == syncByte && (len(data) < 2*packetSize || data[packetSize] == syncByte)
}

// stampedStream are the time stamps of an elementary stream.
type stampedStream struct {
	kind string
	pid  int
	pts  []int64 // of each PES packet that has one, unwrapped, as they come
	// last is what came of the last of them.
	last []byte
}

// measureTS reads the first stream of video, or else of audio. Which streams are what is taken from their stream_id, since
// the tables may stand in an initialization section of their own. single is how long a picture lasts that is alone.
func measureTS(data []byte, single int64) *Timing {
	var video, audio *stampedStream
	for at := 0; at+packetSize <= len(data); {
		p := data[at : at+packetSize]
		if p[0] != syncByte {
			at += nextPacket(data[at:])
			continue
		}
		at += packetSize
		pid := (int(p[1])<<8 | int(p[2])) & 0x1FFF
		payload := payloadOf(p)
		if len(payload) == 0 {
			continue
		}
		if p[1]&0x40 == 0 { // no PES packet begins
			if audio != nil && pid == audio.pid && video == nil {
				audio.last = append(audio.last, payload...)
			}
			continue
		}
		pts, kind, data, ok := beginPES(payload)
		switch {
		case !ok:
		case kind == mediaVideo && video == nil:
			video = &stampedStream{kind: kind, pid: pid}
		case kind == mediaAudio && audio == nil:
			audio = &stampedStream{kind: kind, pid: pid}
		}
		for _, s := range []*stampedStream{video, audio} {
			if ok && s != nil && s.pid == pid && s.kind == kind {
				s.add(pts, data)
			}
		}
	}
	switch {
	case video != nil:
		return video.timing(single)
	case audio != nil:
		return audio.timing(single)
	}
	return nil
}

// nextPacket is how far it is to where a packet may begin.
func nextPacket(b []byte) int {
	for i := 1; i < len(b); i++ {
		if b[i] == syncByte && (i+packetSize >= len(b) || b[i+packetSize] == syncByte) {
			return i
		}
	}
	return len(b)
}

// payloadOf is the payload of a packet (2.4.3.2); empty where it has none, or one that is damaged or scrambled.
func payloadOf(p []byte) []byte {
	if p[1]&0x80 != 0 || p[3]&0xC0 != 0 || p[3]&0x10 == 0 {
		return nil
	}
	payload := p[4:]
	if p[3]&0x20 != 0 {
		n := 1 + int(payload[0])
		if n > len(payload) {
			return nil
		}
		payload = payload[n:]
	}
	return payload
}

// beginPES reads the start of a PES packet of video or audio that has a PTS; data is what comes of its content. Tables
// don't begin like one.
func beginPES(b []byte) (pts int64, kind string, data []byte, ok bool) {
	if len(b) < pesHeader || b[0] != 0 || b[1] != 0 || b[2] != 1 || b[6]>>6 != 0b10 || b[7]&0x80 == 0 {
		return 0, "", nil, false
	}
	if b[9]&b[11]&b[13]&1 != 1 {
		return 0, "", nil, false
	}
	if n := 9 + int(b[8]); n <= len(b) {
		data = b[n:]
	}
	switch id := b[3]; {
	case id>>4 == 0xE, id == 0xFD:
		kind = mediaVideo
	case id>>5 == 0b110, id == privateStream && bytes.HasPrefix(data, []byte{0x0B, 0x77}):
		kind = mediaAudio
	default:
		return 0, "", nil, false
	}
	pts = int64(b[9]>>1&7)<<30 | int64(b[10])<<22 | int64(b[11]>>1)<<15 | int64(b[12])<<7 | int64(b[13]>>1)
	return pts, kind, data, true
}

func (s *stampedStream) add(pts int64, data []byte) {
	if n := len(s.pts); n > 0 {
		pts = unwrap(pts, s.pts[n-1])
	}
	s.pts = append(s.pts, pts)
	if s.kind == mediaAudio {
		s.last = append(s.last[:0], data...)
	}
}

// timing is from the smallest PTS to the end of the frame with the largest.
func (s *stampedStream) timing(single int64) *Timing {
	slices.Sort(s.pts)
	all := slices.Compact(s.pts)
	last := all[len(all)-1]
	if s.kind == mediaAudio {
		// The packet may begin within a frame; its PTS is that of the first that begins in it.
		if ticks, ok := audioTicks(wholeFrames(s.last)); ok {
			return timing(s.kind, all[0], last+ticks)
		}
	}
	return timing(s.kind, all[0], last+usualStep(all, single))
}

// usualStep is how far it usually is from one to the next of sorted times: the median, which is right also where some are
// missing.
func usualStep(sorted []int64, single int64) int64 {
	if len(sorted) < 2 {
		return min(single, media.PTSMask)
	}
	steps := make([]int64, len(sorted)-1)
	for i := range steps {
		steps[i] = sorted[i+1] - sorted[i]
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}
