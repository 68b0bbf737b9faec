package scenario

import "fmt"

// checkOverlaps refuses faults at fixed times that overlap. Random ones may: those that do are refused one by one.
func (p *Plan) checkOverlaps(rows []row) error {
	most := min(maxPlanned, maxCompared/int64(len(rows)*len(rows))+1)
	for i, a := range rows {
		for _, b := range rows[:i] {
			if a.random != nil || b.random != nil {
				continue
			}
			for k := int64(0); k < min(a.perLap, most); k++ {
				o := a.occurrence(k)
				if n := b.next(o.First); n < b.count() && o.overlaps(b.occurrence(n)) {
					return p.File.problem(a.line, "%s overlaps with %s of line %d: both change the %s's %s: move one of them",
						o.ID, b.occurrence(n).ID, b.line, o.Kind.Layer, o.Kind.Property)
				}
			}
		}
	}
	return nil
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
		for k := r.next(o.First); k < r.count(); k++ {
			other := r.occurrence(k)
			if other.First > o.Last {
				break
			}
			if o.overlaps(other) {
				return fmt.Sprintf("fault %s is in its place", other.ID)
			}
		}
	}
	return ""
}

func (f Fault) overlaps(o Fault) bool {
	return f.Kind.Layer == o.Kind.Layer && f.Kind.Property == o.Kind.Property && (f.On.Has(o.On) || o.On.Has(f.On)) &&
		f.First <= o.Last && o.First <= f.Last
}

// Overlap finds a fault of the plan that changes the same property of some of the frames as f.
func (p *Plan) Overlap(f Fault) (other Fault, ok bool) {
	for _, o := range p.Between(f.First, f.Last, f.Kind.Layer) {
		if o.Refused == "" && o.overlaps(f) {
			return o, true
		}
	}
	return other, false
}
