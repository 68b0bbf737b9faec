package m3u8

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkParse reads a day of two-second segments.
func BenchmarkParse(b *testing.B) {
	text := "#EXTM3U\n#EXT-X-TARGETDURATION:2\n"
	for i := range 43200 {
		text += fmt.Sprintf("#EXTINF:2,\n%d.ts\n", i)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(strings.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}
