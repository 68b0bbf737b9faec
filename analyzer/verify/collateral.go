package verify

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/analyzer/verify/report"
)

// losses are the access units that a stream has lost, by the frame records of the others. A loss may spoil what is coded after
// it, up to the next key frame.
type losses struct {
	lost []loss
	// back is how many frames before a lost one may be coded after it.
	back int64
	// named are the frames whose records are in the stream, ascending.
	named []int64
}

// loss is a stretch of lost frames, inclusive, and the key frame after it.
type loss struct{ first, last, until int64 }

func newLosses(statements []analyzer.Record) (l losses) {
	type record struct {
		frame int64
		key   bool
	}
	var list []record
	newest := int64(math.MinInt64)
	for i := range statements {
		r := &statements[i]
		if r.Source != analyzer.FrameRecord || r.Frame == nil || r.Unit < 0 {
			continue
		}
		list = append(list, record{*r.Frame, r.Key})
		newest = max(newest, *r.Frame)
		l.back = max(l.back, newest-*r.Frame)
	}
	l.back = min(l.back, reordered)
	slices.SortFunc(list, func(a, b record) int { return cmp.Compare(a.frame, b.frame) })
	until := int64(math.MaxInt64)
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].key {
			until = list[i].frame
		}
		if i > 0 && list[i].frame > list[i-1].frame+1 {
			l.lost = append(l.lost, loss{list[i-1].frame + 1, list[i].frame - 1, until})
		}
	}
	slices.Reverse(l.lost)
	for _, r := range list {
		l.named = append(l.named, r.frame)
	}
	return l
}

// spoils is the first frame whose loss may have spoilt a frame.
func (l *losses) spoils(frame int64) (lost int64, spoilt bool) {
	for _, s := range l.lost {
		if frame >= s.first-l.back && frame < s.until && (frame < s.first || frame > s.last) {
			return s.first, true
		}
	}
	return 0, false
}

// stale takes the code away from pictures that show another frame than both their frame records and their time stamps name: a
// decoder that lacks a picture may show an older one again. Where nothing is lost, the pixels are right.
func (c *checker) stale(list []pixels.Picture, named map[int64]int64) []pixels.Picture {
	if len(c.losses.lost) == 0 {
		return list
	}
	modulus := c.in.info.Modulus()
	out := slices.Clone(list)
	right := -1 // the last picture that shows the frame that its record names
	for i := range out {
		p := &out[i]
		n, ok := named[reduce(p.PTS, modulus)]
		if !ok || !p.Timed || p.Frame < 0 {
			continue
		}
		if n == p.Frame {
			right = i
			continue
		}
		if _, spoilt := c.losses.spoils(n); !spoilt || right < 0 {
			continue
		}
		off := centre(p.PTS-out[right].PTS-c.clock.PTS(n)+c.clock.PTS(out[right].Frame), modulus)
		if half := c.channel.Rate.Ticks(1) / 2; off <= half && off >= -half {
			*p = pixels.Picture{PTS: p.PTS, Timed: true, Frame: -1, Stale: true}
		}
	}
	return out
}

// undecoded are the frames that are in the stream but were not decoded, since another one was lost. Those after the last picture
// of a stream that was cut may just have been left out.
func (l *losses) undecoded(list []pixels.Picture, cut bool) (out []int64) {
	if len(l.lost) == 0 {
		return nil
	}
	seen, last := map[int64]bool{}, int64(0)
	for _, p := range list {
		n := max(p.Frame, p.Known)
		seen[n], last = true, max(last, n)
	}
	for _, n := range l.named {
		if _, spoilt := l.spoils(n); spoilt && !seen[n] && (n < last || !cut) {
			out = append(out, n)
		}
	}
	return out
}

// describeCollateral describes the pictures that a loss has spoilt.
func (s *sequence) describeCollateral(f report.Finding) string {
	lost, _ := s.losses.spoils(f.Places[0].First)
	var stale, blank int64
	for _, p := range s.in.pictures {
		if !slices.ContainsFunc(f.Places, func(o report.Place) bool { return p.Known > 0 && o.First <= p.Known && p.Known <= o.Last }) {
			continue
		}
		if p.Stale {
			stale++
		} else {
			blank++
		}
	}
	var parts []string
	for _, part := range []struct {
		n    int64
		what string
	}{{blank, "can't be read"}, {stale, "shown as another frame"}, {f.Count - blank - stale, "not decoded"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	return fmt.Sprintf("%s spoilt by the loss of frame %d, known by frame records (%s)", report.Plural(f.Count, "frame"), lost, strings.Join(parts, ", "))
}
