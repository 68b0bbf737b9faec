package generator

import (
	"testing"
	"time"

	"github.com/refstream/refstream/media"
)

// Of a picture that is two frames laid over each other the two are found, with their weights, and no others.
func TestMix(t *testing.T) {
	r, err := NewRenderer(Options{Channel: "main", Epoch: time.Unix(1_700_000_000, 0), Width: 320, Height: 180, Rate: media.FrameRate{Num: 30, Den: 1}})
	if err != nil {
		t.Fatal(err)
	}
	luma := func(n int64) []byte {
		rgb := make([]byte, r.FrameSize())
		if err := r.Render(rgb, n, Look{}); err != nil {
			t.Fatal(err)
		}
		grey := make([]byte, 320*180)
		for i := range grey {
			grey[i] = rgb[3*i]
		}
		return grey
	}
	const n = 1000
	for name, c := range map[string]struct {
		weights []int // of frames n, n + 1, ...
		want    int   // weight of n of 255, where two are mixed
	}{
		"half": {[]int{1, 1}, 127}, "more of the first": {[]int{3, 1}, 191}, "more of the second": {[]int{1, 3}, 63}, "three": {[]int{1, 1, 1}, 85},
	} {
		sum, all := make([]int, 320*180), 0
		frames := []int64{}
		for k, w := range c.weights {
			for i, v := range luma(n + int64(k)) {
				sum[i] += w * int(v)
			}
			all += w
			frames = append(frames, n+int64(k))
		}
		mixed := make([]byte, len(sum))
		for i, v := range sum {
			mixed[i] = byte(v / all)
		}
		l, ok := ReadCodeLevels(mixed, 320, 320, 180)
		if !ok || l.Grey() < 4 && c.want != 191 && c.want != 63 {
			t.Fatalf("%s: %v, %d grey cells", name, ok, l.Grey())
		}
		w, ok := l.Mix(frames...)
		if !ok || w < c.want-2 || w > c.want+2 {
			t.Errorf("%s: weight %d, %v, want %d", name, w, ok, c.want)
		}
		for _, other := range [][]int64{{n + 5, n + 6}, {n - 1, n}, {n, n}, {-1, n}, {n, MaxFrame + 1}, {n + 4, n + 5, n + 6}} {
			if w, ok := l.Mix(other...); ok {
				t.Errorf("%s: taken for %v, weight %d", name, other, w)
			}
		}
	}
	plain, ok := ReadCodeLevels(luma(n), 320, 320, 180)
	if !ok || plain.Grey() > 0 {
		t.Errorf("one frame has %d grey cells", plain.Grey())
	}
	if _, ok := ReadCodeLevels(make([]byte, 320*180), 320, 320, 180); ok {
		t.Error("black has a code")
	}
}
