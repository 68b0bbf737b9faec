package main

import (
	"bytes"
	"time"
)

// packetSize is the length of a transport stream packet (ISO/IEC 13818-1, 2.4.3.2).
const packetSize = 188

// unitEnds follows an MPEG transport stream with one video stream and tells of each picture, when the next one begins,
// when its last packet came. It reads no more of the stream than that, and ignores what is no transport stream: a
// reader that waits for a picture to be known as complete would report it too late.
type unitEnds struct {
	found func(pts int64, left time.Time) error

	part []byte // the beginning of a packet whose rest is still to come
	open bool
	pid  int
	pts  int64
	last time.Time
}

// write takes the next bytes of the stream, which came at a time.
func (u *unitEnds) write(b []byte, now time.Time) error {
	u.part = append(u.part, b...)
	used := 0
	for ; len(u.part)-used >= packetSize; used += packetSize {
		if err := u.packet(u.part[used:used+packetSize], now); err != nil {
			return err
		}
	}
	u.part = append(u.part[:0], u.part[used:]...)
	return nil
}

// end tells of the last picture.
func (u *unitEnds) end() error {
	if !u.open {
		return nil
	}
	u.open = false
	return u.found(u.pts, u.last)
}

func (u *unitEnds) packet(p []byte, now time.Time) error {
	if p[0] != 0x47 {
		return nil
	}
	pid := int(p[1]&0x1f)<<8 | int(p[2])
	if p[3]&0x10 == 0 { // no payload
		return nil
	}
	payload := p[4:]
	if p[3]&0x20 != 0 { // an adaptation field stands before it
		n := 1 + int(payload[0])
		if n > len(payload) {
			return nil
		}
		payload = payload[n:]
	}
	pts, begins := videoPTS(payload)
	switch {
	case p[1]&0x40 != 0 && begins:
		if err := u.end(); err != nil {
			return err
		}
		u.open, u.pid, u.pts, u.last = true, pid, pts, now
	case u.open && pid == u.pid:
		u.last = now
	}
	return nil
}

// videoPTS reads the PTS of a video PES packet's header (2.4.3.6); ok is false for anything else.
func videoPTS(b []byte) (pts int64, ok bool) {
	if len(b) < 14 || !bytes.HasPrefix(b, []byte{0, 0, 1}) || b[3]&0xf0 != 0xe0 || b[7]&0x80 == 0 {
		return 0, false
	}
	return int64(b[9]>>1&7)<<30 | int64(b[10])<<22 | int64(b[11]>>1)<<15 | int64(b[12])<<7 | int64(b[13]>>1), true
}
