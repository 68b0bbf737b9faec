package main

import (
	"time"

	"github.com/refstream/refstream/format/ts"
)

// unitEnds follows an MPEG transport stream with one video stream and tells of each picture, when the next one begins,
// when its last packet came. It reads no more of the stream than that, and ignores what is no transport stream: a
// reader that waits for a picture to be known as complete would report it too late.
type unitEnds struct {
	found func(pts int64, left time.Time) error

	part []byte // the beginning of a packet whose rest is still to come
	open bool
	pid  uint16
	pts  int64
	last time.Time
}

// write takes the next bytes of the stream, which came at a time.
func (u *unitEnds) write(b []byte, now time.Time) error {
	u.part = append(u.part, b...)
	used := 0
	for ; len(u.part)-used >= ts.PacketSize; used += ts.PacketSize {
		if err := u.packet(u.part[used:used+ts.PacketSize], now); err != nil {
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

func (u *unitEnds) packet(p ts.Packet, now time.Time) error {
	if p[0] != ts.SyncByte || !p.HasPayload() {
		return nil
	}
	start, ok := p.PES()
	switch {
	case ok && start.Timed && start.Video():
		if err := u.end(); err != nil {
			return err
		}
		u.open, u.pid, u.pts, u.last = true, p.PID(), start.PTS, now
	case u.open && p.PID() == u.pid:
		u.last = now
	}
	return nil
}
