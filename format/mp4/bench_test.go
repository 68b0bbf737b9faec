package mp4

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func BenchmarkReader(b *testing.B) {
	file := mustRead(b, make3s(b, "a.mp4", "-movflags", "frag_keyframe+empty_moov+default_base_moof"))
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(bytes.NewReader(file))
		for {
			_, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
