package media

import "testing"

func TestUnwrap(t *testing.T) {
	const turn = PTSMask + 1
	for _, c := range []struct{ wire, ref, want int64 }{
		{0, 0, 0},
		{5, PTSMask, turn + 5},
		{PTSMask, turn + 5, PTSMask},
		{PTSMask, 0, -1},
		{turn / 2, 0, -turn / 2},
		{turn/2 - 1, 0, turn/2 - 1},
		{7, 3*turn - 9, 3*turn + 7},
	} {
		if got := Unwrap(c.wire, c.ref); got != c.want {
			t.Errorf("Unwrap(%d, %d) = %d, want %d", c.wire, c.ref, got, c.want)
		}
	}
}
