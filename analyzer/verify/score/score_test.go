package score

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

func testChannel() markers.Channel {
	return markers.Channel{
		Name: "main", Run: 1, Epoch: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Rate: media.FrameRate{Num: 30000, Den: 1001},
		FramesPerSegment: 60, PTSOrigin: markers.PTSOrigin,
	}
}

// plan makes markers that begin at the given frames.
func plan(frames ...int64) (list []markers.Marker) {
	c := testChannel()
	for i, n := range frames {
		m := markers.Plan(c, markers.Event{Kind: markers.KindScheduled, Number: int64(i + 1), Scheduled: n, First: n, Last: n + 30})
		list = append(list, m.At(m.UTC.Add(250*time.Millisecond), c.Epoch))
	}
	return list
}

func at(seconds ...float64) (list []media.Seconds) {
	for _, s := range seconds {
		list = append(list, media.Seconds(math.Round(s*1e9)))
	}
	return list
}

func TestCompute(t *testing.T) {
	marks := plan(300, 600, 900, 1200) // 10.01, 20.02, 30.03, 40.04 s
	for _, c := range []struct {
		name                     string
		at                       []media.Seconds
		o                        Options
		matched, missed, surplus int
		bias, p50, p95           string
		precision, recall        float64
	}{
		{"perfect", at(10.01, 20.02, 30.03, 40.04), Options{}, 4, 0, 0, "0", "0", "0", 1, 1},
		{"late by 40 ms, in any order", at(40.08, 10.05, 30.07, 20.06), Options{Tolerance: 5e8}, 4, 0, 0, "0.04", "0.04", "0.04", 1, 1},
		{"one missed, one spurious", at(10.01, 25, 30.03, 40.04), Options{Tolerance: 5e8}, 3, 1, 1, "0", "0", "0", .75, .75},
		{"twice the same", at(10.01, 10.01, 20.02, 30.03, 40.04), Options{Tolerance: 5e8}, 4, 0, 1, "0", "0", "0", .8, 1},
		{"beyond the tolerance", at(10.02), Options{Tolerance: 9999999}, 0, 4, 1, "", "", "", 0, 0},
		{"at the tolerance", at(10.02), Options{Tolerance: 1e7}, 1, 3, 0, "0.01", "0.01", "0.01", 1, .25},
		{"early and late", at(10.00, 20.04, 30.03, 40.14), Options{Tolerance: 5e8}, 4, 0, 0, "0.0275", "0.01", "0.1", 1, 1},
		{"clock of its own", at(0.01, 10.02, 20.03, 30.04), Options{Offset: 10e9}, 4, 0, 0, "0", "0", "0", 1, 1},
		{"nothing found", nil, Options{}, 0, 4, 0, "", "", "", math.NaN(), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := Compute(List{Time, c.at}, marks, c.o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Matched != c.matched || r.Missed != c.missed || r.Spurious != c.surplus ||
				len(r.Matches) != c.matched || len(r.MissedMarkers) != c.missed || len(r.SpuriousDetections) != c.surplus {
				t.Errorf("%d matched, %d missed, %d spurious, want %d, %d, %d", r.Matched, r.Missed, r.Spurious, c.matched, c.missed, c.surplus)
			}
			for name, pair := range map[string][2]string{
				"bias": {text(r.Bias), c.bias}, "p50": {text(r.P50), c.p50}, "p95": {text(r.P95), c.p95},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s is %s, want %s", name, pair[0], pair[1])
				}
			}
			if got := number(r.Precision); got != c.precision && !(math.IsNaN(got) && math.IsNaN(c.precision)) {
				t.Errorf("precision %v, want %v", got, c.precision)
			}
			if got := number(r.Recall); got != c.recall {
				t.Errorf("recall %v, want %v", got, c.recall)
			}
		})
	}
}

func text(s *media.Seconds) string {
	if s == nil {
		return ""
	}
	return s.String()
}

