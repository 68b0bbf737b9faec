package units

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/media"
)

// differ lists the frames whose pictures are others than those of the clean twin.
func differ(clean, faulty map[int64]string) (list []int64) {
	for n := range int64(testFrames) {
		if clean[n] != faulty[n] {
			list = append(list, n)
		}
	}
	return list
}

// damage is a fault of units in a GOP, and what becomes of it.
type damage struct {
	kind, of    string
	first, last int64
	more        string
	units       int
	// exact: all frames of the label are shown otherwise; a decoder may get along with some of them where it is false.
	exact bool
}

// picked lists the units that a fault is for, by the first bytes of their slices.
func (d damage) picked(units []media.Unit) (list []int64) {
	for _, au := range units {
		of := ""
		for _, nal := range au.NALs {
			switch nal[0] & 0x1F {
			case 1:
				of = map[bool]string{true: "disposable", false: "reference"}[nal[0]&0x60 == 0]
			case 5:
				of = "idr"
			}
		}
		if of == d.of && d.first <= au.Frame && au.Frame <= d.last && len(list) < d.units {
			list = append(list, au.Frame)
		}
	}
	return list
}

// spoiled lists the frames that a decoder may show wrongly: of a reference those from the first that is decoded after it to the end
// of the GOP.
func (d damage) spoiled(units []media.Unit) (list []int64) {
	if d.of == "disposable" || d.kind == "repeat" && d.of == "idr" {
		return d.picked(units)
	}
	after := false
	for _, au := range units {
		after = after && !au.Key || slices.Contains(d.picked(units), au.Frame)
		if after {
			list = append(list, au.Frame)
		}
	}
	// Between the first and the last one there may be a B-frame that others refer to, and that is decoded before.
	slices.Sort(list)
	for n := d.first - 3; n < d.last; n++ {
		if !slices.Contains(list, n) && slices.Contains(list, n-1) && slices.Contains(list, n+1) {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list
}

// ffmpeg's decoder shows other pictures where the labels have them and nowhere else: of a disposable unit none but its own. There is
// no more than one fault in a GOP.
func TestPictures(t *testing.T) {
	streams := []struct {
		bframes int
		faults  []damage
		log     string // what the decoder prints
	}{
		{2, []damage{
			{"drop", "disposable", 3, 12, "", 1, true}, {"drop", "reference", 30, 32, "", 1, true}, {"drop", "idr", 45, 54, "", 1, true},
			{"repeat", "disposable", 80, 90, "", 2, true},
		}, ""},
		{2, []damage{
			{"repeat", "reference", 5, 9, "", 1, false}, {"repeat", "idr", 25, 25, "", 1, true}, {"truncate", "disposable", 60, 65, "", 2, true},
			{"truncate", "reference", 80, 82, "keep: 37%", 1, true},
		}, "error while decoding MB"},
		{2, []damage{
			{"corrupt", "disposable", 0, 24, "", 20, false}, {"corrupt", "reference", 31, 31, "bytes: 100", 1, true},
			{"truncate", "idr", 50, 50, "keep: 90%", 1, true}, {"drop", "reference", 97, 99, "", 1, true},
		}, "error while decoding MB"},
		{2, []damage{
			{"drop", "reference", 0, 24, "", 3, false}, {"drop", "disposable", 26, 34, "", 3, true}, {"corrupt", "idr", 50, 51, "bytes: 40", 1, true},
			{"drop", "idr", 75, 75, "", 1, true},
		}, ""},
		{0, []damage{
			{"drop", "reference", 0, 9, "", 1, true}, {"drop", "reference", 49, 50, "", 1, true}, {"repeat", "reference", 60, 60, "", 1, true},
			{"drop", "idr", 70, 80, "", 1, true},
		}, ""},
		{0, []damage{
			{"corrupt", "reference", 10, 10, "", 1, true}, {"truncate", "reference", 40, 40, "keep: 1%", 1, true},
			{"truncate", "idr", 50, 50, "", 1, true}, {"corrupt", "idr", 75, 75, "bytes: 40", 1, true},
		}, "error while decoding MB"},
	}
	clean := map[int]map[int64]string{}
	for _, bframes := range []int{0, 2} {
		pictures, log := decode(t, pack(t, clip(t, bframes), nil))
		if clean[bframes] = pictures; len(pictures) != testFrames || strings.Contains(log, "h264") {
			t.Fatalf("%d pictures of the clean stream: %s", len(pictures), log)
		}
	}
	for i, s := range streams {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			var text []string
			for k, d := range s.faults {
				with := strings.TrimSuffix(fmt.Sprintf("of: %s, units: %d, %s", d.of, d.units, d.more), ", ")
				text = append(text, fmt.Sprintf("{id: f%d, do: unit.%s, at: {frame: %d}, for: {frames: %d}, with: {%s}}", k, d.kind, d.first, d.last-d.first+1, with))
			}
			w := rewrite(t, s.bframes, strings.Join(text, ", "))
			pictures, log := decode(t, pack(t, w.faulty, w.clock))
			wrong := differ(clean[s.bframes], pictures)
			if !strings.Contains(log, s.log) {
				t.Errorf("the decoder printed %q, want %q", log, s.log)
			}
			labelled := map[int64]bool{}
			for k, d := range s.faults {
				var done, spoiled []int64
				for _, c := range w.changes {
					if !strings.HasPrefix(c.Fault, fmt.Sprint("f", k, " ")) {
						continue
					}
					done = append(done, c.Frame)
					for n := c.Frame - c.Earlier; n <= c.Spoiled; n++ {
						if !labelled[n] {
							spoiled = append(spoiled, n)
						}
						labelled[n] = true
					}
				}
				slices.Sort(spoiled)
				if want := d.picked(w.clean); !slices.Equal(done, want) || len(done) == 0 {
					t.Errorf("%+v: done to frames %d, want %d", d, done, want)
				}
				if want := d.spoiled(w.clean); !slices.Equal(spoiled, want) {
					t.Errorf("%+v: labelled frames %d, want %d", d, spoiled, want)
				}
				seen := slices.DeleteFunc(slices.Clone(wrong), func(n int64) bool { return !slices.Contains(spoiled, n) })
				if len(seen) == 0 || d.exact && len(seen) != len(spoiled) {
					t.Errorf("%+v: frames %d are shown otherwise, the label has %d", d, seen, spoiled)
				}
			}
			for _, n := range wrong {
				if !labelled[n] {
					t.Errorf("frame %d is shown otherwise, and no label has it", n)
				}
			}
		})
	}
}

