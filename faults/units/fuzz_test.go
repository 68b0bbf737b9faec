package units

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// everyKind is a plan with all kinds, each with its parameters at a place in their ranges.
func everyKind(at, length uint8, place uint16) string {
	var text []string
	for _, k := range Kinds() {
		var with []string
		for _, p := range k.Params {
			n := p.Min + int64(place)*((p.Max-p.Min)/0xFFFF)
			switch p.Type {
			case scenario.Word:
				with = append(with, p.Name+": "+p.Words[int(place)%len(p.Words)])
			case scenario.Share:
				with = append(with, fmt.Sprintf("%s: %d%%", p.Name, n))
			case scenario.Length:
				with = append(with, fmt.Sprintf("%s: %dns", p.Name, n))
			default:
				with = append(with, fmt.Sprintf("%s: %d", p.Name, n))
			}
		}
		word := "do"
		if k.Decoy {
			word = "decoy"
		}
		text = append(text, fmt.Sprintf("- {%s: %s, at: {frame: %d}, for: {frames: %d}, with: {%s}}\n", word, k.Name, at, int(length)+1, strings.Join(with, ", ")))
	}
	return strings.Join(text, "")
}

// one is a plan with one of the faults of another, which overlap.
func one(t testing.TB, text string, i int) *scenario.Plan {
	t.Helper()
	lines := strings.SplitAfter(text, "\n")
	f, err := scenario.Parse("x.yaml", []byte("version: 1\nname: x\nfaults:\n"+lines[i%(len(lines)-1)]), Kinds())
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Plan(testChannel())
	if err != nil {
		return nil // a Check refuses it
	}
	return p
}

// Whatever the units are, and whatever is done to them, the result is faulty units of the same frames, and the input stays.
func FuzzUnit(f *testing.F) {
	for _, bframes := range []int{0, 2} {
		var stream []byte
		for _, au := range clip(f, bframes)[:30] {
			stream = h264.AppendAnnexB(stream, au.NALs)
		}
		for i := range table() {
			f.Add(stream, uint8(3*i), uint8(20), uint16(i*4000), uint8(i))
		}
	}
	f.Add([]byte("\x00\x00\x01\x01\x00\x00\x01\x06\x05\xff\x00\x00\x01\x65\x00\x00\x01\x67\x00\x00\x01\x41"), uint8(0), uint8(9), uint16(0), uint8(2))
	f.Fuzz(func(t *testing.T, stream []byte, at, length uint8, place uint16, which uint8) {
		plan := one(t, everyKind(at, length, place), int(which))
		if plan == nil {
			return
		}
		before := string(stream)
		r := New(plan, testChannel().Clock(), func(faults.Change) {})
		nals := h264.SplitAnnexB(stream)
		for i := range nals {
			// Frames out of order, some twice, and a few far away.
			n := int64(i ^ 1)
			if len(nals[i]) > 12 && nals[i][0] == 1 {
				n = int64(binary.BigEndian.Uint64(nals[i][1:]) >> 24)
			}
			au := media.Unit{Frame: n, PTS: n * testTick, DTS: int64(i) * testTick, Key: h264.TypeOf(nals[i]) == h264.NALIDR, NALs: nals[max(0, i-3) : i+1]}
			list, err := r.Unit(au)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range list {
				if one.Frame != n || len(one.NALs) == 0 {
					t.Fatalf("frame %d: a unit of frame %d with %d NAL units", n, one.Frame, len(one.NALs))
				}
				for _, nal := range one.NALs {
					if len(nal) == 0 {
						t.Fatalf("frame %d: an empty NAL unit", n)
					}
				}
			}
		}
		if string(stream) != before {
			t.Fatal("the input was changed")
		}
	})
}