func number(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

func TestRangeLeavesOutWhatCouldNotBeSeen(t *testing.T) {
	from, to := media.Seconds(15e9), media.Seconds(35e9)
	o := Options{Tolerance: 1e9, From: &from, To: &to}
	r, err := Compute(List{Time, at(10.01, 20.02, 33, 50)}, plan(300, 600, 900, 1200), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Markers != 2 || r.Matched != 1 || r.Missed != 1 || r.Spurious != 1 {
		t.Errorf("%+v", r)
	}
	// A detection outside the range that belongs to a marker in it counts.
	if r, err = Compute(List{Time, at(14.5)}, plan(450), o); err != nil || r.Matched != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// A detector that joined late, or left early, is said how to leave out what it cannot have seen; with that range nothing is missed.
func TestNote(t *testing.T) {
	marks := plan(300, 600, 900, 1200, 1500) // 10.01, 20.02, 30.03, 40.04, 50.05 s
	for _, c := range []struct {
		at            []media.Seconds
		before, after int
		note          string
	}{
		{at(20.3, 40.04), 1, 1, "events missed: 1 before the first detection, 1 after the last detection; if the detector did not watch then, " +
			"leave them out with --ts-start 19.799 --ts-end 40.541 (ts_start and ts_end over HTTP)"},
		{at(30.03, 40.04, 50.05), 2, 0, "events missed: 2 before the first detection; if the detector did not watch then, leave them out with --ts-start 29.529 (ts_start and ts_end over HTTP)"},
		{at(10.01, 50.05), 0, 0, ""},
		{nil, 0, 0, ""},
	} {
		o := Options{Tolerance: 5e8}
		r, err := Compute(List{At: c.at}, marks, o)
		if err != nil || r.MissedBefore != c.before || r.MissedAfter != c.after || r.Note != c.note {
			t.Errorf("%v: %d before, %d after, %q, %v", c.at, r.MissedBefore, r.MissedAfter, r.Note, err)
		}
		if c.note == "" {
			continue
		}
		o.From, o.To = new(c.at[0]-o.Tolerance), new(c.at[len(c.at)-1]+o.Tolerance)
		if r, err := Compute(List{At: c.at}, marks, o); err != nil || r.MissedBefore+r.MissedAfter != 0 || r.Note != "" {
			t.Errorf("%v within the range: %+v, %v", c.at, r, err)
		}
	}
}

func TestDrift(t *testing.T) {
	marks := plan(0, 3000, 6000, 9000, 12000)
	var found []media.Seconds
	for _, m := range marks {
		found = append(found, m.Time+m.Time/10000+5e6) // 100 ppm fast, and 5 ms late at first
	}
	r, err := Compute(List{Time, found}, marks, Options{Tolerance: 1e9})
	if err != nil || r.Matched != 5 || math.Abs(number(r.DriftPPM)-100) > 0.01 {
		t.Errorf("drift %v, %d matched, %v: want 100 ppm", number(r.DriftPPM), r.Matched, err)
	}
	if r, _ = Compute(List{Time, found[:2]}, marks, Options{Tolerance: 1e9}); r.DriftPPM != nil {
		t.Errorf("drift %v out of two matches", *r.DriftPPM)
	}
}

func TestGenClockHasItsOwnTruth(t *testing.T) {
	marks := plan(300)
	r, err := Compute(List{Gen, []media.Seconds{marks[0].GenSeconds}}, marks, Options{})
	if err != nil || r.Matched != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestComputeRefuses(t *testing.T) {
	late, early := media.Seconds(2), media.Seconds(1)
	for name, o := range map[string]Options{
		"tolerance below 0": {Tolerance: -1}, "tolerance too large": {Tolerance: MaxTolerance + 1},
		"offset": {Offset: maxInstant + 1}, "range": {From: &late, To: &early},
	} {
		if _, err := Compute(List{}, nil, o); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestMatchIsBest compares with every way to pair small lists.
func TestMatchIsBest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	points := func(n int) []point {
		list := make([]point, n)
		for i := range list {
			at := media.Seconds(random.IntN(30))
			list[i] = point{at, at, i}
		}
		slices.SortFunc(list, comparePoints)
		return list
	}
	for range 3000 {
		truth, found := points(random.IntN(6)), points(random.IntN(6))
		tolerance := media.Seconds(random.IntN(12))
		pairs, err := match(truth, found, tolerance)
		if err != nil {
			t.Fatal(err)
		}
		got := best{pairs: len(pairs)}
		used := map[string]bool{}
		for _, p := range pairs {
			d := truth[p.marker].at - found[p.detection].at
			if max(d, -d) > tolerance {
				t.Fatalf("%v, %v within %d: pair %v", truth, found, tolerance, p)
			}
			got.cost += int64(max(d, -d))
			for _, key := range []string{fmt.Sprint("m", p.marker), fmt.Sprint("d", p.detection)} {
				if used[key] {
					t.Fatalf("%v, %v within %d: %s is used twice", truth, found, tolerance, key)
				}
				used[key] = true
			}
		}
		if want := bruteForce(truth, found, tolerance, 0); got != want {
			t.Fatalf("%v, %v within %d: %+v, want %+v", truth, found, tolerance, got, want)
		}
	}
}

// bruteForce tries every detection, or none, for the first marker, and goes on with the rest.
func bruteForce(truth, found []point, tolerance media.Seconds, used uint) best {
	if len(truth) == 0 {
		return best{}
	}
	b := bruteForce(truth[1:], found, tolerance, used)
	for j, f := range found {
		d := truth[0].at - f.at
		if d = max(d, -d); d > tolerance || used>>j&1 == 1 {
			continue
		}
		r := bruteForce(truth[1:], found, tolerance, used|1<<j)
		if r = (best{r.pairs + 1, r.cost + int64(d)}); r.over(b) {
			b = r
		}
	}
	return b
}

// Extremes do not overflow.
func TestExtremes(t *testing.T) {
	far := []media.Seconds{-maxInstant, 0, maxInstant}
	r, err := Compute(List{Time, far}, plan(0), Options{Tolerance: MaxTolerance, Offset: maxInstant})
	if err != nil || r.Matched != 1 || r.Matches[0].Index != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func BenchmarkCompute(b *testing.B) {
	var frames []int64
	var found []media.Seconds
	for i := range int64(10_000) {
		frames = append(frames, i*150)
		found = append(found, media.Seconds(i*5_005_000_000+i%7*1_000_000))
	}
	marks := plan(frames...)
	for b.Loop() {
		if r, err := Compute(List{Time, found}, marks, Options{Tolerance: 5e8}); err != nil || r.Matched != 10_000 {
			b.Fatal(r.Matched, err)
		}
	}
}

// TestWriteTable shows a report to people: what is unknown as -, and no more of a long list than fits.
func TestWriteTable(t *testing.T) {
	at := func(frames ...int64) (l List) {
		l.Clock = Time
		for _, n := range frames {
			l.At = append(l.At, media.Seconds(testChannel().Rate.Nanos(n)))
		}
		return l
	}
	spurious := []int64{300}
	for i := range int64(12) {
		spurious = append(spurious, 1000+100*i)
	}
	for name, c := range map[string]struct {
		list   List
		truth  []markers.Marker
		want   []string
		absent string
	}{
		"all found":  {at(300, 600), plan(300, 600), []string{"markers      2, 0 of them missed\n", "precision    1.0000\n", "bias         0 s\n", "drift        "}, "spurious  "},
		"none":       {List{Clock: Time}, plan(300), []string{"precision    -\n", "recall       0.0000\n", "error        p50 -, p95 -, max -\n", "missed       main-e1 at frame 300 (10.01 s)\n"}, "and "},
		"too many":   {at(spurious...), plan(300), []string{"spurious     detection 2 (", "spurious     and 2 more\n"}, "detection 12 ("},
		"all missed": {at(), plan(spurious...), []string{"missed       and 3 more\n"}, "main-e11 "},
	} {
		r, err := Compute(c.list, c.truth, Options{Tolerance: media.Seconds(time.Second)})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var b strings.Builder
		if err := r.WriteTable(&b); err != nil {
			t.Fatal(err)
		}
		var page, suite strings.Builder
		if err := errors.Join(r.WriteHTML(&page, "x", time.Time{}), r.WriteJUnit(&suite, "x", time.Time{})); err != nil {
			t.Fatal(err)
		}
		failures := r.Missed + min(r.Spurious, 1)
		if want := fmt.Sprintf(`tests="%d" failures="%d"`, r.Markers+1, failures); !strings.Contains(suite.String(), want) {
			t.Errorf("%s: no %s in\n%s", name, want, &suite)
		}
		if got := strings.Count(page.String(), "<tr>"); got != 8+r.Missed+r.Spurious {
			t.Errorf("%s: %d rows in the page\n%s", name, got, &page)
		}
		for _, want := range c.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: no %q in\n%s", name, want, &b)
			}
		}
		if strings.Contains(b.String(), c.absent) {
			t.Errorf("%s: %q in\n%s", name, c.absent, &b)
		}
	}
}
