package gaps

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/plot/plotter"

	"github.com/refstream/refstream/recorder"
)

func TestPlot(t *testing.T) {
	r := faulty(t, Options{})
	var b bytes.Buffer
	if err := r.Plot(&b, "png"); err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	dark := 0
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			if red, green, blue, _ := picture.At(x, y).RGBA(); red > 2*green && red > 2*blue {
				dark++
			}
		}
	}
	if picture.Bounds().Dx() < 800 || dark < 100 {
		t.Errorf("the picture is %v, with %d red points", picture.Bounds(), dark)
	}
	if err := r.Plot(&b, "svg"); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for d := xml.NewDecoder(&b); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"index.m3u8", "Time from one version", "threshold 3.000 s", ">gap<", ">segment late<", ">segment missing<", ">request failed<", ">resumed<"} {
		if !strings.Contains(text, want) {
			t.Errorf("the drawing has no %q", want)
		}
	}
	if err := r.Plot(io.Discard, "gif"); err == nil || !strings.Contains(err.Error(), "svg or png") {
		t.Errorf("another format: %v", err)
	}
	for _, format := range []string{"svg", "png"} {
		if err := (&Report{}).Plot(io.Discard, format); err != nil {
			t.Errorf("an empty report: %v", err)
		}
		if err := r.Plot(full{}, format); !errors.Is(err, errFull) {
			t.Errorf("a writer that fails: %v", err)
		}
	}
	if err := r.WriteTable(full{}); !errors.Is(err, errFull) {
		t.Errorf("a writer that fails: %v", err)
	}
	if err := r.WriteJSON(full{}); !errors.Is(err, errFull) {
		t.Errorf("a writer that fails: %v", err)
	}
}

