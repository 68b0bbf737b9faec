package verify

import (
	"fmt"

	"github.com/refstream/refstream/analyzer/verify/report"
)

// elsewhere is a note where the stream shows nothing of what the truth is about, and empty otherwise.
func (c *checker) elsewhere() string {
	t := c.truth
	if !t.Bounded || c.first <= t.Last && c.last >= t.First {
		return ""
	}
	return fmt.Sprintf("the stream shows frames %d to %d, the truth is about %d to %d", c.first, c.last, t.First, t.Last)
}

// within says whether the truth is about a frame.
func (c *checker) within(frame int64) bool {
	return !c.truth.Bounded || frame >= c.truth.First && frame <= c.truth.Last
}

// beyond says which frames the truth is not about: nothing else can be said of them.
func (c *checker) beyond() []report.Finding {
	f := report.Finding{Kind: report.BeyondTruth}
	for _, i := range c.anchors {
		n := c.in.pictures[i].Frame
		if c.within(n) {
			continue
		}
		f.Count++
		if k := len(f.Places) - 1; k >= 0 && (n > c.truth.Last) == (f.Places[k].First > c.truth.Last) {
			f.Places[k].Last = n
			continue
		}
		f.Places = append(f.Places, report.Place{First: n, Last: n, Time: c.clock.Time(n)})
	}
	if f.Count == 0 {
		return nil
	}
	is := "are"
	if f.Count == 1 {
		is = "is"
	}
	f.Text = fmt.Sprintf("%s %s beyond the truth, which is about frames %d to %d: frames %d to %d",
		report.Plural(f.Count, "frame"), is, c.truth.First, c.truth.Last, f.Places[0].First, f.Places[0].Last)
	if len(f.Places) > 1 {
		f.Text += fmt.Sprintf(" and %d to %d", f.Places[1].First, f.Places[1].Last)
	}
	return []report.Finding{f}
}
