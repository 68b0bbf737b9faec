package splice

import (
	"bytes"
	"math"
	"testing"

	"github.com/refstream/refstream/format/ts"
)

// TestPicturesInOrder: wherever a sender with B-frames breaks off, and whoever comes at once after it, no picture of the
// second is presented before one of the first. ffprobe says when they are.
func TestPicturesInOrder(t *testing.T) {
	t.Parallel()
	first, cuts := stream(t, 2, "-bf", "4", "-b_strategy", "0"), 3
	if testing.Short() {
		cuts = 1
	}
	for name, second := range map[string][]byte{
		"the same": first, "no B-frames": stream(t, 1, "-bf", "0"), "no sound": stream(t, 1, "-an"),
		"MPEG-2": stream(t, 1, "-c:v", "mpeg2video"), "B-frames of before it": openGOP(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range cuts {
				size := len(first) * (2*i + 4) / 10 / ts.PacketSize * ts.PacketSize
				s := record(t, Options{}, defaultTimes())
				s.send(first[:size])
				if got := s.send(second); got.ShiftTicks == 0 {
					t.Errorf("after %d bytes the time stamps are kept", size)
				}
				s.stop()
				b := s.recorded()
				last, next := presented(t, b[:size]), presented(t, b[size:])
				if next[0] <= last[1] || next[0] > last[1]+9000 {
					t.Errorf("cut at %d: pictures from %d on follow those up to %d", size, next[0], last[1])
				}
			}
		})
	}
}

// openGOP is a stream that begins with a picture, and two that were to be shown before it.
func openGOP(t *testing.T) []byte {
	t.Helper()
	b, keys := stream(t, 2, "-an", "-c:v", "mpeg2video", "-g", "12"), 0
	var tables []byte
	for ; len(b) > 0; b = b[ts.PacketSize:] {
		p := ts.Packet(b[:ts.PacketSize])
		if p.PID() != 0x100 && len(tables) < 3*ts.PacketSize {
			tables = append(tables, p...)
		}
		if p.RandomAccess() {
			keys++
		}
		if keys == 2 {
			break
		}
	}
	b = append(tables, b...)
	if all := probeBytes(t, b); all[1].pts >= all[0].pts {
		t.Fatalf("the stream begins with %+v", all[:3])
	}
	return b
}

// TestPicturesBeforeSound: pictures follow on those of the last connection that had any, also where one of sound alone was
// between them.
func TestPicturesBeforeSound(t *testing.T) {
	t.Parallel()
	const picture, sound, frame = 0xE0, 0xC0, 3600
	recording := &timeline{}
	for i, c := range []struct {
		packets []ts.Packet
		shift   int64
	}{
		{[]ts.Packet{stamped(picture, 0, 10*frame), stamped(sound, frame, frame)}, 0},
		{[]ts.Packet{stamped(sound, 2*frame, 2*frame)}, 0},
		{[]ts.Packet{stamped(picture, 4*frame, 4*frame)}, 7 * frame},
	} {
		s := newSplice(recording, i > 0, 0)
		var out []byte
		for _, p := range c.packets {
			out = s.push(out, p)
		}
		s.decide(out)
		if s.shift != c.shift {
			t.Errorf("connection %d is shifted by %d, want %d", i+1, s.shift, c.shift)
		}
	}
}

// stamped is a packet with the start of a PES packet. Each stream id has its PID.
func stamped(id byte, dts, pts int64) ts.Packet {
	p := make(ts.Packet, ts.PacketSize)
	copy(p, []byte{ts.SyncByte, 0x41, id, 0x10, 0, 0, 1, id, 0, 0, 0x80, 0xC0, 10, 0x31, 0, 1, 0, 1, 0x11, 0, 1, 0, 1})
	for at, v := range map[int]int64{13: pts, 18: dts} {
		p[at] |= byte(v>>30&7) << 1
		p[at+1], p[at+2] = byte(v>>22), byte(v>>15)<<1|1
		p[at+3], p[at+4] = byte(v>>7), byte(v)<<1|1
	}
	return p
}

// presented is when the first and the last picture of a stream are presented.
func presented(t *testing.T, b []byte) (span [2]int64) {
	t.Helper()
	span = [2]int64{math.MaxInt64, math.MinInt64}
	for _, p := range probeBytes(t, b) {
		if p.stream == 0 {
			span = [2]int64{min(span[0], p.pts), max(span[1], p.pts)}
		}
	}
	return span
}

// TestGoesOnWithBFrames: a sender that goes on where it broke off, at a picture from which one can begin, is not touched.
func TestGoesOnWithBFrames(t *testing.T) {
	t.Parallel()
	b := stream(t, 4, "-an", "-bf", "4", "-b_strategy", "0", "-mpegts_flags", "pat_pmt_at_frames")
	cut, keys := 0, 0
	for at := 0; at < len(b) && keys < 3; at += ts.PacketSize {
		p := ts.Packet(b[at : at+ts.PacketSize])
		if p.PID() == 0 || p.PID() == 0x11 {
			if at == cut+ts.PacketSize {
				continue // SDT and PAT belong together
			}
			cut = at
		}
		if p.RandomAccess() && p.PID() == 0x100 {
			keys++
		}
	}
	s := record(t, Options{}, defaultTimes())
	s.send(b[:cut])
	got := s.send(b[cut:])
	if got.ShiftTicks != 0 {
		t.Errorf("its time stamps are shifted by %d", got.ShiftTicks)
	}
	s.stop()
	if !bytes.HasPrefix(s.recorded(), b[:cut]) {
		t.Error("the first connection is not as it was sent")
	}
	all := probe(t, s.file())
	if sent := probeBytes(t, b); len(all) != len(sent) {
		t.Errorf("%d packets are recorded, %d were sent", len(all), len(sent))
	}
	goesOn(t, all)
}
