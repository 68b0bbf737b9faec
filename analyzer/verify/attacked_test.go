package verify

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// announcing are the statements about events that a playlist of the channel makes, and its first PROGRAM-DATE-TIME.
func announcing(truth truth.Truth) (list []analyzer.Record) {
	clock := verifytest.Channel().Clock()
	pts, utc := clock.PTS(0), clock.UTC(0)
	list = append(list, analyzer.Record{Source: analyzer.ProgramDateTime, PTS: &pts, UTC: &utc})
	for _, m := range truth.Markers {
		extra := rangeExtra(m)
		list = append(list, analyzer.Record{Source: analyzer.DateRange, Unit: -1, Frame: &m.Frame, UTC: &m.UTC, Extra: extra})
	}
	return list
}

// rangeExtra is what package analyzer says of a marker's date range, with another ID where one is given.
func rangeExtra(m markers.Marker, id ...string) json.RawMessage {
	c := &checker{clock: verifytest.Channel().Clock()}
	said := map[string]string{}
	for _, f := range c.expectedDateRange(&m) {
		said[f.name] = f.text
	}
	if len(id) > 0 {
		said["ID"] = id[0]
	}
	extra, _ := json.Marshal(said)
	return extra
}

// asHLS makes the report on a stream of HLS.
func asHLS(t *testing.T, in streamData, truth truth.Truth) *report.Report {
	t.Helper()
	in.kind, in.info = input.HLS, transport()
	in.info.Format = "hls"
	r, err := check(t.Context(), in, verifytest.Channel(), given{verifytest.Channel(), truth}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// All announcements of a kind taken out are missed as one of them is, and an ID of no marker is none.
func TestAnnouncements(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	pictures := perfect(truth, testFrames)
	told, events := statements(truth, pictures), announcing(truth)
	for name, c := range map[string]struct {
		said     []analyzer.Record
		holdsID3 bool
		want     []report.Kind
		clock    string
	}{
		"all there":       {said: events},
		"none":            {said: events[:1], want: []report.Kind{report.ClockGone}, clock: "hls.daterange"},
		"no times at all": {want: []report.Kind{report.ClockGone}, clock: "hls.program_date_time"},
		"one left out":    {said: events[:len(events)-1], want: []report.Kind{report.Unannounced}, clock: "hls.daterange"},
		"no ID3":          {said: events, holdsID3: true, want: []report.Kind{report.ClockGone}, clock: "id3"},
	} {
		r := asHLS(t, streamData{pictures: pictures, statements: slices.Concat(told, c.said), holdsID3: c.holdsID3}, truth)
		if !slices.Equal(kindsOf(r), c.want) || len(c.want) > 0 && r.Findings[0].Clock != c.clock {
			t.Errorf("%s: %+v", name, r.Findings)
		}
	}
	changed := slices.Clone(events)
	changed[2].Extra = rangeExtra(truth.Markers[1], "main-e99")
	r := asHLS(t, streamData{pictures: pictures, statements: slices.Concat(told, changed)}, truth)
	if len(r.Findings) != 1 || r.Findings[0].Kind != report.Misreported || r.Findings[0].Field != "ID" || r.Findings[0].Found != "main-e99" {
		t.Errorf("another ID: %+v", r.Findings)
	}
	quiet := truth
	quiet.Markers = nil
	still := slices.Clone(pictures)
	for i := range still {
		still[i].Event = false
	}
	if r = asHLS(t, streamData{pictures: still, statements: slices.Concat(told, events[:1]), holdsID3: true}, quiet); r.Verdict != report.True {
		t.Errorf("no event: %+v", r.Findings)
	}
}

// What announces an event may stand behind its picture in a stream that breaks off there; before that, and at the end of
// all that the truth is about, it may not be missing.
func TestAnnouncedAtTheEnd(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	m := truth.Markers[len(truth.Markers)-1]
	before := announcing(truth)
	before = before[:len(before)-1]
	for _, c := range []struct {
		after int64 // frames that are read after the event's first
		want  []report.Kind
	}{{1, nil}, {14, nil}, {15, []report.Kind{report.Unannounced}}} {
		n := m.Frame + c.after + 1
		part := truth
		part.Bounded = false
		pictures := perfect(truth, n)
		r := asHLS(t, streamData{pictures: pictures, statements: slices.Concat(statements(truth, pictures), before)}, part)
		if got := kindsOf(r); !slices.Equal(got, c.want) {
			t.Errorf("%d frames after it: %v, want %v", c.after, got, c.want)
		}
	}
	whole := verifytest.Truth(t, m.Frame+2)
	pictures := perfect(whole, m.Frame+2)
	r := asHLS(t, streamData{pictures: pictures, statements: slices.Concat(statements(whole, pictures), before)}, whole)
	if got := kindsOf(r); !slices.Equal(got, []report.Kind{report.Unannounced}) {
		t.Errorf("at the end of the truth: %v", got)
	}
}

func TestMarkerID(t *testing.T) {
	for _, c := range []struct {
		source analyzer.Source
		extra  string
		want   string
	}{
		{analyzer.DateRange, `{"ID":"a"}`, "a"},
		{analyzer.ID3, `{"frames":[{"id":"TXXX"},{"id":"TXXX","marker":{"id":"b"}}]}`, "b"},
		{analyzer.OnCuePoint, `{"name":"x","parameters":{"id":"c"}}`, "c"},
		{analyzer.OnCuePoint, `{"parameters":3}`, ""}, {analyzer.ID3, ``, ""}, {analyzer.ID3, `[]`, ""},
	} {
		if got := markerID(analyzer.Record{Source: c.source, Extra: json.RawMessage(c.extra)}); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.source, c.extra, got, c.want)
		}
	}
}

