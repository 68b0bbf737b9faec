package encoder

import (
	"strings"
	"testing"

	"github.com/refstream/refstream/media"
)

// TestPlaceRefuses: whatever comes out that can't be told with certainty is an error and not a guess.
func TestPlaceRefuses(t *testing.T) {
	const tick = 3600 // a frame at 25/s
	unit := func(pts, dts int64, key bool) media.Unit { return media.Unit{PTS: pts, DTS: dts, Key: key} }
	tests := map[string]struct {
		units []media.Unit // the last is wrong
		want  string
	}{
		"first is no key frame":    {[]media.Unit{unit(9, 9, false)}, "frame 20 starts a GOP and is no key frame"},
		"key frame inside a GOP":   {[]media.Unit{unit(0, 0, true), unit(tick, tick, true)}, "frame 21 is a key frame inside"},
		"no key frame on the grid": {[]media.Unit{unit(0, 0, true), unit(5*tick, 5*tick, false)}, "frame 40 starts a GOP"},
		"not written":              {[]media.Unit{unit(0, 0, true), unit(10*tick, 10*tick, true)}, "input frame 10 came out, which was not written"},
		"before the first":         {[]media.Unit{unit(0, 0, true), unit(-tick, -tick, false)}, "input frame -1 came out"},
		"twice":                    {[]media.Unit{unit(0, 0, true), unit(tick, tick, false), unit(tick, 2*tick, false)}, "second unit of input frame 1"},
		"twice, the first unknown": {[]media.Unit{unit(0, 0, true), unit(2*tick, tick, false), unit(2*tick, 2*tick, false)}, "second unit of input frame 2"},
		"PTS between frames":       {[]media.Unit{unit(0, 0, true), unit(tick+3, tick, false)}, "3 and 0 ticks off"},
		"DTS between frames":       {[]media.Unit{unit(0, 0, true), unit(tick, tick-3, false)}, "0 and -3 ticks off"},
		"DTS goes back":            {[]media.Unit{unit(0, 0, true), unit(2*tick, 0, false)}, "not later than"},
		"DTS after PTS":            {[]media.Unit{unit(0, 0, true), unit(tick, 2*tick, false)}, "frame 21 is decoded 1 frames after it is shown"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tl := &timeline{rate: media.FrameRate{Num: 25, Den: 1}, gop: 5, origin: 90000}
			for _, n := range []int64{20, 21, 22, 23, 24, 40, 41, 42, 43, 44} {
				if err := tl.give(n); err != nil {
					t.Fatal(err)
				}
			}
			for i, au := range tt.units {
				_, err := tl.place(au)
				switch last := i == len(tt.units)-1; {
				case !last && err != nil:
					t.Fatal(err)
				case last && (err == nil || !strings.Contains(err.Error(), tt.want)):
					t.Errorf("error %v, want %q in it", err, tt.want)
				}
			}
		})
	}
}

// TestPlaceOverALongRun: rounding never adds up, and what is out is forgotten.
func TestPlaceOverALongRun(t *testing.T) {
	for _, rate := range append(media.FrameRates(), media.FrameRate{Num: 25, Den: 2}, media.FrameRate{Num: 240000, Den: 1001}) {
		tl := &timeline{rate: rate, gop: 30, origin: 90000}
		const start = 12345
		for i := range int64(300_000) {
			n := i
			if i >= 30 {
				n += 30_000_000_000 // far in the future
			}
			if err := tl.give(n); err != nil {
				t.Fatal(err)
			}
			// As ffmpeg does it: rounded to the nearest, here with an offset that is none of a frame's.
			pts := start + (2*i*90000*rate.Den+rate.Num)/(2*rate.Num)
			au, err := tl.place(media.Unit{PTS: pts, DTS: pts, Key: i%30 == 0})
			if err != nil {
				t.Fatal(err)
			}
			if au.Frame != n || au.PTS != 90000+rate.Ticks(n) {
				t.Fatalf("%s: input %d is frame %d with PTS %d", rate, i, au.Frame, au.PTS)
			}
		}
		if len(tl.pending()) != 0 || len(tl.given) != 0 {
			t.Errorf("%d pending, %d kept", len(tl.pending()), len(tl.given))
		}
	}
}
