package hls

import (
	"strings"
	"testing"
)

// BenchmarkParsePlaylist reads a day of two-second segments.
func BenchmarkParsePlaylist(b *testing.B) {
	text := window(0, 43200)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParsePlaylist(strings.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}
