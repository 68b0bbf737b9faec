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
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/media"
)

// sortSamples puts samples into the order of time, which is not that of coding.
func sortSamples(list []report.Sample) {
	slices.SortStableFunc(list, func(a, b report.Sample) int { return cmp.Compare(a.Frame, b.Frame) })
}

// clockFindings finds what is wrong with the clocks. Those that are gone are one finding: SEI messages are stripped together.
func clockFindings(list []report.Clock) (out []report.Finding) {
	var gone []string
	for _, r := range list {
		if r.State == report.Gone {
			gone = append(gone, r.Name)
		}
		out = append(out, describeClock(r)...)
		if r.Statements > 0 && r.Statements < r.Expected {
			n := int64(r.Expected - r.Statements)
			f := report.Finding{
				Kind: report.ClockGaps, Clock: r.Name, Count: n, Places: r.Missing,
				Text: fmt.Sprintf("%s says nothing in %s of %d", r.Name, report.Plural(n, "place"), r.Expected),
			}
			if len(f.Places) > 0 {
				f.Text += ": at " + report.Names(f.Places)
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
		out = append(out, report.Finding{Kind: report.ClockGone, Clock: strings.Join(gone, ","), Count: int64(len(gone)), Text: what + " gone"})
	}
	return out
}

// describeClock finds what is wrong with a clock that is there. One that jumps may also be wrong from the first, or drift between
// the jumps: these are findings of their own, which are not allowed with the jumps.
func describeClock(r report.Clock) (list []report.Finding) {
	if f, ok := mainFinding(r); ok {
		if r.Name == report.DTSClock {
			f.Kind = report.DTS
			return []report.Finding{f}
		}
		list = append(list, f)
	}
	if r.State != report.Stepped {
		return list
	}
	if most := max(smallestOffset, 2*r.Tolerance); r.Offset > most || r.Offset < -most {
		list = append(list, report.Finding{
			Kind: report.ClockOffset, Clock: r.Name, Amount: &r.Offset, Text: fmt.Sprintf("%s is %s at first", r.Name, ahead(r.Offset)),
		})
	}
	if ppm := math.Round(r.PPM*10) / 10; ppm != 0 {
		list = append(list, report.Finding{
			Kind: report.ClockDrift, Clock: r.Name, PPM: &ppm,
			Text: fmt.Sprintf("%s %s between its jumps", r.Name, pace(ppm)),
		})
	}
	return list
}

// mainFinding is the first of them.
func mainFinding(r report.Clock) (report.Finding, bool) {
	f := report.Finding{Clock: r.Name}
	ppm := math.Round(r.PPM*10) / 10
	switch r.State {
	case report.Offset:
		f.Kind, f.Amount = report.ClockOffset, &r.Offset
		f.Text = fmt.Sprintf("%s is %s", r.Name, ahead(r.Offset))
		if r.Name == report.SoundClock {
			f.Text = "sound is " + report.Late(r.Offset)
		}
	case report.Drifting:
		f.Kind, f.PPM, f.Amount = report.ClockDrift, &ppm, &r.Offset
		f.Text = fmt.Sprintf("%s %s", r.Name, pace(ppm))
		if most := max(smallestOffset, r.Tolerance); r.Offset > most || r.Offset < -most {
			f.Text += fmt.Sprintf(", and is %s at first", ahead(r.Offset))
		}
	case report.Stepped:
		f.Kind, f.Count, f.Amount = report.ClockStep, int64(len(r.Steps)), &r.Steps[0].By
		for _, s := range r.Steps[:min(len(r.Steps), report.MaxPlaces)] {
			f.Places = append(f.Places, report.Place{First: s.Frame, Last: s.Frame})
		}
		f.Every = report.Every(f.Places)
		f.Text = fmt.Sprintf("%s jumps %s: by %s at frame %d", r.Name, report.Plural(f.Count, "time"), signed(r.Steps[0].By), r.Steps[0].Frame)
		if len(r.Steps) > 1 {
			f.Text += " first"
		}
		if ppm != 0 {
			f.PPM = &ppm
		}
	case report.Noisy:
		f.Kind, f.Amount = report.ClockNoise, &r.Worst
		f.Text = fmt.Sprintf("%s is wrong irregularly, by up to %s s", r.Name, report.Brief(r.Worst))
	default:
		return f, false
	}
	return f, true
}

// smallestOffset is the smallest offset that is reported of a clock which does not keep it.
const smallestOffset = media.Seconds(time.Millisecond)

func ahead(t media.Seconds) string {
	if t < 0 {
		return report.Brief(-t) + " s behind"
	}
	return report.Brief(t) + " s ahead"
}

func signed(t media.Seconds) string {
	if t > 0 {
		return "+" + report.Brief(t) + " s"
	}
	return report.Brief(t) + " s"
}

func pace(ppm float64) string {
	how := "fast"
	if ppm < 0 {
		how = "slow"
	}
	return fmt.Sprintf("runs %s by %s ppm", how, strconv.FormatFloat(math.Abs(ppm), 'f', -1, 64))
}
