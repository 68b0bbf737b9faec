package media

import (
	"fmt"
	"testing"
)

func TestTimecode(t *testing.T) {
	ntsc, ntsc60 := FrameRate{30000, 1001}, FrameRate{60000, 1001}
	for _, c := range []struct {
		n    int64
		r    FrameRate
		drop bool
		want string
	}{
		{0, ntsc, false, "00:00:00:00"},
		{29, ntsc, false, "00:00:00:29"},
		{30, ntsc, false, "00:00:01:00"},
		{107892, ntsc, false, "00:59:56:12"},
		{108000, ntsc, false, "01:00:00:00"},
		{24*108000 - 1, ntsc, false, "23:59:59:29"},
		{24 * 108000, ntsc, false, "00:00:00:00"},
		{-1, ntsc, false, "23:59:59:29"},
		// The known values of drop-frame counting at 29.97.
		{0, ntsc, true, "00:00:00;00"},
		{1, ntsc, true, "00:00:00;01"},
		{1799, ntsc, true, "00:00:59;29"},
		{1800, ntsc, true, "00:01:00;02"},
		{1801, ntsc, true, "00:01:00;03"},
		{3597, ntsc, true, "00:01:59;29"},
		{3598, ntsc, true, "00:02:00;02"},
		{17981, ntsc, true, "00:09:59;29"},
		{17982, ntsc, true, "00:10:00;00"},
		{17983, ntsc, true, "00:10:00;01"},
		{19781, ntsc, true, "00:10:59;29"},
		{19782, ntsc, true, "00:11:00;02"},
		{107892, ntsc, true, "01:00:00;00"},
		{215784, ntsc, true, "02:00:00;00"},
		{2589407, ntsc, true, "23:59:59;29"},
		{2589408, ntsc, true, "00:00:00;00"},
		{-1, ntsc, true, "23:59:59;29"},
		// At 59.94 four numbers are dropped.
		{3599, ntsc60, true, "00:00:59;59"},
		{3600, ntsc60, true, "00:01:00;04"},
		{35963, ntsc60, true, "00:09:59;59"},
		{35964, ntsc60, true, "00:10:00;00"},
		{215784, ntsc60, true, "01:00:00;00"},
		{24 * 215784, ntsc60, true, "00:00:00;00"},
		{25 * 3600, FrameRate{25, 1}, false, "01:00:00:00"},
		{23, FrameRate{24000, 1001}, false, "00:00:00:23"},
		{24, FrameRate{24000, 1001}, false, "00:00:01:00"},
		{59, FrameRate{60, 1}, false, "00:00:00:59"},
		{9, FrameRate{10, 1}, false, "00:00:00:09"},
		{10, FrameRate{10, 1}, false, "00:00:01:00"},
		{1, FrameRate{1, 1}, false, "00:00:01:00"},
		// 12.5 frames/s are counted by 13, as 29.97 are by 30.
		{12, FrameRate{25, 2}, false, "00:00:00:12"},
		{13, FrameRate{25, 2}, false, "00:00:01:00"},
		{86400*13 - 1, FrameRate{25, 2}, false, "23:59:59:12"},
		{86400 * 13, FrameRate{25, 2}, false, "00:00:00:00"},
		{99, FrameRate{100, 1}, false, "00:00:00:99"},
		{0, FrameRate{120, 1}, false, "00:00:00:000"},
		{5, FrameRate{120, 1}, false, "00:00:00:005"},
		{119, FrameRate{120, 1}, false, "00:00:00:119"},
		{120, FrameRate{120000, 1001}, false, "00:00:01:000"},
		{-1, FrameRate{240, 1}, false, "23:59:59:239"},
		{86400*240 + 99, FrameRate{240, 1}, false, "00:00:00:099"},
		{7200, FrameRate{120000, 1001}, true, "00:01:00:000"},
		// Where nothing is to be dropped nothing is.
		{1800, FrameRate{30, 1}, true, "00:01:00:00"},
		{1500, FrameRate{24000, 1001}, true, "00:01:02:12"},
	} {
		if got := TimecodeAt(c.n, c.r, c.drop).String(); got != c.want {
			t.Errorf("frame %d at %v is %s, want %s", c.n, c.r, got, c.want)
		}
	}
}

// TestTimecodeCounts counts a day of frames by the rule as the standard words it, and compares.
func TestTimecodeCounts(t *testing.T) {
	rates := testRates()
	if testing.Short() { // one with dropped numbers, one without, and the widest
		rates = []FrameRate{{30000, 1001}, {25, 1}, {240, 1}}
	}
	for _, r := range rates {
		for _, drop := range []bool{false, true} {
			if drop && !r.DropFrame() {
				continue
			}
			base := int(r.Base())
			var h, m, s, f int
			for n := int64(0); ; n++ {
				got := TimecodeAt(n, r, drop)
				if want := (Timecode{h, m, s, f, drop, base > 100}); got != want {
					t.Fatalf("%v: frame %d is %v, want %v", r, n, got, want)
				}
				skipped := drop && s == 0 && m%10 != 0 && f == 2*base/30
				if got.SkipsBefore(r) != skipped {
					t.Fatalf("%v: frame %d, %v: SkipsBefore is %v", r, n, got, got.SkipsBefore(r))
				}
				if f++; f < base {
					continue
				}
				if f, s = 0, s+1; s == 60 {
					s, m = 0, m+1
					if m == 60 {
						m, h = 0, h+1
					}
					if drop && m%10 != 0 {
						f = 2 * base / 30
					}
				}
				if h == 24 {
					if next := TimecodeAt(n+1, r, drop); next != (Timecode{Drop: drop, Wide: base > 100}) {
						t.Fatalf("%v: after a day comes %v", r, next)
					}
					break
				}
			}
		}
	}
}

func ExampleTimecodeAt() {
	fmt.Println(TimecodeAt(107892, FrameRate{30000, 1001}, true))
	// Output: 01:00:00;00
}