func drawn(t *testing.T, r *Report) *drawing {
	t.Helper()
	d, err := r.draw()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The axes end a little above what is drawn, whatever its size.
func TestPlotAxes(t *testing.T) {
	slow := func(by time.Duration) func(e exchange) []exchange {
		return func(e exchange) []exchange {
			e.ended = e.began + by
			return []exchange{e}
		}
	}
	stands := func(t time.Duration) time.Duration {
		if in(t, 10*second, 16*second) {
			return 9 * second
		}
		return t
	}
	for name, test := range map[string]struct {
		sim               sim
		o                 Options
		intervals, delays float64 // the largest values
	}{
		"clean":              {sim{}, Options{}, 3, 0.02}, // up to the threshold
		"quick":              {sim{fetch: slow(300 * time.Microsecond)}, Options{}, 3, 0.0003},
		"a gap":              {sim{shown: stands}, Options{}, 8, 0.02},
		"a threshold far up": {sim{}, Options{Threshold: time.Minute}, 2, 0.02},
	} {
		d := drawn(t, test.sim.report(t, test.o))
		if top := d.intervals.Y.Max; top < test.intervals*1.05 || top > test.intervals*1.2 {
			t.Errorf("%s: the axis of intervals ends at %v", name, top)
		}
		if top := d.delays.Y.Max; top < test.delays*1.05 || top > test.delays*1.2 {
			t.Errorf("%s: the axis of times ends at %v", name, top)
		}
		if d.intervals.X.Max != 30 || d.intervals.Y.Min != 0 || d.delays.Y.Min != 0 {
			t.Errorf("%s: the axes are %+v, %+v", name, d.intervals.X, d.delays.Y)
		}
	}
}

// The curve of segments breaks where none came: in a gap, at one that is missing, and where a run ends.
func TestPlotBreaks(t *testing.T) {
	gone := func(e exchange) []exchange {
		if e.msn == 103 {
			e.status, e.err, e.body = 404, "fetch it: 404 Not Found", ""
		}
		return []exchange{e}
	}
	stands := func(t time.Duration) time.Duration {
		if in(t, 15*second, 21*second) {
			return 14 * second
		}
		return t
	}
	w := write(t, simURL)
	p := w.playlist(simURL, recorder.KindMedia, "")
	for i := range 2 {
		w.begin(simStart().Add(time.Duration(i) * time.Hour))
		s := sim{length: 30 * second, window: 5, fetch: gone, shown: stands}
		s.record(w, p)
	}
	r := found(t, w, Options{})
	var got [][2]float64
	for _, piece := range r.curve(r.Playlists[0].delays) {
		got = append(got, [2]float64{math.Round(piece[0].X), math.Round(piece[len(piece)-1].X)})
	}
	want := [][2]float64{{0, 4}, {8, 14}, {21, 28}, {30, 34}, {38, 44}, {51, 58}}
	if len(got) != len(want) {
		t.Fatalf("the curve has the pieces %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("piece %d is %v, want %v", i, got[i], want[i])
		}
	}
	if s := newSpans(r); len(s) != 2 || s[0] != (span{14.005, 21.005}) || s[1] != (span{44.005, 51.005}) {
		t.Errorf("the shaded spans are %v", s)
	}
	if b := r.gapLines(); len(b) != 2 || b[0][0] != (plotter.XY{X: 14.005, Y: 7}) {
		t.Errorf("the gaps are drawn as %v", b)
	}
	if at := r.offsets(r.failedOthers); len(at) != 2 || at[0] != 6.005 || at[1] != 36.005 {
		t.Errorf("the requests that failed are drawn at %v", at)
	}
}

// Gaps that overlap are one span, and however many values there are, there are not many points.
func TestPlotBounds(t *testing.T) {
	r := &Report{Runs: []recorder.Run{{ID: 1, Ended: 1000 * second}}}
	r.timeline = recorder.NewTimeline(r.Runs)
	for _, from := range []time.Duration{100, 10, 12} {
		r.Gaps = append(r.Gaps, Gap{Before: recorder.Version{Run: 1, Seen: from * second}, Interval: 5 * second})
	}
	if s := newSpans(r); len(s) != 2 || s[0] != (span{10, 17}) || s[1] != (span{100, 105}) {
		t.Errorf("the spans are %v", s)
	}
	var list []sample
	for at := range 100_000 {
		m := recorder.Moment{Run: 1, At: time.Duration(at) * 10 * ms}
		list = append(list, sample{Moment: m, value: time.Duration(at % 7), begins: at == 50_001})
		r.fail(&recorder.Exchange{Run: m.Run, Began: m.At})
	}
	list[77_777].value = second
	pieces := r.curve(list)
	longest := 0.0
	points := 0
	for _, p := range pieces {
		_, _, _, top := plotter.XYRange(p)
		longest, points = max(longest, top), points+len(p)
	}
	if len(pieces) != 2 || points > maxPoints+1 || longest != 1 {
		t.Errorf("%d pieces of %d points, the highest at %v", len(pieces), points, longest)
	}
	if n := len(r.failedOthers); n > maxPoints+1 || n < maxPoints/2 {
		t.Errorf("%d failures are drawn", n)
	}
}

func TestSteps(t *testing.T) {
	for _, test := range []struct {
		high float64
		want string
	}{
		{3.36, "0 1 2 3"}, {1.12, "0.0 0.2 0.4 0.6 0.8 1.0"}, {0.0224, "0.000 0.005 0.010 0.015 0.020"}, {0.1, "0.00 0.02 0.04 0.06 0.08 0.10"},
		{0.6, "0.0 0.1 0.2 0.3 0.4 0.5 0.6"}, {66, "0 20 40 60"}, {86400, "0 20000 40000 60000 80000"},
		{0, ""}, {-1, ""}, {math.NaN(), ""}, {math.Inf(1), ""},
	} {
		var got []string
		for _, tick := range steps(6).Ticks(0, test.high) {
			got = append(got, tick.Label)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("up to %v there are %q, want %q", test.high, got, test.want)
		}
	}
}

// The legend names each thing once, and each name is on a line of its own, right of both diagrams.
func TestPlotLegend(t *testing.T) {
	var b bytes.Buffer
	r := faulty(t, Options{})
	if err := r.Plot(&b, "svg"); err != nil {
		t.Fatal(err)
	}
	style := drawn(t, r).legend.TextStyle
	texts := svgTexts(t, &b)
	right, last := 0.0, math.Inf(-1)
	for _, text := range texts {
		if text.text == "60" { // the last number of both axes
			right = max(right, text.x)
		}
	}
	for _, want := range []string{"index.m3u8", "threshold 3.000 s", "gap", "segment late", "segment missing", "request failed", "resumed"} {
		n := 0
		for _, text := range texts {
			if text.text != want {
				continue
			}
			n++
			if text.x < right+20 || text.y < last+11 { // letters are 9 points high
				t.Errorf("%q stands at %v, %v; the diagrams end at %v and the name before is at %v", want, text.x, text.y, right, last)
			}
			last = text.y
			// In a font with wider letters, DejaVu's, it is whole as well.
			if end := text.x + 1.25*style.Width(want).Points(); end > plotWidth.Points() {
				t.Errorf("%q ends at %v, and the page at %v", want, end, plotWidth.Points())
			}
		}
		if n != 1 {
			t.Errorf("%q stands %d times in the drawing", want, n)
		}
	}
}

// svgText is a text of a drawing, with its place counted from the upper left.
type svgText struct {
	text string
	x, y float64
}

func svgTexts(t *testing.T, r io.Reader) (list []svgText) {
	t.Helper()
	var d struct {
		Texts []struct {
			X    float64 `xml:"x,attr"`
			Y    float64 `xml:"y,attr"`
			Text string  `xml:",chardata"`
		} `xml:"g>text"`
	}
	if err := xml.NewDecoder(r).Decode(&d); err != nil {
		t.Fatal(err)
	}
	for _, text := range d.Texts {
		list = append(list, svgText{text.Text, text.X, text.Y})
	}
	return list
}
