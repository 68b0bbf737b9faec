package markers

// Same reports whether o says the same of the same frames: that a generator lacks them, and why.
func (r MissingRecord) Same(o MissingRecord) bool {
	return r.Frame == o.Frame && r.LastFrame == o.LastFrame && r.Reason == o.Reason && r.Generator == o.Generator
}

// After is the record with a place behind the newest of its log. A log is in the order in which it grew, so that readers
// that follow it miss nothing: what was found out late is at its end, not with its frames.
func (r MissingRecord) After(newest ID) MissingRecord {
	r.Place = ID{newest.Frame, newest.Sub + 1}
	return r
}

// Late reports whether the frames were found missing when the log held a record of later ones already.
func (r MissingRecord) Late() bool { return r.Place != (ID{}) }

// mover is a record that a log takes in also when it holds a later one.
type mover[T any] interface {
	After(newest ID) T
}

// latecomer is one of which the log may have the same already.
type latecomer[T any] interface {
	mover[T]
	Late() bool
	Same(T) bool
}

// Admissible is r as a log that ends with newest and holds the given records takes it in, which it does not where it has
// it, or where it comes too late.
func Admissible[T record[T]](r T, newest ID, logs ...[]T) (T, bool) {
	behind := r.RecordID().Compare(newest) > 0
	if _, ok := any((*T)(nil)).(mover[T]); !ok { // asked of a pointer, which costs no memory
		return r, behind
	}
	if l, ok := any(r).(latecomer[T]); ok && (!behind || l.Late()) {
		for _, log := range logs {
			for _, have := range log {
				if l.Same(have) {
					return r, false
				}
			}
		}
	}
	if !behind {
		r = any(r).(mover[T]).After(newest)
	}
	return r, true
}
