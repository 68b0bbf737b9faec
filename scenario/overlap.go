package scenario

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
)

// Overlap finds a fault of the plan that changes the same property of some of the frames as f.
func (p *Plan) Overlap(f Fault) (other Fault, ok bool) {
	t := p.current.Load()
	for i, r := range t.rows {
		for o := range r.rivals(f) {
			if o.First < t.from {
				continue
			}
			o.Refused = p.refused(o, t, i)
			if o = t.asEnded(o); o.Refused == "" && o.overlaps(f) {
				return o, true
			}
		}
	}
	for _, o := range t.added {
		if o = t.asEnded(o); o.Refused == "" && o.overlaps(f) {
			return o, true
		}
	}
	return other, false
}

// refused is why the occurrence of a row is not done: the channel cannot have it, or one of a row before, or one that was there before the
// rows, is planned for the same property of some of its frames.
func (p *Plan) refused(o Fault, t *timeline, i int) string {
	if o.Kind.Check != nil {
		if err := o.Kind.Check(o, p.clock); err != nil {
			return err.Error()
		}
	}
	if t.from > 0 {
		for _, other := range t.added {
			if other = t.asEnded(other); other.Refused == "" && o.overlaps(other) {
				return fmt.Sprintf("fault %s is in its place", other.ID)
			}
		}
	}
	for _, r := range t.rows[:i] {
		for other := range r.rivals(o) {
			return fmt.Sprintf("fault %s is in its place", other.ID)
		}
	}
	return ""
}

// rivals are the occurrences of a row that a fault overlaps with, in their order. A row that changes something else is
// not looked through: the fault may be 100 years long.
func (r *row) rivals(f Fault) iter.Seq[Fault] {
	return func(yield func(Fault) bool) {
		if !r.changes(f.Kind, f.On) {
			return
		}
		for n := r.next(f.First); n < r.count(); n++ {
			o := r.occurrence(n)
			if o.First > f.Last || f.overlaps(o) && !yield(o) {
				return
			}
		}
	}
}

func (f Fault) overlaps(o Fault) bool {
	return f.Kind.changes(f.On, o.Kind, o.On) && f.First <= o.Last && o.First <= f.Last
}

// changes reports whether faults of the row may change what one of a kind does, on a resource.
func (r *row) changes(k *Kind, on Resource) bool {
	return slices.ContainsFunc(r.kinds, func(own choice) bool { return own.kind.changes(r.on, k, on) })
}

// changes reports whether a fault of the kind, on a resource, changes what one of another kind does.
func (k *Kind) changes(on Resource, o *Kind, other Resource) bool {
	return k.Layer == o.Layer && k.Property == o.Property && (k.Layer != LayerRequest || on.Has(other) || other.Has(on))
}

// checkOverlaps refuses faults at fixed times that overlap. Random ones may: those that do are refused one by one.
func (p *Plan) checkOverlaps(rows []row) error {
	most := min(cmp.Or(p.File.compared, maxPlanned), maxCompared/int64(len(rows)*len(rows))+1)
	for i, a := range rows {
		for _, b := range rows[:i] {
			if a.random != nil || b.random != nil || !slices.ContainsFunc(a.kinds, func(k choice) bool { return b.changes(k.kind, a.on) }) {
				continue
			}
			for k := int64(0); k < min(a.perLap, most); k++ {
				o := a.occurrence(k)
				if n := b.next(o.First); n < b.count() && o.overlaps(b.occurrence(n)) {
					return p.File.problem(a.line, "%s overlaps with %s of %s: both change the %s's %s: move one of them",
						o.ID, b.occurrence(n).ID, p.File.place(b.line), o.Kind.Layer, o.Kind.Property)
				}
			}
		}
	}
	return nil
}
