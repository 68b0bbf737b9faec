package generator

import (
	"testing"

	"github.com/refstream/refstream/media"
)

func BenchmarkRender1080p(b *testing.B) {
	r := newTestRenderer(b, testOptions(1920, 1080))
	buf := make([]byte, r.FrameSize())
	b.SetBytes(int64(len(buf)))
	for n := int64(0); b.Loop(); n++ {
		if err := r.Render(buf, n, Look{Event: n%10 == 0}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRenderNoise1080p(b *testing.B) {
	o := testOptions(1920, 1080)
	o.Noise = 16
	r := newTestRenderer(b, o)
	buf := make([]byte, r.FrameSize())
	b.SetBytes(int64(len(buf)))
	for n := int64(0); b.Loop(); n++ {
		if err := r.Render(buf, n, Look{Event: n%10 == 0}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCopy1080p(b *testing.B) {
	src := renderFrame(b, newTestRenderer(b, testOptions(1920, 1080)), 0, false)
	buf := make([]byte, len(src))
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		copy(buf, src)
	}
}

func BenchmarkNewRenderer1080p(b *testing.B) {
	for b.Loop() {
		newTestRenderer(b, testOptions(1920, 1080))
	}
}

func BenchmarkRenderYUV1080p(b *testing.B) {
	for name, sigma := range map[string]int{"plain": 0, "noise": 16} {
		b.Run(name, func(b *testing.B) {
			o := testOptions(1920, 1080)
			o.Noise = sigma
			r, err := NewRendererIn(media.YUV420P, o)
			if err != nil {
				b.Fatal(err)
			}
			buf := make([]byte, r.FrameSize())
			b.SetBytes(int64(len(buf)))
			for n := int64(0); b.Loop(); n++ {
				if err := r.Render(buf, n, Look{Event: n%10 == 0}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
