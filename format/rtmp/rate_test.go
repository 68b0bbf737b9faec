package rtmp

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

// TestServerBoundsRate has clients that send without pause, before they play and while they do, what costs them a byte.
func TestServerBoundsRate(t *testing.T) {
	empty := append(hex(t, "04 000000 000000 09 00000000"), bytes.Repeat([]byte{0xC4}, 5000)...) // 5001 messages
	var large []byte
	w := newChunkWriter()
	for range 20 { // in few chunks: 64 KiB each in one
		w.size = 64 << 10
		large, _ = w.append(large, 5, message{typ: typeVideo, body: make([]byte, 60<<10)})
	}
	large = append(hex(t, "02 000000 000004 01 00000000 00010000"), large...)
	for _, c := range []struct {
		name    string
		playing bool
		wire    []byte
	}{{"empty, before play", false, empty}, {"empty, playing", true, empty}, {"large, playing", true, large}} {
		t.Run(c.name, func(t *testing.T) {
			s := startServer(t, staying(small(t)))
			raw := newRawClient(t, s.addr)
			if raw.connect(); c.playing {
				raw = newRawClient(t, s.addr)
				raw.play()
			}
			_, _ = raw.c.Write(c.wire) // it may be cut off in the middle
			if err := s.result(t); !errorHas(err, "in a second") || !errorHas(err, "byte ") {
				t.Error(err)
			}
		})
	}
}

// TestRate goes on for some seconds near the limit.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRate()
		defer r.second.Stop()
		at := int64(0)
		for i := range 10 * maxChunks * 9 / 10 {
			if at += 100; r.count(at) != nil {
				t.Fatalf("chunk %d is one too many", i)
			}
			<-time.After(time.Second / (maxChunks * 9 / 10)) // of the bubble's time
		}
		n := 0
		for ; r.count(at) == nil; n++ {
		}
		if n > maxChunks {
			t.Errorf("%d chunks at once are taken", n)
		}
		<-time.After(time.Minute)
		for range 2 {
			if r.count(at+maxBytes) != nil {
				t.Error("after a pause nothing is taken")
			}
		}
		<-time.After(time.Second)
		if r.count(at+2*maxBytes) != nil || r.count(at+3*maxBytes+1) == nil {
			t.Error("bytes are not counted")
		}
	})
}
