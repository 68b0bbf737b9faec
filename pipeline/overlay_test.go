package pipeline

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/stream"
)

// overlaid is what an Overlay makes of clean units, and the errors on the way. The encoders after the first are its own.
func (r *rig) overlaid(clean []stream.Unit, black pictures, change ...func(*Channel)) (out []stream.Unit, failed []error) {
	r.t.Helper()
	c := r.live.Channel
	for _, f := range change {
		f(&c)
	}
	o := newOverlay(&c, black, func(int64) bool { return false })
	hand := func(u stream.Unit) { out = append(out, u) }
	for _, u := range clean {
		if err := o.Write(r.t.Context(), u, hand); err != nil {
			failed = append(failed, err)
		}
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), overlayTime)
	defer cancel()
	if err := o.Close(ctx, hand); err != nil {
		failed = append(failed, err)
	}
	return out, failed
}

// clean makes the units of nine GOPs.
func (r *rig) clean() []stream.Unit {
	r.t.Helper()
	if err := r.generate(1010, 90, func(*Generate) {}); err != nil {
		r.t.Fatal(err)
	}
	return r.out.units
}

// gops names the encoder of each GOP's units, in the order in which they were handed over: - for none, and ! where there are too few.
func gops(units []stream.Unit) string {
	of, count := []byte("---------"), map[int64]int{}
	for _, u := range units {
		gop := (u.Frame - 1010) / 10
		of[gop] = '0' + u.NALs[len(u.NALs)-1][2]
		count[gop]++
	}
	for gop, n := range count {
		if n != 10 {
			of[gop] = '!'
		}
	}
	return string(of)
}

// Live, the GOPs with a touched frame come from other encoders, which were given the GOP before too, and all others are the clean units.
func TestOverlay(t *testing.T) {
	cases := []struct {
		name  string
		black fakePictures
		from  string
		begin []int64 // the first frame of each other encoder
	}{
		{"none", nil, "000000000", nil},
		{"the first", fakePictures{1010}, "100000000", []int64{1010}},
		{"two in the middle", fakePictures{1039, 1040}, "001100000", []int64{1020}},
		{"one, a clean one and one", fakePictures{1035, 1055}, "001020000", []int64{1020, 1040}},
		{"the last", fakePictures{1091, 1099}, "000000001", []int64{1080}},
		{"all", fakePictures{1010, 1020, 1030, 1040, 1050, 1060, 1070, 1080, 1090}, "111111111", []int64{1010}},
	}
	for _, c := range cases {
		for _, b := range []int{0, 2} {
			t.Run(c.name, func(t *testing.T) {
				inBubble(t, func(r *rig) {
					r.scripts = from(b, 4)
					clean := r.clean()
					got, failed := r.overlaid(clean, c.black)
					if gops(got) != c.from || len(got) != 90 || failed != nil {
						t.Fatalf("%d units of encoders %s, want %s; errors %v", len(got), gops(got), c.from, failed)
					}
					for i, u := range got {
						if i > 0 && u.DTS <= got[i-1].DTS {
							t.Errorf("frame %d is decoded at %d, after %d", u.Frame, u.DTS, got[i-1].DTS)
						}
						if c.from[(u.Frame-1010)/10] == '0' && !reflect.DeepEqual(u, clean[i]) {
							t.Errorf("frame %d is not the clean one", u.Frame)
						}
						if u.Record.Frame != u.Frame || u.Record.DTS != u.DTS || u.Record.Bytes != u.Size() {
							t.Errorf("record %+v of frame %d", u.Record, u.Frame)
						}
					}
					var begin, black []int64
					for _, e := range r.encoders[1:] {
						begin, black = append(begin, e.wrote[0]), append(black, e.wrong...)
					}
					if !slices.Equal(begin, c.begin) || !slices.Equal(black, c.black) {
						t.Errorf("the encoders begin with %v, want %v; black are %v, want %v", begin, c.begin, black, c.black)
					}
				})
			})
		}
	}
}

