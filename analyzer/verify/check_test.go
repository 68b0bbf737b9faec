package verify

import (
	"slices"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/markers"
)

const testFrames = 600

// kindsOf lists the kinds of what was found.
func kindsOf(r *Report) (list []Kind) {
	for _, f := range r.Findings {
		list = append(list, f.Kind)
	}
	return list
}

func TestPerfect(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	pictures := perfect(truth, testFrames)
	r := checked(t, input{pictures: pictures, statements: statements(truth, pictures)}, truth)
	if r.Verdict != True || len(r.Findings) > 0 || r.Events.Exact != len(truth.Markers) || r.Events.Exact == 0 {
		t.Errorf("%+v", r)
	}
}

// What is done to pictures whose statements go with them.
func TestFindings(t *testing.T) {
	drop := func(list []picture, from, to int) []picture { return slices.Delete(slices.Clone(list), from, to) }
	replace := func(list []picture, from, to int, by func(picture, picture) picture) []picture {
		list = slices.Clone(list)
		for i := from; i < to; i++ {
			list[i] = by(list[i], list[from-1])
		}
		return list
	}
	freeze := func(p, before picture) picture { p.frame, p.event = before.frame, before.event; return p }
	black := func(p, _ picture) picture { return picture{pts: p.pts, timed: true, frame: -1, black: true} }
	noise := func(p, _ picture) picture { return picture{pts: p.pts, timed: true, frame: -1} }
	for name, c := range map[string]struct {
		do   func([]picture) []picture
		want []Finding
	}{
		"one missing":         {func(l []picture) []picture { return drop(l, 100, 101) }, []Finding{{Kind: Missing, Count: 1, Places: []Place{{First: 100, Last: 100}}}}},
		"a second missing":    {func(l []picture) []picture { return drop(l, 100, 130) }, []Finding{{Kind: Missing, Count: 30, Places: []Place{{First: 100, Last: 129}}}}},
		"the first missing":   {func(l []picture) []picture { return drop(l, 0, 1) }, []Finding{{Kind: Trimmed, Count: 1, Places: []Place{{First: 0, Last: 0}}}}},
		"the last missing":    {func(l []picture) []picture { return drop(l, 590, 600) }, []Finding{{Kind: Trimmed, Count: 10, Places: []Place{{First: 590, Last: 599}}}}},
		"one repeated":        {func(l []picture) []picture { return replace(l, 100, 101, freeze) }, []Finding{{Kind: Repeated, Count: 1, Places: []Place{{First: 99, Last: 99}}}}},
		"frozen":              {func(l []picture) []picture { return replace(l, 100, 130, freeze) }, []Finding{{Kind: Frozen, Count: 30, Places: []Place{{First: 99, Last: 99}}}}},
		"frozen to the end":   {func(l []picture) []picture { return replace(l, 590, 600, freeze) }, []Finding{{Kind: Frozen, Count: 10, Places: []Place{{First: 589, Last: 589}}}}},
		"black":               {func(l []picture) []picture { return replace(l, 100, 115, black) }, []Finding{{Kind: Black, Count: 15, Places: []Place{{First: 100, Last: 114}}}}},
		"black at the start":  {func(l []picture) []picture { return append(replace(l[:15:15], 1, 15, black), l[15:]...) }, []Finding{{Kind: Black, Count: 14, Places: []Place{{First: 1, Last: 14}}}}},
		"unreadable":          {func(l []picture) []picture { return replace(l, 100, 103, noise) }, []Finding{{Kind: Unreadable, Count: 3, Places: []Place{{First: 100, Last: 102}}}}},
		"black, then missing": {func(l []picture) []picture { return drop(replace(l, 100, 105, black), 105, 110) }, []Finding{{Kind: Missing, Count: 5, Places: []Place{{First: 105, Last: 109}}}, {Kind: Black, Count: 5, Places: []Place{{First: 100, Last: 104}}}}},
		"one out of order": {func(l []picture) []picture {
			l = slices.Clone(l)
			l[100].frame, l[101].frame = l[101].frame, l[100].frame
			return l
		}, []Finding{{Kind: OutOfOrder, Count: 1, Places: []Place{{First: 101, Last: 101}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			truth := verifytest.Truth(t, testFrames)
			pictures := c.do(perfect(truth, testFrames))
			// Frozen and exchanged pictures have the statements of what they show.
			r := checked(t, input{pictures: pictures, statements: statements(truth, pictures)}, truth)
			if r.Verdict != NotTrue || len(r.Findings) != len(c.want) {
				t.Fatalf("%s: %+v", r.Verdict, r.Findings)
			}
			for i, want := range c.want {
				got := r.Findings[i]
				if got.Kind != want.Kind || got.Count != want.Count || got.Places[0].First != want.Places[0].First || got.Places[0].Last != want.Places[0].Last {
					t.Errorf("found %+v, want %+v", got, want)
				}
			}
		})
	}
}

// Frames that the ledger knows to be missing are no fault of who is verified.
func TestKnownToBeMissing(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	pictures := slices.Delete(perfect(truth, testFrames), 100, 160)
	in := input{pictures: pictures, statements: statements(truth, pictures)}
	truth.Missing = []markers.MissingRecord{{Frame: 90, LastFrame: 129}, {Frame: 140, LastFrame: 159}}
	r := checked(t, in, truth)
	if len(r.Findings) != 1 || r.Findings[0].Count != 10 || r.Findings[0].Places[0].First != 130 {
		t.Errorf("%+v", r.Findings)
	}
	truth.Missing[0].LastFrame = 200
	if r = checked(t, in, truth); r.Verdict != True {
		t.Errorf("%+v", r.Findings)
	}
}

func TestWrongMarkers(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	pictures := perfect(truth, testFrames)
	in := input{pictures: pictures, statements: statements(truth, pictures)}
	shift := func(first, last int64) func(*markers.Marker) {
		return func(m *markers.Marker) { m.Frame, m.LastFrame = m.Frame+first, m.LastFrame+last }
	}
	for name, c := range map[string]struct {
		change func(*markers.Marker)
		kind   Kind
		by     int64
	}{
		"late":  {shift(-1, -1), EventLate, 1},
		"early": {shift(2, 2), EventEarly, -2},
		"short": {shift(0, 3), EventLength, -3},
		"long":  {shift(0, -1), EventLength, 1},
	} {
		changed := truth
		changed.Markers = slices.Clone(truth.Markers)
		for i := range changed.Markers {
			c.change(&changed.Markers[i])
		}
		r := checked(t, in, changed)
		if len(r.Findings) != 1 || r.Findings[0].Kind != c.kind || r.Findings[0].Count != int64(len(truth.Markers)) || r.Findings[0].Places[0].By != c.by {
			t.Errorf("%s: %+v", name, r.Findings)
		}
	}
	changed := truth
	changed.Markers = truth.Markers[1:]
	if r := checked(t, in, changed); len(r.Findings) != 1 || r.Findings[0].Kind != EventExtra {
		t.Errorf("a marker less: %+v", r.Findings)
	}
	dark := slices.Clone(pictures)
	for i := range dark {
		dark[i].event = false
	}
	in.pictures = dark
	if r := checked(t, in, truth); len(r.Findings) != 1 || r.Findings[0].Kind != EventMissed || r.Events.Seen != 0 {
		t.Errorf("no event: %+v", r.Findings)
	}
}

// An event whose first frames are missing is not late.
func TestEventWithMissingFrames(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	first := truth.Markers[0].Frame
	pictures := slices.Delete(perfect(truth, testFrames), int(first)-2, int(first)+3)
	r := checked(t, input{pictures: pictures, statements: statements(truth, pictures)}, truth)
	if got := kindsOf(r); !slices.Equal(got, []Kind{Missing}) || r.Events.Exact != len(truth.Markers) {
		t.Errorf("%v, %+v", got, r.Events)
	}
}

func TestStatementClocks(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	pictures := perfect(truth, testFrames)
	for name, c := range map[string]struct {
		change func(i int, r *analyzer.Record) bool // false: leave it out
		kind   Kind
		clock  string
	}{
		"record one frame off": {func(_ int, r *analyzer.Record) bool {
			if r.Source == analyzer.FrameRecord {
				n := *r.Frame + 1
				r.Frame = &n
			}
			return true
		}, ClockOffset, "sei.frame_record"},
		"clock drifts": {func(i int, r *analyzer.Record) bool {
			if r.Source == analyzer.MISBTime {
				t := r.UTC.Add(time.Duration(i) * time.Microsecond)
				r.UTC = &t
			}
			return true
		}, ClockDrift, "sei.misb"},
		"timecode restarts": {func(i int, r *analyzer.Record) bool {
			if r.Source == analyzer.PicTiming && i > 900 {
				r.Timecode = "00:00:00:00"
			}
			return true
		}, ClockNoise, "sei.pic_timing"},
		"some left out": {func(i int, r *analyzer.Record) bool {
			return r.Source != analyzer.PicTiming || i%10 != 0
		}, ClockGaps, "sei.pic_timing"},
		"all left out": {func(_ int, r *analyzer.Record) bool { return r.Source != analyzer.MISBTime }, ClockGone, "sei.misb"},
	} {
		var list []analyzer.Record
		for i, r := range statements(truth, pictures) {
			if c.change(i, &r) {
				list = append(list, r)
			}
		}
		r := checked(t, input{pictures: pictures, statements: list}, truth)
		if len(r.Findings) != 1 || r.Findings[0].Kind != c.kind || r.Findings[0].Clock != c.clock {
			t.Errorf("%s: %+v", name, r.Findings)
		}
	}
}

// A clock that the truth knows nothing of is neither right nor wrong.
func TestUncheckedClock(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	pictures := perfect(truth, testFrames)
	in := input{pictures: pictures, statements: statements(truth, pictures)}
	truth.Frames = nil
	r := checked(t, in, truth)
	if r.Verdict != True || len(r.Notes) != 1 || r.Clocks[3].State != Unchecked {
		t.Errorf("%s, %v, %+v", r.Verdict, r.Notes, r.Clocks[3])
	}
}

// Time stamps that begin again at 33 bits are followed.
func TestWrappedTimeStamps(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	pictures := perfect(truth, testFrames)
	for i := range pictures {
		pictures[i].pts -= 1 << 33
	}
	r := checked(t, input{pictures: pictures, statements: statements(truth, pictures)}, truth)
	if r.Verdict != True {
		t.Errorf("%+v", r.Findings)
	}
}

// The end of a stream that was cut off while it was read is left out, as far as it is torn.
func TestTornEnd(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	truth.Bounded = false
	pictures := slices.Delete(perfect(truth, testFrames), 596, 598)
	in := input{pictures: pictures, statements: statements(truth, pictures), cut: true}
	if r := checked(t, in, truth); r.Verdict != True || *r.LastFrame != 595 {
		t.Errorf("%+v", r.Findings)
	}
	in.cut = false
	if r := checked(t, in, truth); r.Verdict != NotTrue {
		t.Errorf("%+v", r.Findings)
	}
}

func TestNothingReadable(t *testing.T) {
	r := checked(t, input{pictures: []picture{{frame: -1}, {frame: -1, black: true}}}, truth.Truth{})
	if r.Verdict != Unknown || r.ExitCode() != 2 || len(r.Notes) == 0 {
		t.Errorf("%+v", r)
	}
}
