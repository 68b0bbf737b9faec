package verify

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/markers"
)

// sortSamples puts samples into the order of time, which is not that of coding.
func sortSamples(list []sample) {
	slices.SortStableFunc(list, func(a, b sample) int { return cmp.Compare(a.frame, b.frame) })
}

// clockFindings says what is wrong with the clocks. Those that are gone are told together: who strips SEI messages strips
// all of them.
func clockFindings(list []ClockReport) (out []Finding) {
	var gone []string
	for _, r := range list {
		if r.State == Gone {
			gone = append(gone, r.Name)
		}
		out = append(out, describeClock(r)...)
		if r.Statements > 0 && r.Statements < r.Expected {
			n := int64(r.Expected - r.Statements)
			f := Finding{
				Kind: ClockGaps, Clock: r.Name, Count: n, Places: r.missing[:min(len(r.missing), maxPlaces)],
				Text: fmt.Sprintf("%s says nothing in %s of %d", r.Name, plural(n, "place"), r.Expected),
			}
			if len(f.Places) > 0 {
				f.Text += ": at " + name(f.Places)
			}
			out = append(out, f)
		}
	}
	if len(gone) > 0 {
		what := strings.Join(gone, ", ")
		if slices.Contains(gone, string(analyzer.FrameRecord)) && slices.Contains(gone, string(analyzer.PicTiming)) &&
			slices.Contains(gone, string(analyzer.MISBTime)) {
			what = "SEI stripped: " + what
		}
		out = append(out, Finding{Kind: ClockGone, Clock: strings.Join(gone, ","), Count: int64(len(gone)), Text: what + " gone"})
	}
	return out
}

// describeClock says what is wrong with a clock that is there. One that jumps may also be wrong from the first, or drift between
// the jumps: these are findings of their own, so that who allows for jumps does not allow for them.
func describeClock(r ClockReport) (list []Finding) {
	if f, ok := mainFinding(r); ok {
		if r.Name == clockDTS {
			f.Kind = DTS
			return []Finding{f}
		}
		list = append(list, f)
	}
	if r.State != Stepped {
		return list
	}
	if most := max(worthTelling, 2*r.Tolerance); r.Offset > most || r.Offset < -most {
		list = append(list, Finding{
			Kind: ClockOffset, Clock: r.Name, Amount: &r.Offset, Text: fmt.Sprintf("%s is %s at first", r.Name, ahead(r.Offset)),
		})
	}
	if ppm := math.Round(r.PPM*10) / 10; ppm != 0 {
		list = append(list, Finding{
			Kind: ClockDrift, Clock: r.Name, PPM: &ppm,
			Text: fmt.Sprintf("%s runs %s by %s ppm between its jumps", r.Name, fast(ppm), plain(ppm)),
		})
	}
	return list
}

// plain is a size without an exponent.
func plain(v float64) string { return strconv.FormatFloat(math.Abs(v), 'f', -1, 64) }

// mainFinding is the first of them.
func mainFinding(r ClockReport) (Finding, bool) {
	f := Finding{Clock: r.Name}
	ppm := math.Round(r.PPM*10) / 10
	switch r.State {
	case Offset:
		f.Kind, f.Amount = ClockOffset, &r.Offset
		f.Text = fmt.Sprintf("%s is %s", r.Name, ahead(r.Offset))
	case Drifting:
		f.Kind, f.PPM, f.Amount = ClockDrift, &ppm, &r.Offset
		f.Text = fmt.Sprintf("%s runs %s by %s ppm", r.Name, fast(ppm), plain(ppm))
		if most := max(worthTelling, r.Tolerance); r.Offset > most || r.Offset < -most {
			f.Text += fmt.Sprintf(", and is %s at first", ahead(r.Offset))
		}
	case Stepped:
		f.Kind, f.Count, f.Amount = ClockStep, int64(len(r.Steps)), &r.Steps[0].By
		for _, s := range r.Steps[:min(len(r.Steps), maxPlaces)] {
			f.Places = append(f.Places, Place{First: s.Frame, Last: s.Frame})
		}
		f.Every = every(f.Places)
		f.Text = fmt.Sprintf("%s jumps %s: by %s at frame %d", r.Name, plural(f.Count, "time"), signed(r.Steps[0].By), r.Steps[0].Frame)
		if len(r.Steps) > 1 {
			f.Text += " first"
		}
		if ppm != 0 {
			f.PPM = &ppm
		}
	case Noisy:
		f.Kind, f.Amount = ClockNoise, &r.Worst
		f.Text = fmt.Sprintf("%s is wrong irregularly, by up to %s s", r.Name, brief(r.Worst))
	default:
		return f, false
	}
	return f, true
}

// worthTelling is the smallest offset that is told of a clock which does not keep it.
const worthTelling = markers.Seconds(time.Millisecond)

func ahead(t markers.Seconds) string {
	if t < 0 {
		return brief(-t) + " s behind"
	}
	return brief(t) + " s ahead"
}

func signed(t markers.Seconds) string {
	if t > 0 {
		return "+" + brief(t) + " s"
	}
	return brief(t) + " s"
}

func fast(ppm float64) string {
	if ppm < 0 {
		return "slow"
	}
	return "fast"
}