// No picture changes for a decoy, and the decoder has nothing to print.
func TestDecoys(t *testing.T) {
	w := rewrite(t, 2, "{decoy: unit.filler, at: {frame: 20}, for: {frames: 40}}, {decoy: sei.unknown, at: {frame: 40}, for: {frames: 40}}")
	if done, _ := w.done(); len(done) != 80 {
		t.Errorf("done to frames %d", done)
	}
	clean, _ := decode(t, pack(t, w.clean, nil))
	pictures, log := decode(t, pack(t, w.faulty, w.clock))
	if wrong := differ(clean, pictures); len(wrong) > 0 || strings.Contains(log, "h264") {
		t.Errorf("frames %d are shown otherwise: %s", wrong, log)
	}
}

// What is not of the sort is not touched, and the reason is reported once.
func TestNotDone(t *testing.T) {
	cases := []struct {
		bframes     int
		fault, want string
	}{
		{0, "{do: unit.drop, at: {frame: 10}, for: {frames: 30}}", "none of its units is of the sort disposable"},
		{2, "{do: unit.corrupt, at: {frame: 26}, for: {frames: 24}, with: {of: idr}}", "none of its units is of the sort idr"},
		{2, "{do: sei.late, at: {frame: 4}, for: {frames: 9}, with: {frames: 30}}", "frame -19 is not decoded before frame 11"},
		{0, "{do: sei.frozen, at: {frame: 24}, for: {frames: 1}}", "it has no more than one frame"},
		{0, "{do: pts.drift, at: {frame: 24}, for: {frames: 2}, with: {ppm: 1}}", "it is too short: the time stamps of its units would not change by a tick"},
		{0, "{do: sei.offset, at: {frame: 24}, for: {frames: 2}, with: {by: 2ms, message: timecode}}", "its units have no such SEI, or none that it changes"},
	}
	for _, c := range cases {
		w := rewrite(t, c.bframes, c.fault)
		if _, why := w.done(); len(w.changes) != 1 || why != c.want {
			t.Errorf("%s: %+v, want %q", c.fault, w.changes, c.want)
		}
	}
}

// Damage makes no start code, and no NAL unit of another length than what is read back.
func TestDamageKeepsUnits(t *testing.T) {
	for _, bframes := range []int{0, 2} {
		for _, with := range []string{"unit.corrupt, with: {of: %s, units: 99, bytes: 300}", "unit.corrupt, with: {of: %s, units: 99}", "unit.truncate, with: {of: %s, units: 99, keep: 37%%}"} {
			for _, of := range []string{"disposable", "reference", "idr"} {
				w := rewrite(t, bframes, "{at: 0s, for: 4s, do: "+fmt.Sprintf(with, of)+"}")
				for _, au := range w.faulty {
					if got := h264.SplitAnnexB(h264.AppendAnnexB(nil, au.NALs)); !slices.EqualFunc(got, au.NALs, slices.Equal[[]byte]) {
						t.Errorf("frame %d: %d NAL units, %d are read", au.Frame, len(au.NALs), len(got))
					}
				}
			}
		}
	}
}

// One byte of a slice is another, behind the header, and a start code that it would make is prevented.
func TestCorruptKeepsEscape(t *testing.T) {
	const frames = 3000
	slice := append([]byte{0x01}, bytes.Repeat([]byte{0x80, 0, 0}, 40)...)
	slice[len(slice)-1] = 0x80
	r := New(testPlan(t, fmt.Sprintf("{do: unit.corrupt, at: 0s, for: {frames: %d}, with: {units: %d, bytes: 1}}", frames, frames)), testChannel().Clock(), func(faults.Change) {})
	escaped := 0
	for n := range int64(frames) {
		list, err := r.Unit(media.Unit{Frame: n, NALs: [][]byte{slice}})
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		got := list[0].NALs[0]
		if read := h264.SplitAnnexB(h264.AppendAnnexB(nil, list[0].NALs)); len(read) != 1 || !bytes.Equal(read[0], got) || bytes.Contains(got, []byte{0, 0, 2}) {
			t.Fatalf("frame %d: % x", n, got)
		}
		plain := h264.Unescape(got)
		if len(got) > len(plain) {
			escaped++
		}
		others := 0
		for i, b := range plain {
			if b != slice[i] {
				others++
			}
		}
		if len(plain) != len(slice) || others != 1 || !bytes.Equal(plain[:headerSize], slice[:headerSize]) {
			t.Fatalf("frame %d: %d bytes are others: % x", n, others, plain)
		}
	}
	if escaped == 0 {
		t.Error("no start code had to be prevented")
	}
}
