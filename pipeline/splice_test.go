package pipeline

import (
	"errors"
	"slices"
	"testing"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// fakePictures are frames that are black.
type fakePictures []int64

func (p fakePictures) Look(n int64) (look generator.Look, f scenario.Fault, ok bool) {
	return generator.Look{Black: true}, f, slices.Contains(p, n)
}

func (p fakePictures) Touches(first, last int64) bool {
	return slices.ContainsFunc(p, func(n int64) bool { return first <= n && n <= last })
}

// from makes scripts whose units hold the number of their encoder.
func from(b int, count int) (list []script) {
	for i := range count {
		list = append(list, script{b: b, lookahead: 3 * b, edit: func(_ int64, au *media.Unit) bool {
			au.NALs = append(au.NALs, []byte{0x41, 0xE0, byte(i)})
			return true
		}})
	}
	return list
}

// Only the GOPs with a touched frame come from other encoders, one for each run of them, and all units stay in order.
func TestSplice(t *testing.T) {
	cases := []struct {
		name  string
		black fakePictures
		from  string // the encoder of each GOP
	}{
		{"none", nil, "000000000"},
		{"the first", fakePictures{1010}, "100000000"},
		{"two in the middle", fakePictures{1039, 1040}, "001100000"},
		{"one, a clean one and one", fakePictures{1035, 1055}, "001020000"},
		{"the last", fakePictures{1091, 1099}, "000000001"},
		{"all", fakePictures{1010, 1020, 1030, 1040, 1050, 1060, 1070, 1080, 1090}, "111111111"},
	}
	for _, c := range cases {
		for _, b := range []int{0, 2} {
			t.Run(c.name, func(t *testing.T) {
				inBubble(t, func(r *rig) {
					r.scripts = from(b, 4)
					if err := r.generate(1010, 90, func(g *Generate) { g.Pictures = c.black }); err != nil {
						r.t.Fatal(err)
					}
					got := make([]byte, 9)
					dts := int64(-1)
					for _, u := range r.out.units {
						got[(u.Frame-1010)/10] = '0' + u.NALs[len(u.NALs)-1][2]
						if u.DTS <= dts {
							r.t.Errorf("frame %d is decoded at %d, after %d", u.Frame, u.DTS, dts)
						}
						dts = u.DTS
					}
					if string(got) != c.from || len(r.out.units) != 90 || len(r.missing()) > 0 {
						r.t.Errorf("%d units of encoders %s, want %s", len(r.out.units), got, c.from)
					}
				})
			})
		}
	}
}

// Where an encoder fails, of the clean pictures or of the others, the run ends with its error, and nothing is left.
func TestSpliceFails(t *testing.T) {
	for _, f := range []fate{dies, diesInWrite} {
		for failing := range 2 {
			inBubble(t, func(r *rig) {
				r.scripts = from(2, 2)
				r.scripts[failing].fate, r.scripts[failing].after = f, 13
				if err := r.generate(1010, 90, func(g *Generate) { g.Pictures = fakePictures{1035, 1045} }); !errors.Is(err, errDied) {
					r.t.Errorf("encoder %d: error %v", failing, err)
				}
			})
		}
	}
}
