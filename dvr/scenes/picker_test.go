package scenes

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/refstream/refstream/format/ts"
)

// TestVideoTables reads the tables that a decoder is given back, also where they need several packets.
func TestVideoTables(t *testing.T) {
	for _, v := range []ts.ProgramStream{{Type: kindH264, PID: 0x100, Descriptors: []byte{}},
		{Type: kindH265, PID: decoderMapPID, Descriptors: []byte("\x05\x04HEVC")}, {Type: 0xEA, PID: 0x1FFE, Descriptors: make([]byte, 900)}} {
		b := decoderTables(v)
		if len(b)%ts.PacketSize != 0 {
			t.Fatalf("%d bytes", len(b))
		}
		var p program
		for at := 0; at < len(b); at += ts.PacketSize {
			p.take(b[at:at+ts.PacketSize], int64(at))
		}
		if !reflect.DeepEqual(p.video, v) {
			t.Errorf("%+v, want %+v", p.video, v)
		}
	}
}

func FuzzPicker(f *testing.F) {
	b := ffmpegTS(f, "-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=0.4", "-c:v", "libx264", "-preset", "ultrafast")
	f.Add(b[:12*188], uint8(0))
	f.Add(b[:6*188], uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, skip uint8) {
		k := picker{skip: int(skip)}
		b = bytes.Clone(b)
		out := 0
		for at := 0; at+ts.PacketSize <= len(b); at += ts.PacketSize {
			b[at] = ts.SyncByte
			given, over := k.take(nil, b[at:at+ts.PacketSize], int64(at))
			if len(given)%ts.PacketSize != 0 {
				t.Fatalf("%d bytes are given", len(given))
			}
			out += len(given)
			if over {
				if k.end == (place{}) || k.end.Tables > k.end.Video || k.end.Video > int64(at) {
					t.Fatalf("over at %d, to go on at %+v", at, k.end)
				}
				break
			}
			if len(k.held) > maxHead+ts.PacketSize {
				t.Fatalf("%d bytes are held", len(k.held))
			}
		}
		rest, _ := k.release(nil)
		if limit := 8*ts.PacketSize + len(b); out+len(rest) > limit {
			t.Errorf("%d bytes of %d", out+len(rest), len(b))
		}
		for _, p := range k.keys {
			if p.Tables > p.Video || p.Video >= int64(len(b)) {
				t.Errorf("key %+v", p)
			}
		}
	})
}
