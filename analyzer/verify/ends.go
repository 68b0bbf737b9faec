package verify

import (
	"fmt"
	"math"

	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/analyzer/verify/report"
)

// reordered is how many pictures at most are coded before one that is shown earlier: as many as an H.264 decoder may hold back
// (A.3.1), and one.
const reordered = 17

// untorn leaves out the end of a stream that was cut off while it was read: the last pictures may be there without earlier ones
// that are coded after them.
func untorn(list []pixels.Picture) []pixels.Picture {
	for i := max(1, len(list)-reordered); i < len(list); i++ {
		if a, b := list[i-1].Frame, list[i].Frame; a >= 0 && b > a+1 {
			return list[:i]
		}
	}
	return list
}

// cutOff is how many pictures at the end belong behind frames that are not there because the stream was cut in the order of
// coding: all that is missing in front of them is decoded after everything that is there.
func (c *checker) cutOff() int {
	list := c.anchors
	from := max(1, len(list)-reordered)
	for k := from; k < len(list); k++ {
		if c.in.pictures[list[k]].Frame == c.in.pictures[list[k-1]].Frame+1 {
			continue
		}
		last, known := c.decodedLast(from, k)
		if last || !known && c.unbroken() {
			return len(c.in.pictures) - list[k]
		}
		return 0
	}
	return 0
}

// decodedLast reports whether, by the ledger, the frames that are missing from the gap before anchor k on are decoded after all of
// the anchors from one before from on.
func (c *checker) decodedLast(from, k int) (last, known bool) {
	list := c.anchors
	newest := int64(math.MinInt64) // DTS of what is there
	for _, i := range list[from-1:] {
		dts, known := c.decoding(c.in.pictures[i].Frame)
		if !known {
			return false, false
		}
		newest = max(newest, dts)
	}
	i := k
	for n := c.in.pictures[list[k-1]].Frame + 1; n < c.last; n++ {
		if n == c.in.pictures[list[i]].Frame {
			i++
			continue
		}
		dts, known := c.decoding(n)
		if !known || dts <= newest {
			return false, known
		}
	}
	return true, true
}

// unbroken reports whether the decoding times at the end of the stream have no gap, so that no unit is missing between them.
func (c *checker) unbroken() bool {
	const around = 2 * reordered // the gap, and what is coded out of turn beside it
	units := c.in.units
	if len(units) < around {
		return false
	}
	units = units[len(units)-around:]
	frame := c.channel.Rate.Ticks(1)
	for i := 1; i < len(units); i++ {
		if step := units[i].dts - units[i-1].dts; units[i].undated || step <= 0 || step > frame+frame/2 {
			return false
		}
	}
	return true
}

// decoding is the decoding time of a frame, where the truth knows it: that of another generator is not this stream's.
func (c *checker) decoding(n int64) (dts int64, known bool) {
	f, known := c.truth.Frames[n]
	return f.DTS, known && f.PTS != 0 && f.Run != 0
}

// within reports whether the truth covers a frame.
func (c *checker) within(frame int64) bool {
	return !c.truth.Bounded || frame >= c.truth.First && frame <= c.truth.Last
}

// beyond finds the frames that the truth does not cover: nothing else is known of them.
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
		f.Places = append(f.Places, c.place(n))
	}
	if f.Count == 0 {
		return nil
	}
	f.Text = fmt.Sprintf("%s %s beyond the truth, which is about frames %d to %d: frames %d to %d",
		report.Plural(f.Count, "frame"), report.IsAre(f.Count), c.truth.First, c.truth.Last, f.Places[0].First, f.Places[0].Last)
	if len(f.Places) > 1 {
		f.Text += fmt.Sprintf(" and %d to %d", f.Places[1].First, f.Places[1].Last)
	}
	return []report.Finding{f}
}
