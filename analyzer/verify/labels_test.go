package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/faults/verdict"
	"github.com/refstream/refstream/markers"
)

// fault is the record of one that was done to all of its frames.
func fault(kind, layer string, first, last int64, expects string, tolerates ...string) markers.FaultRecord {
	span := verifytest.Channel().Clock().Span(first, last)
	return markers.FaultRecord{
		ID: kind, Kind: kind, Layer: layer, Source: "main", Span: span, State: markers.FaultDone, Done: []markers.Span{span},
		Expects: strings.Fields(expects), Tolerates: tolerates,
	}
}

// labelled makes the report on a stream with labelled faults, and describes it.
func labelled(t *testing.T, in streamData, known truth.Truth, faults ...markers.FaultRecord) (states string, kinds []report.Kind, verdict report.Verdict) {
	t.Helper()
	in.faults = func(context.Context, truth.Source, int64, int64) ([]markers.FaultRecord, error) { return faults, nil }
	r := checked(t, in, known)
	for _, f := range r.Faults {
		states += fmt.Sprint(" ", f.State)
	}
	return strings.TrimSpace(states), kindsOf(r), r.Verdict
}

// A stream with faults is true with their labels, and only with these.
func TestLabels(t *testing.T) {
	known := verifytest.Truth(t, testFrames)
	clean := perfect(known, testFrames)
	set := func(first, last int, change func(i int, p pixels.Picture) pixels.Picture) []pixels.Picture {
		list := slices.Clone(clean)
		for i := first; i <= last; i++ {
			list[i] = change(i, list[i])
		}
		return list
	}
	show := func(of func(i int) int) func(int, pixels.Picture) pixels.Picture {
		return func(i int, p pixels.Picture) pixels.Picture {
			p.Frame, p.Event = int64(of(i)), clean[of(i)].Event
			return p
		}
	}
	freeze, black := fault("freeze", "picture", 100, 199, "frozen repeated"), fault("black", "picture", 100, 199, "black")
	cut := fault("cut", "picture", 300, 399, "out_of_order", "missing")
	cut.Parameters = map[string]string{"by": "-4s"}
	hold := fault("repeat", "picture", 100, 199, "repeated")
	hold.Parameters = map[string]string{"hold": "3"}
	tint := fault("colour", "picture", 100, 199, "tinted")
	tint.Parameters = map[string]string{"tint": "red"}
	bare := tint
	bare.Expects = nil
	fade := fault("fade", "picture", 100, 199, "unreadable", "black")
	drop := fault("unit.drop", "unit", 100, 100, "missing", "collateral")
	drop.Collateral = []markers.Span{verifytest.Channel().Clock().Span(101, 119)}
	notDone := black
	notDone.State, notDone.Done = markers.FaultNotDone, nil
	blank := func(i int, p pixels.Picture) pixels.Picture {
		return pixels.Picture{PTS: p.PTS, Timed: true, Frame: -1, Black: true}
	}
	frozen := set(100, 199, show(func(int) int { return 100 }))
	late := slices.Delete(set(101, 110, show(func(int) int { return 99 })), 100, 101)
	for name, c := range map[string]struct {
		pictures []pixels.Picture
		faults   []markers.FaultRecord
		states   string
		found    []report.Kind
	}{
		"freeze":            {frozen, []markers.FaultRecord{freeze}, "confirmed", nil},
		"no label":          {frozen, nil, "", []report.Kind{report.Frozen}},
		"no freeze":         {clean, []markers.FaultRecord{freeze}, "not_seen", []report.Kind{report.Mislabelled}},
		"half a freeze":     {set(100, 149, show(func(int) int { return 100 })), []markers.FaultRecord{freeze}, "confirmed", []report.Kind{report.Mislabelled}},
		"another freeze":    {set(100, 250, show(func(int) int { return 100 })), []markers.FaultRecord{freeze}, "confirmed", []report.Kind{report.Missing, report.OutOfOrder}},
		"not done":          {set(100, 199, blank), []markers.FaultRecord{notDone}, "not_done", []report.Kind{report.Black}},
		"black":             {set(100, 199, blank), []markers.FaultRecord{black}, "confirmed", nil},
		"black beside":      {set(90, 199, blank), []markers.FaultRecord{black}, "confirmed", []report.Kind{report.Black}},
		"frozen, not black": {frozen, []markers.FaultRecord{black}, "not_seen", []report.Kind{report.Frozen, report.Mislabelled}},
		"cut":               {set(300, 399, show(func(i int) int { return i - 120 })), []markers.FaultRecord{cut}, "confirmed", nil},
		"hold":              {set(100, 199, show(func(i int) int { return i - (i-100)%3 })), []markers.FaultRecord{hold}, "confirmed", nil},
		"tint":              {set(100, 199, func(_ int, p pixels.Picture) pixels.Picture { p.Tinted = true; return p }), []markers.FaultRecord{tint}, "confirmed", nil},
		"tint, bare record": {set(100, 199, func(_ int, p pixels.Picture) pixels.Picture { p.Tinted = true; return p }), []markers.FaultRecord{bare}, "not_observable", nil},
		"tint without":      {set(100, 199, func(_ int, p pixels.Picture) pixels.Picture { p.Tinted = true; return p }), nil, "", []report.Kind{report.Tinted}},
		"fade":              {set(120, 179, blank), []markers.FaultRecord{fade}, "confirmed", nil},
		"drop":              {slices.Delete(slices.Clone(clean), 100, 101), []markers.FaultRecord{drop}, "confirmed", nil},
		"drop, and spoilt":  {late, []markers.FaultRecord{drop}, "confirmed", nil},
		"two drops":         {slices.Delete(slices.Delete(slices.Clone(clean), 300, 301), 100, 101), []markers.FaultRecord{drop}, "confirmed", []report.Kind{report.Missing}},
		"no drop":           {clean, []markers.FaultRecord{drop}, "not_seen", nil},
	} {
		t.Run(name, func(t *testing.T) {
			states, found, verdict := labelled(t, streamData{pictures: c.pictures, statements: statements(known, clean)}, known, c.faults...)
			if states != c.states || !slices.Equal(found, c.found) {
				t.Errorf("faults are %q, want %q; found %v, want %v", states, c.states, found, c.found)
			}
			if right := len(c.found) == 0 && c.states != "not_seen"; right != (verdict == report.True) {
				t.Errorf("verdict %q", verdict)
			}
		})
	}
}