// EXTINF is held against the pictures; a packager's rounding is none of its faults.
func TestSegmentLength(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	pictures := perfect(truth, testFrames)
	told := slices.Concat(statements(truth, pictures), announcing(truth))
	clock := verifytest.Channel().Clock()
	for name, c := range map[string]struct {
		says  media.Seconds
		count int64
	}{"exact": {2e9, 0}, "rounded": {1_999_500_000, 0}, "a frame longer": {2_033_333_333, 10}, "longer": {2_500_000_000, 10}, "shorter": {1_500_000_000, 10}} {
		var list []span
		for i := range int64(10) {
			list = append(list, span{msn: i, first: clock.PTS(60 * i), last: clock.PTS(60*i + 59), units: 60, says: c.says})
		}
		r := asHLS(t, streamData{pictures: pictures, statements: told, segments: list}, truth)
		if c.count == 0 && r.Verdict == report.True {
			continue
		}
		if len(r.Findings) != 1 || r.Findings[0].Kind != report.SegmentLength || r.Findings[0].Count != c.count || *r.Findings[0].Amount != c.says-2e9 {
			t.Errorf("%s: %+v", name, r.Findings)
		}
	}
}

// Where another run begins there is a discontinuity, and within a run of a file there is none.
func TestDiscontinuities(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	pictures := perfect(truth, testFrames)
	clock := verifytest.Channel().Clock()
	for name, c := range map[string]struct {
		second int64 // the first frame of another run
		tag    int   // the segment with the tag
		want   []report.Kind
	}{
		"one run": {testFrames, -1, nil}, "two runs": {300, 5, nil}, "two runs, not marked": {300, -1, []report.Kind{report.ClockGaps}},
		"one run, marked": {testFrames, 5, []report.Kind{report.Added}}, "marked elsewhere": {300, 4, []report.Kind{report.Added, report.ClockGaps}},
	} {
		part := truth
		part.Frames = maps.Clone(truth.Frames)
		list := statements(truth, pictures)
		for i := range list {
			if r := &list[i]; r.Source == analyzer.FrameRecord && *r.Frame >= c.second {
				r.Extra = bytes.Replace(r.Extra, []byte(`"run":1,`), []byte(`"run":2,`), 1)
				f := part.Frames[*r.Frame]
				f.Run = 2
				part.Frames[*r.Frame] = f
			}
		}
		var segments []span
		for i := range 10 {
			first := clock.PTS(int64(60 * i))
			segments = append(segments, span{
				msn: int64(i), first: first, last: clock.PTS(int64(60*i + 59)), begin: first, units: 60, says: 2e9, discontinuity: i == c.tag,
			})
		}
		r := asHLS(t, streamData{pictures: pictures, statements: slices.Concat(list, announcing(truth)), segments: segments}, part)
		if got := kindsOf(r); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v: %v", name, got, c.want, textsOf(r))
		}
	}
}

// Without the ledger a clock of the generator can't be checked, but what can't be is found.
func TestImpossibleGeneratorClock(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	pictures := perfect(truth, testFrames)
	year := 365 * 24 * time.Hour
	for by, want := range map[time.Duration]report.State{0: report.Unchecked, time.Hour: report.Unchecked, -year: report.Offset, year: report.Offset, -time.Minute: report.Offset} {
		list := statements(truth, pictures)
		for i := range list {
			if list[i].Source == analyzer.MISBTime {
				at := list[i].UTC.Add(by)
				list[i].UTC = &at
			}
		}
		blind := truth
		blind.Frames = nil
		r := checked(t, streamData{pictures: pictures, statements: list}, blind)
		if r.Clocks[3].State != want || (r.Verdict == report.True) != (want == report.Unchecked) {
			t.Errorf("%v: %s, %+v, %+v", by, r.Verdict, r.Clocks[3].State, r.Findings)
		}
	}
}

