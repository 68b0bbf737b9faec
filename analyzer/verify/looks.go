package verify

import (
	"context"
	"fmt"
	"slices"

	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/faults/pictures"
	"github.com/refstream/refstream/faults/verdict"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
)

// look is how a frame is shown because of a fault.
type look struct {
	generator.Look
	fault *markers.FaultRecord
}

// plain reports whether frame n, shown so, may look as it would without the fault.
func (l look) plain(n int64) bool { return l.Instead && l.Shows == n }

// readLooks finds out which frames have other pictures than their own.
func (c *checker) readLooks(ctx context.Context, source truth.Source) (err error) {
	l := c.labels
	l.looks, l.matched, l.spoilt = map[int64]look{}, map[int64]bool{}, map[int64]bool{}
	if l.truth, err = source.Between(ctx, l.first, l.last); err != nil {
		return fmt.Errorf("read truth: %w", err)
	}
	for i := range l.records {
		r := &l.records[i]
		if r.State != markers.FaultDone && r.State != markers.FaultActive {
			continue
		}
		spans := r.Done
		if r.Layer == verdict.LayerUnit || r.Layer == verdict.LayerPackets {
			spans = slices.Concat(r.Done, r.Collateral)
		}
		for _, s := range spans {
			for n := max(l.first, s.Frame); n <= min(l.last, s.LastFrame); n++ {
				if r.Layer != verdict.LayerPicture {
					l.spoilt[n] = l.spoilt[n] || r.Layer == verdict.LayerUnit || r.Layer == verdict.LayerPackets && len(r.Collateral) > 0
				} else if shown, ok := pictures.LookOf(*r, n, c.clock); ok {
					if f := l.truth.Frames[n]; f.Fault == r.ID && f.Shows.Set {
						shown.Shows = f.Shows.Value
					}
					l.looks[n] = look{shown, r}
				}
			}
		}
	}
	return nil
}

// eventAt reports whether the picture of a frame shows an event.
func (l *labels) eventAt(n int64) bool {
	return slices.ContainsFunc(l.truth.Markers, func(m markers.Marker) bool { return m.Frame <= n && n <= m.LastFrame })
}

// slots are the frames whose picture it may be: by the frame record at its time stamp, by the time stamp, and by the picture
// before.
func (c *checker) slots(p *pixels.Picture, named map[int64]int64, before int64) (list []int64) {
	if p.Timed {
		if n, ok := named[reduce(p.PTS, c.in.info.Modulus())]; ok {
			list = append(list, n)
		}
		list = append(list, c.frameAt(p.PTS))
	}
	return append(list, before+1)
}

// undo gives pictures that are as labelled the frames in whose places they are, as if they showed their own. Pictures that show another frame
// because of lost or damaged bytes lose their code.
func (c *checker) undo(list []pixels.Picture, named map[int64]int64) []pixels.Picture {
	if c.labels == nil {
		return list
	}
	l, out, before := c.labels, slices.Clone(list), int64(-2)
	for i := range out {
		p := &out[i]
		slots := c.slots(p, named, before)
		k := slices.IndexFunc(slots, func(n int64) bool { shown, ok := l.looks[n]; return ok && shown.is(p, n) })
		if k < 0 && p.Timed && len(slots) < 3 { // without a frame record: a picture of another frame rate is between two frames
			slots = []int64{slots[len(slots)-2] - 1, slots[len(slots)-2] + 1}
			k = slices.IndexFunc(slots, func(n int64) bool { shown, ok := l.looks[n]; return ok && n > before && shown.is(p, n) })
		}
		if k >= 0 {
			n := slots[k]
			c.match(p, n)
			before = n
			continue
		}
		if slots = c.slots(p, named, before); p.Frame >= 0 && p.Frame != before+1 && p.Timed &&
			!slices.ContainsFunc(slots[:len(slots)-1], func(n int64) bool { return n == p.Frame || !l.spoilt[n] }) {
			*p = pixels.Picture{PTS: p.PTS, Timed: true, Frame: -1, Stale: true}
		}
		if before++; p.Frame >= 0 {
			before = p.Frame
		}
	}
	return out
}

// is reports whether a picture looks as frame n should.
func (l look) is(p *pixels.Picture, n int64) bool {
	switch {
	case l.Instead:
		return p.Frame == l.Shows
	case l.Black || l.Dark >= generator.FullDark:
		return p.Black
	case l.Dark > 0:
		return p.Black || p.Frame < 0 || p.Frame == n
	}
	return p.Tinted && (p.Frame < 0 || p.Frame == n)
}

// match notes that a picture is as frame n is labelled, and takes the fault from it.
func (c *checker) match(p *pixels.Picture, n int64) {
	l, shown := c.labels, c.labels.looks[n]
	l.matched[n] = true
	event := l.eventAt(n)
	if shown.Instead && p.Event != l.eventAt(shown.Shows) {
		event = !event
	}
	if r := shown.fault; len(r.Expects) > 0 && (p.Frame != n || p.Tinted) {
		l.Explain(verdict.Explained{Finding: r.Expects[0], First: n, Last: n, Count: 1}, func(o *markers.FaultRecord) verdict.Place {
			if o.ID == r.ID {
				return verdict.Inside
			}
			return verdict.Outside
		}, false)
	}
	*p = pixels.Picture{PTS: p.PTS, Timed: p.Timed, Frame: n, Event: event}
}

// mislabelled finds the pictures that show their own frames, where a fault's record has another one.
func (c *checker) mislabelled() []report.Finding {
	if c.labels == nil {
		return nil
	}
	f := report.Finding{Kind: report.Mislabelled}
	for _, i := range c.anchors {
		n := c.in.pictures[i].Frame
		shown, ok := c.labels.looks[n]
		if !ok || c.labels.matched[n] || shown.plain(n) {
			continue
		}
		if c.cadence.retimed && (c.labels.looks[n-1].fault != shown.fault || c.labels.looks[n+1].fault != shown.fault) {
			continue // it may be the picture beside it
		}
		f.Add(c.place(n))
	}
	if f.Count == 0 {
		return nil
	}
	n := f.Places[0].First
	f.Text = fmt.Sprintf("%s %s not as labelled: frame %d (%s s) shows its own picture, in fault %s, first", report.Plural(f.Count, "picture"),
		report.IsAre(f.Count), n, f.Places[0].Time, c.labels.looks[n].fault.ID)
	return []report.Finding{f}
}