// Clocks are wrong where faults are labelled, and not elsewhere. How such an error is named depends on how long it is.
func TestLabelledClocks(t *testing.T) {
	known := verifytest.Truth(t, testFrames)
	clean := perfect(known, testFrames)
	moved := func(by func(n int64) int64) streamData {
		in := streamData{pictures: slices.Clone(clean), statements: statements(known, clean)}
		for i := range in.pictures {
			in.pictures[i].PTS += by(in.pictures[i].Frame)
		}
		for i := range in.statements {
			if r := &in.statements[i]; r.PTS != nil {
				pts := *r.PTS + by(r.Unit)
				r.PTS = &pts
			}
		}
		return in
	}
	within := func(first, last, by int64) func(int64) int64 {
		return func(n int64) int64 {
			if n < first || n > last {
				return 0
			}
			if by == 0 {
				return n % 3 * 20
			}
			return by
		}
	}
	step := fault("pts.step", "stamps", 120, 179, "clock_step", "misreported")
	step.Parameters = map[string]string{"by": "3s"}
	jitter := fault("pts.jitter", "stamps", 300, 359, "clock_noise")
	whole := fault("pts.jitter", "stamps", 0, testFrames-1, "clock_noise")
	small := fault("pts.jitter", "stamps", 120, 179, "clock_noise")
	small.Parameters = map[string]string{"by": "10us"}
	frames := func(of markers.FaultRecord, message string) markers.FaultRecord {
		of.Kind, of.Layer, of.Parameters = "sei.offset", "sei", map[string]string{"message": message, "frames": "7"}
		return of
	}
	late := streamData{pictures: clean, statements: statements(known, clean)}
	for i := range late.statements {
		if r := &late.statements[i]; r.Source == analyzer.PicTiming && r.Unit >= 120 && r.Unit < 180 {
			r.Timecode = verifytest.Channel().Clock().Timecode(r.Unit + 7).String()
			r.Extra = timingExtra(verifytest.Channel().Clock().Timecode(r.Unit + 7))
		}
	}
	for name, c := range map[string]struct {
		in     streamData
		faults []markers.FaultRecord
		states string
		found  []report.Kind
	}{
		"step":            {moved(within(120, 179, 270_000)), []markers.FaultRecord{step}, "confirmed", nil},
		"no label":        {moved(within(120, 179, 270_000)), nil, "", []report.Kind{report.ClockStep}},
		"elsewhere":       {moved(within(200, 259, 270_000)), []markers.FaultRecord{step}, "not_seen", []report.Kind{report.ClockStep}},
		"step and jitter": {moved(func(n int64) int64 { return within(120, 179, 270_000)(n) + within(300, 359, 0)(n) }), []markers.FaultRecord{step, jitter}, "confirmed confirmed", nil},
		"all of it":       {moved(within(0, testFrames-1, 0)), []markers.FaultRecord{whole}, "confirmed", nil},
		"too small":       {moved(within(0, 0, 0)), []markers.FaultRecord{small}, "not_observable", nil},
		"timecode":        {late, []markers.FaultRecord{frames(step, "timecode")}, "confirmed", nil},
		"another message": {late, []markers.FaultRecord{frames(step, "misb")}, "not_seen", []report.Kind{report.ClockStep}},
	} {
		t.Run(name, func(t *testing.T) {
			states, found, _ := labelled(t, c.in, known, c.faults...)
			if states != c.states || !slices.Equal(found, c.found) {
				t.Errorf("faults are %q, want %q; found %v, want %v", states, c.states, found, c.found)
			}
		})
	}
}