func TestForeignChannel(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	pictures := perfect(truth, testFrames)
	list := statements(truth, pictures)
	for i := range list {
		if list[i].Source == analyzer.FrameRecord && i > 300 {
			list[i].Extra = bytes.Replace(list[i].Extra, []byte(`"main"`), []byte(`"other"`), 1)
		}
	}
	r := checked(t, streamData{pictures: pictures, statements: list}, truth)
	if len(r.Findings) != 1 || r.Findings[0].Kind != report.Misreported || r.Findings[0].Count != 499 ||
		!strings.Contains(r.Findings[0].Text, "channel is other, not main, at frame 101") {
		t.Errorf("%+v", r.Findings)
	}
}

// Frames that the truth is not about are told once, and nothing is said of their events.
func TestBeyondTruth(t *testing.T) {
	all := verifytest.Truth(t, testFrames)
	pictures := perfect(all, testFrames)
	in := streamData{pictures: pictures, statements: slices.Concat(statements(all, pictures), announcing(all)[1:])}
	part := all
	part.First, part.Last = 0, 299
	part.Markers = slices.DeleteFunc(slices.Clone(all.Markers), func(m markers.Marker) bool { return m.Frame > part.Last })
	if len(part.Markers) == len(all.Markers) {
		t.Fatal("no event is beyond")
	}
	r := checked(t, in, part)
	if len(r.Findings) != 1 || r.Findings[0].Kind != report.BeyondTruth || r.Findings[0].Count != 300 || r.Findings[0].Places[0].First != 300 {
		t.Errorf("%+v", r.Findings)
	}
	if *r.FirstFrame != 0 || *r.LastFrame != testFrames-1 {
		t.Errorf("frames %d to %d", *r.FirstFrame, *r.LastFrame)
	}
	part.First, part.Last = 5_400_000, 5_400_599
	if r = checked(t, in, part); r.Verdict != report.Unknown || len(r.Findings) > 0 ||
		r.Notes[0] != "the stream shows frames 0 to 599, the truth is about 5400000 to 5400599" {
		t.Errorf("%s, %v, %+v", r.Verdict, r.Notes, r.Findings)
	}
}

// Who allows for jumps does not allow for what is wrong from the first.
func TestJumpHidesNothing(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	pictures := perfect(truth, testFrames)
	told := statements(truth, pictures)
	for i := range pictures {
		pictures[i].PTS += 90000 + int64(i/300)*3000
	}
	for i := range told {
		pts := pictures[told[i].Unit].PTS
		told[i].PTS = &pts
	}
	r := checked(t, streamData{pictures: pictures, statements: told}, truth)
	if !slices.Equal(kindsOf(r), []report.Kind{report.ClockStep, report.ClockOffset}) || *r.Findings[1].Amount != 1e9 {
		t.Errorf("%+v", r.Findings)
	}
}

// Time that runs faster at the same frame rate leaves frames out, and is no sum of jumps.
func TestStaircase(t *testing.T) {
	list := samplesOf(480, func(i int64) int64 { return -(i / 4) * 33_333_333 })
	for i := range list {
		list[i].At = (int64(i) + int64(i)/4) * 1_000_000_000 / 30
	}
	if f := describe(list, 5556); f.state != report.Drifting || f.ppm < -201_000 || f.ppm > -199_000 {
		t.Errorf("%+v", f)
	}
	// Few jumps are jumps, however regular.
	few := samplesOf(600, func(i int64) int64 { return i / 60 * 33_333_333 })
	if f := describe(few, 5556); f.state != report.Stepped || len(f.steps) != 9 {
		t.Errorf("%+v", f)
	}
}

func TestTexts(t *testing.T) {
	early, short := []report.Place{{By: -28}}, []report.Place{{By: -3}}
	drift := describeClock(report.Clock{Name: "pts", State: report.Drifting, PPM: 1.3976024e6})
	step := describeClock(report.Clock{Name: "pts", State: report.Stepped, Steps: []report.Step{{Frame: 3, By: 1e9}}})
	for got, want := range map[string]string{
		by(report.EventEarly, early):                               " by 28 frames",
		by(report.EventEarly, []report.Place{{By: -28}, {By: -1}}): " by 1 to 28 frames",
		by(report.EventLate, []report.Place{{By: 1}}):              " by 1 frame",
		by(report.EventLength, short):                              ", 3 frames short",
		drift[0].Text:                                              "pts runs fast by 1397602.4 ppm",
		step[0].Text:                                               "pts jumps 1 time: by +1 s at frame 3",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Time stamps that could not be written make no verdict.
