package generator

import (
	"bytes"
	"testing"
)

// TestLook shows other pictures than a frame's own: frozen and held ones are those of the frame that they show, to the byte
// and with its code; a black one has nothing in it.
func TestLook(t *testing.T) {
	o := testOptions(320, 180)
	r := newTestRenderer(t, o)
	got := make([]byte, r.FrameSize())
	for _, c := range []struct {
		n, shows int64
		look     Look
	}{
		{500, 490, Look{Instead: true, Shows: 490}}, {500, 490, Look{Instead: true, Shows: 490, Event: true}},
		{0, 0, Look{Instead: true}}, {500, 510, Look{Instead: true, Shows: 510}},
	} {
		if err := r.Render(got, c.n, c.look); err != nil || !bytes.Equal(got, renderFrame(t, r, c.shows, c.look.Event)) {
			t.Errorf("frame %d as %+v is not frame %d (%v)", c.n, c.look, c.shows, err)
		}
		if n, ok := ReadFrameCode(lumaOf(got), o.Width, o.Width, o.Height); !ok || n != c.shows {
			t.Errorf("frame %d as %+v says %d, %v", c.n, c.look, n, ok)
		}
	}
	for _, look := range []Look{{Black: true}, {Black: true, Event: true, Instead: true, Shows: 3}} {
		if err := r.Render(got, 500, look); err != nil || !bytes.Equal(got, make([]byte, len(got))) {
			t.Errorf("%+v is not black (%v)", look, err)
		}
	}
	for _, look := range []Look{{Instead: true, Shows: -1}, {Dark: -1}, {Dark: FullDark + 1}} {
		if err := r.Render(got, 500, look); err == nil {
			t.Errorf("%+v is shown", look)
		}
	}
	clean := renderFrame(t, r, 500, true)
	for look, level := range map[Look]func(v byte, channel int) byte{
		{Event: true, Dark: FullDark}:                         func(byte, int) byte { return 0 },
		{Event: true, Dark: FullDark / 4}:                     func(v byte, _ int) byte { return byte(int(v) * 3 / 4) },
		{Event: true, Tint: GreenTint}:                        func(v byte, c int) byte { return [3]byte{v / 2, v, v / 2}[c] },
		{Event: true, Tint: BlueTint, Dark: FullDark * 3 / 4}: func(v byte, c int) byte { return [3]byte{v / 4 / 2, v / 4 / 2, v / 4}[c] },
	} {
		if err := r.Render(got, 500, look); err != nil {
			t.Fatal(err)
		}
		for i, v := range clean {
			if want := level(v, i%3); got[i] != want {
				t.Fatalf("%+v: byte %d is %d, want %d of %d", look, i, got[i], want, v)
			}
		}
	}
}