// What a carrier does not have, no fault can be seen in.
func TestNotObservable(t *testing.T) {
	known := verifytest.Truth(t, testFrames)
	clean := perfect(known, testFrames)
	for name, f := range map[string]markers.FaultRecord{
		"packets":  fault("ts.lose", "packets", 100, 100, "continuity_count_error"),
		"playlist": fault("playlist.stale", "playlist", 120, 179, "gap"),
		"edge":     fault("freeze", "picture", 0, 20, "frozen"),
		"none":     fault("unit.corrupt", "unit", 100, 100, ""),
	} {
		if states, found, verdict := labelled(t, streamData{pictures: clean, statements: statements(known, clean)}, known, f); states != "not_observable" && name != "edge" ||
			verdict == report.True == (name == "edge") || len(found) > 0 == (name != "edge") {
			t.Errorf("%s: %s, found %v, %s", name, states, found, verdict)
		}
	}
}

// What is in no access unit may be at the picture whose true time stamp a step gives to others, and nowhere else.
func TestStepMovesStatements(t *testing.T) {
	step := fault("pts.step", "stamps", 120, 179, "clock_step")
	step.Parameters = map[string]string{"by": "10s"}
	channel := verifytest.Channel()
	moved := channel.Rate.FrameAtNanos(int64(10 * time.Second))
	c := &checker{channel: channel, clock: channel.Clock(), labels: &labels{Labels: verdict.New([]markers.FaultRecord{step})}}
	for n, want := range map[int64]bool{100: false, 150: true, 150 + moved/2: false, 150 + moved: true, 200 + moved: false} {
		if got := c.explained(report.ClockStep, "hls.program_date_time", n, n); got != want {
			t.Errorf("frame %d: explained %v", n, got)
		}
	}
}
