package timing

import (
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/media"
)

// FuzzMeasure finds nothing that makes it fail, or say what can't be.
func FuzzMeasure(f *testing.F) {
	packet := make([]byte, ts.PacketSize)
	copy(packet, []byte{0x47, 0x41, 0, 0x10, 0, 0, 1, 0xE0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 1, 0, 1})
	f.Add([]byte{}, packet, int64(2*time.Second))
	f.Add([]byte{}, append(packet, packet...), int64(-1))
	f.Add([]byte{}, append(rawTag(1<<33-1), 0xFF, 0xF1, 0x50, 0x80, 0x01, 0x1F, 0xFC, 0, 0), int64(0))
	f.Add([]byte{}, append(rawTag(5), 0x0B, 0x77, 0, 0, 0x14, 0x40, 0, 0), int64(0))
	f.Add([]byte("\x00\x00\x00\x4Cmoov\x00\x00\x00\x44trak\x00\x00\x00\x14tkhd\x00\x00\x00\x00"), []byte("\x00\x00\x00\x08moof"), int64(1))
	for _, options := range []string{"-f lavfi -i color=s=32x32:r=5 -c:v libx264", "-f lavfi -i color=s=32x32:r=5 -c:v libx264 -hls_segment_type fmp4"} {
		inputs, options, _ := strings.Cut(options, " -c:v")
		s := segments(f, inputs, "-c:v"+options)[0]
		f.Add(s.Init, s.Data, int64(s.Duration))
	}
	f.Fuzz(func(t *testing.T, init, data []byte, extinf int64) {
		s := &hlsclient.Segment{Init: init, Data: data}
		s.Duration = media.Seconds(extinf)
		m := Measure(s)
		if m == nil {
			return
		}
		if m.First < 0 || m.First > media.PTSMask || m.End < m.First || m.Media != Video && m.Media != Audio {
			t.Errorf("%+v", m)
		}
	})
}