// Where an encoder of touched GOPs fails or hangs, its GOPs are missing, others are there, and the next encoder is tried.
func TestOverlayFails(t *testing.T) {
	black := fakePictures{1035, 1045, 1085}
	for name, c := range map[string]struct {
		fate  fate
		after int
		none  bool // the encoder can't be made
		from  string
	}{
		"dies in the GOP before":  {dies, 5, false, "002200030"},
		"dies":                    {dies, 13, false, "00-200030"},
		"dies while it is asked":  {diesInWrite, 13, false, "00-200030"},
		"hangs":                   {hangs, 13, false, "00-200030"},
		"ends before its time":    {ends, 13, false, "00-200030"},
		"can't be made, twice":    {lives, 0, true, "00-300040"},
		"dies in the second GOP":  {dies, 25, false, "001-00020"},
		"hangs in the second GOP": {hangs, 25, false, "001-00020"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.scripts = from(0, 5)
				for i := range r.scripts {
					r.scripts[i].lookahead = 0
				}
				r.scripts[1].fate, r.scripts[1].after = c.fate, c.after
				if c.none {
					r.noEncoder[1], r.noEncoder[2] = errDied, errDied
				}
				got, failed := r.overlaid(r.clean(), black)
				if want := c.from; gops(got) != want && strings.ReplaceAll(gops(got), "!", "-") != want || len(failed) == 0 {
					t.Errorf("encoders %s, want %s; errors %v", gops(got), want, failed)
				}
				for _, err := range failed {
					if !strings.HasPrefix(err.Error(), "encode faulty pictures: ") {
						t.Errorf("error %v", err)
					}
				}
			})
		})
	}
}

// Where the clean encoder ends in a touched GOP, what there is of it is handed over, and the next encoder begins with the next run.
func TestOverlayRestart(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.scripts = from(2, 4)
		clean := r.clean()
		cut := slices.Concat(clean[:34], clean[40:])
		cut[34].Begins = true
		got, failed := r.overlaid(cut, fakePictures{1035, 1039, 1045, 1055})
		if gops(got) != "001!20000" || failed != nil {
			r.t.Errorf("encoders %s, errors %v", gops(got), failed)
		}
		for _, u := range got {
			if u.Begins != (u.Frame == 1050) {
				r.t.Errorf("frame %d begins: %t", u.Frame, u.Begins)
			}
		}
	})
	inBubble(t, func(r *rig) { // and an encoder that does not end is not waited for
		r.scripts = from(2, 2)
		r.scripts[1].stuck = true
		_, failed := r.overlaid(r.clean(), fakePictures{1099})
		if len(failed) != 1 || !strings.Contains(failed[0].Error(), "can't keep up") {
			r.t.Errorf("errors %v", failed)
		}
	})
}

// Of a channel with more tracks every rendition has the faults, and all units are in one order.
func TestOverlayOfTracks(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.withTracks()
		black := fakePictures{1035, 1055}
		got, failed := r.overlaid(r.clean(), black)
		if failed != nil {
			t.Fatal(failed)
		}
		for _, e := range append(r.ladder[2:], r.encoders[1:]...) {
			if !slices.Equal(e.wrote, count(e.wrote[0], 20)) || len(e.wrong) != 1 || !slices.Contains(black, e.wrong[0]) {
				t.Errorf("an encoder of faulty pictures has frames %v, black are %v", e.wrote, e.wrong)
			}
		}
		r.out.units = got
		r.checkTracks(101, 102, 103, 104, 105, 106, 107, 108, 109)
		if len(r.ladder) != 6 || len(r.encoders) != 3 {
			t.Errorf("%d and %d encoders", len(r.ladder), len(r.encoders))
		}
	})
}

// count lists so many frames from one on.
func count(first int64, n int) (list []int64) {
	for i := range int64(n) {
		list = append(list, first+i)
	}
	return list
}
