package verify

import (
	"slices"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/markers"
)

const testFrames = 600

// kindsOf lists the kinds of what was found.
func kindsOf(r *report.Report) (list []report.Kind) {
	for _, f := range r.Findings {
		list = append(list, f.Kind)
	}
	return list
}

func TestPerfect(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	pictures := perfect(truth, testFrames)
	r := checked(t, streamData{pictures: pictures, statements: statements(truth, pictures)}, truth)
	if r.Verdict != report.True || len(r.Findings) > 0 || r.Events.Exact != len(truth.Markers) || r.Events.Exact == 0 {
		t.Errorf("%+v", r)
	}
}

// What is done to pictures whose statements go with them.
func TestFindings(t *testing.T) {
	drop := func(list []pixels.Picture, from, to int) []pixels.Picture {
		return slices.Delete(slices.Clone(list), from, to)
	}
	replace := func(list []pixels.Picture, from, to int, by func(pixels.Picture, pixels.Picture) pixels.Picture) []pixels.Picture {
		list = slices.Clone(list)
		for i := from; i < to; i++ {
			list[i] = by(list[i], list[from-1])
		}
		return list
	}
	freeze := func(p, before pixels.Picture) pixels.Picture { p.Frame, p.Event = before.Frame, before.Event; return p }
	black := func(p, _ pixels.Picture) pixels.Picture {
		return pixels.Picture{PTS: p.PTS, Timed: true, Frame: -1, Black: true}
	}
	noise := func(p, _ pixels.Picture) pixels.Picture { return pixels.Picture{PTS: p.PTS, Timed: true, Frame: -1} }
	for name, c := range map[string]struct {
		do   func([]pixels.Picture) []pixels.Picture
		want []report.Finding
	}{
		"one missing":         {func(l []pixels.Picture) []pixels.Picture { return drop(l, 100, 101) }, []report.Finding{{Kind: report.Missing, Count: 1, Places: []report.Place{{First: 100, Last: 100}}}}},
		"a second missing":    {func(l []pixels.Picture) []pixels.Picture { return drop(l, 100, 130) }, []report.Finding{{Kind: report.Missing, Count: 30, Places: []report.Place{{First: 100, Last: 129}}}}},
		"the first missing":   {func(l []pixels.Picture) []pixels.Picture { return drop(l, 0, 1) }, []report.Finding{{Kind: report.Trimmed, Count: 1, Places: []report.Place{{First: 0, Last: 0}}}}},
		"the last missing":    {func(l []pixels.Picture) []pixels.Picture { return drop(l, 590, 600) }, []report.Finding{{Kind: report.Trimmed, Count: 10, Places: []report.Place{{First: 590, Last: 599}}}}},
		"one repeated":        {func(l []pixels.Picture) []pixels.Picture { return replace(l, 100, 101, freeze) }, []report.Finding{{Kind: report.Repeated, Count: 1, Places: []report.Place{{First: 99, Last: 99}}}}},
		"frozen":              {func(l []pixels.Picture) []pixels.Picture { return replace(l, 100, 130, freeze) }, []report.Finding{{Kind: report.Frozen, Count: 30, Places: []report.Place{{First: 99, Last: 99}}}}},
		"frozen to the end":   {func(l []pixels.Picture) []pixels.Picture { return replace(l, 590, 600, freeze) }, []report.Finding{{Kind: report.Frozen, Count: 10, Places: []report.Place{{First: 589, Last: 589}}}}},
		"black":               {func(l []pixels.Picture) []pixels.Picture { return replace(l, 100, 115, black) }, []report.Finding{{Kind: report.Black, Count: 15, Places: []report.Place{{First: 100, Last: 114}}}}},
		"black at the start":  {func(l []pixels.Picture) []pixels.Picture { return append(replace(l[:15:15], 1, 15, black), l[15:]...) }, []report.Finding{{Kind: report.Black, Count: 14, Places: []report.Place{{First: 1, Last: 14}}}}},
		"unreadable":          {func(l []pixels.Picture) []pixels.Picture { return replace(l, 100, 103, noise) }, []report.Finding{{Kind: report.Unreadable, Count: 3, Places: []report.Place{{First: 100, Last: 102}}}}},
		"black, then missing": {func(l []pixels.Picture) []pixels.Picture { return drop(replace(l, 100, 105, black), 105, 110) }, []report.Finding{{Kind: report.Missing, Count: 5, Places: []report.Place{{First: 105, Last: 109}}}, {Kind: report.Black, Count: 5, Places: []report.Place{{First: 100, Last: 104}}}}},
		"one out of order": {func(l []pixels.Picture) []pixels.Picture {
			l = slices.Clone(l)
			l[100].Frame, l[101].Frame = l[101].Frame, l[100].Frame
			return l
		}, []report.Finding{{Kind: report.OutOfOrder, Count: 1, Places: []report.Place{{First: 101, Last: 101}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			truth := verifytest.Truth(t, testFrames)
			pictures := c.do(perfect(truth, testFrames))
			// Frozen and exchanged pictures have the statements of what they show.
			r := checked(t, streamData{pictures: pictures, statements: statements(truth, pictures)}, truth)
			if r.Verdict != report.NotTrue || len(r.Findings) != len(c.want) {
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
	in := streamData{pictures: pictures, statements: statements(truth, pictures)}
	truth.Missing = []markers.MissingRecord{{Frame: 90, LastFrame: 129}, {Frame: 140, LastFrame: 159}}
	r := checked(t, in, truth)
	if len(r.Findings) != 1 || r.Findings[0].Count != 10 || r.Findings[0].Places[0].First != 130 {
		t.Errorf("%+v", r.Findings)
	}
	truth.Missing[0].LastFrame = 200
	if r = checked(t, in, truth); r.Verdict != report.True {
		t.Errorf("%+v", r.Findings)
	}
}

func TestWrongMarkers(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	pictures := perfect(truth, testFrames)
	in := streamData{pictures: pictures, statements: statements(truth, pictures)}
	shift := func(first, last int64) func(*markers.Marker) {
		return func(m *markers.Marker) { m.Frame, m.LastFrame = m.Frame+first, m.LastFrame+last }
	}
	for name, c := range map[string]struct {
		change func(*markers.Marker)
		kind   report.Kind
		by     int64
	}{
		"late":  {shift(-1, -1), report.EventLate, 1},
		"early": {shift(2, 2), report.EventEarly, -2},
		"short": {shift(0, 3), report.EventLength, -3},
		"long":  {shift(0, -1), report.EventLength, 1},
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
	if r := checked(t, in, changed); len(r.Findings) != 1 || r.Findings[0].Kind != report.EventExtra {
		t.Errorf("a marker less: %+v", r.Findings)
	}
	dark := slices.Clone(pictures)
	for i := range dark {
		dark[i].Event = false
	}
	in.pictures = dark
	if r := checked(t, in, truth); len(r.Findings) != 1 || r.Findings[0].Kind != report.EventMissed || r.Events.Seen != 0 {
		t.Errorf("no event: %+v", r.Findings)
	}
}

// An event whose first frames are missing is not late.
func TestEventWithMissingFrames(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	first := truth.Markers[0].Frame
	pictures := slices.Delete(perfect(truth, testFrames), int(first)-2, int(first)+3)
	r := checked(t, streamData{pictures: pictures, statements: statements(truth, pictures)}, truth)
	if got := kindsOf(r); !slices.Equal(got, []report.Kind{report.Missing}) || r.Events.Exact != len(truth.Markers) {
		t.Errorf("%v, %+v", got, r.Events)
	}
}

func TestStatementClocks(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	pictures := perfect(truth, testFrames)
	for name, c := range map[string]struct {
		change func(i int, r *analyzer.Record) bool // false: leave it out
		kind   report.Kind
		clock  string
	}{
		"record one frame off": {func(_ int, r *analyzer.Record) bool {
			if r.Source == analyzer.FrameRecord {
				n := *r.Frame + 1
				r.Frame = &n
			}
			return true
		}, report.ClockOffset, "sei.frame_record"},
		"clock drifts": {func(i int, r *analyzer.Record) bool {
			if r.Source == analyzer.MISBTime {
				t := r.UTC.Add(time.Duration(i) * time.Microsecond)
				r.UTC = &t
			}
			return true
		}, report.ClockDrift, "sei.misb"},
		"timecode restarts": {func(i int, r *analyzer.Record) bool {
			if r.Source == analyzer.PicTiming && i > 900 {
				r.Timecode = "00:00:00:00"
			}
			return true
		}, report.ClockNoise, "sei.pic_timing"},
		"some left out": {func(i int, r *analyzer.Record) bool {
			return r.Source != analyzer.PicTiming || i%10 != 0
		}, report.ClockGaps, "sei.pic_timing"},
		"all left out": {func(_ int, r *analyzer.Record) bool { return r.Source != analyzer.MISBTime }, report.ClockGone, "sei.misb"},
	} {
		var list []analyzer.Record
		for i, r := range statements(truth, pictures) {
			if c.change(i, &r) {
				list = append(list, r)
			}
		}
		r := checked(t, streamData{pictures: pictures, statements: list}, truth)
		if len(r.Findings) != 1 || r.Findings[0].Kind != c.kind || r.Findings[0].Clock != c.clock {
			t.Errorf("%s: %+v", name, r.Findings)
		}
	}
}

// A clock that the truth knows nothing of is neither right nor wrong.
func TestUncheckedClock(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	pictures := perfect(truth, testFrames)
	in := streamData{pictures: pictures, statements: statements(truth, pictures)}
	truth.Frames = nil
	r := checked(t, in, truth)
	if r.Verdict != report.True || len(r.Notes) != 1 || r.Clocks[3].State != report.Unchecked {
		t.Errorf("%s, %v, %+v", r.Verdict, r.Notes, r.Clocks[3])
	}
}

// Time stamps that begin again at 33 bits are followed.
func TestWrappedTimeStamps(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	pictures := perfect(truth, testFrames)
	for i := range pictures {
		pictures[i].PTS -= 1 << 33
	}
	r := checked(t, streamData{pictures: pictures, statements: statements(truth, pictures)}, truth)
	if r.Verdict != report.True {
		t.Errorf("%+v", r.Findings)
	}
}

// The end of a stream that was cut off while it was read is left out, as far as it is torn.
func TestTornEnd(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	truth.Bounded = false
	pictures := slices.Delete(perfect(truth, testFrames), 596, 598)
	in := streamData{pictures: pictures, statements: statements(truth, pictures), cut: true}
	if r := checked(t, in, truth); r.Verdict != report.True || *r.LastFrame != 595 {
		t.Errorf("%+v", r.Findings)
	}
	in.cut = false
	if r := checked(t, in, truth); r.Verdict != report.NotTrue {
		t.Errorf("%+v", r.Findings)
	}
}

func TestNothingReadable(t *testing.T) {
	r := checked(t, streamData{pictures: []pixels.Picture{{Frame: -1}, {Frame: -1, Black: true}}}, truth.Truth{})
	if r.Verdict != report.Unknown || len(r.Notes) == 0 {
		t.Errorf("%+v", r)
	}
}
