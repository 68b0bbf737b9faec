package faults

import (
	"cmp"
	"slices"

	"github.com/refstream/refstream/markers"
)

// frames are those that a fault has changed, and those that may look wrong because of it, which may be among the others.
type frames struct{ changed, spoiled []run }

// run is frames first to last, inclusive.
type run struct{ first, last int64 }

// add adds a change of a layer.
func (f *frames) add(c Change) {
	if n := len(f.changed); n > 0 && f.changed[n-1].first <= c.Frame && c.Frame <= f.changed[n-1].last+1 {
		f.changed[n-1].last = max(f.changed[n-1].last, c.Frame)
	} else {
		f.changed = append(f.changed, run{c.Frame, c.Frame})
	}
	if first := c.Frame - c.Earlier; first != c.Spoiled {
		f.spoiled = append(f.spoiled, run{min(first, c.Spoiled), max(c.Frame, c.Spoiled)})
	}
}

// addRecord adds the frames of a record.
func (f *frames) addRecord(r markers.FaultRecord) {
	for _, s := range r.Done {
		f.changed = append(f.changed, run{s.Frame, s.LastFrame})
	}
	for _, s := range r.Collateral {
		f.spoiled = append(f.spoiled, run{s.Frame, s.LastFrame})
	}
}

// fill writes them into a record.
func (f *frames) fill(r *markers.FaultRecord, clock markers.Clock) {
	f.changed, f.spoiled = join(f.changed), join(f.spoiled)
	r.Done, r.Collateral = spans(f.changed, clock), spans(without(f.spoiled, f.changed), clock)
}

// Newest are the records of the faults in a log, of each the newest one, whole, in the order in which the log has them first. One that
// still Adds lacks what was before the log.
func Newest(log []markers.FaultRecord, clock markers.Clock) (list []markers.FaultRecord) {
	type sum struct {
		record markers.FaultRecord
		frames frames
		whole  bool
	}
	var sums []*sum
	of := map[string]*sum{}
	for _, r := range log {
		s := of[r.Fault()]
		if s == nil {
			s = &sum{}
			of[r.Fault()], sums = s, append(sums, s)
		}
		if s.record = r; !r.Adds {
			s.frames, s.whole = frames{}, true
		}
		s.frames.addRecord(r)
	}
	for _, s := range sums {
		if s.record.Adds {
			s.frames.fill(&s.record, clock)
			s.record.Adds = !s.whole
		}
		list = append(list, s.record)
	}
	return list
}

func spans(runs []run, clock markers.Clock) (list []markers.Span) {
	for _, r := range runs {
		list = append(list, clock.Span(r.first, r.last))
	}
	return list
}

// join puts runs in order, and together those that touch.
func join(runs []run) (out []run) {
	slices.SortFunc(runs, func(a, b run) int { return cmp.Compare(a.first, b.first) })
	for _, r := range runs {
		if n := len(out); n > 0 && r.first <= out[n-1].last+1 {
			out[n-1].last = max(out[n-1].last, r.last)
			continue
		}
		out = append(out, r)
	}
	return out
}

// without is what is in runs, and not in others; both are in order.
func without(runs, others []run) (out []run) {
	for _, r := range runs {
		for _, o := range others {
			if o.last < r.first || o.first > r.last {
				continue
			}
			if o.first > r.first {
				out = append(out, run{r.first, o.first - 1})
			}
			r.first = o.last + 1
		}
		if r.first <= r.last {
			out = append(out, r)
		}
	}
	return out
}
