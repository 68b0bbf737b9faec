package markers

import (
	"fmt"
	"reflect"
	"slices"
)

// Record is what a log keeps: a value of one of the kinds' types. Records are immutable once written.
type Record interface {
	// RecordID is the record's place in its log.
	RecordID() ID
	// Validate reports why no log can hold the record.
	Validate() error
	// wire is the record as it reads back after it was written as JSON: times in UTC, without a monotonic reading.
	wire() Record
}

// measured is a record that has the id of the generator that wrote it.
type measured interface{ generator() string }

// GeneratorOf is the id of the generator that wrote a record, empty where that is not known.
func GeneratorOf(r Record) string {
	if g, ok := r.(measured); ok {
		return g.generator()
	}
	return ""
}

// rendered is a record of one of a channel's renditions, whose name is empty for the first one.
type rendered interface{ rendition() string }

// mover is a record that a log takes in also when it holds a later one. after is the record with a place behind the newest: a log is
// in the order in which it grew, so that readers that follow it miss nothing.
type mover interface{ after(newest ID) Record }

// latecomer is a mover of which the log may have the same already.
type latecomer interface {
	mover
	Late() bool
	same(Record) bool
}

// Admit returns the records of one log that the log, which ends with newest, takes in, in their places. Of the others the log holds the very
// same (of latecomers one that states the same), or they are late: that error wraps ErrLate. have reads the log, where that matters.
func (k Kind) Admit(list []Record, newest ID, have func(Range) ([]Record, error)) (fresh []Record, late, err error) {
	var held, passed []Record
	asked := false
	for _, r := range list {
		behind := r.RecordID().Compare(newest) > 0
		if l, ok := r.(latecomer); ok && (!behind || l.Late()) {
			if !asked {
				held, err = have(Range{})
			}
			if asked = true; err != nil {
				return nil, nil, err
			}
			if slices.ContainsFunc(held, l.same) || slices.ContainsFunc(fresh, l.same) {
				continue
			}
		}
		if m, ok := r.(mover); ok && !behind {
			r, behind = m.after(newest), true
		}
		if !behind {
			passed = append(passed, r)
			continue
		}
		fresh, newest = append(fresh, r), r.RecordID()
	}
	if len(passed) == 0 {
		return fresh, nil, nil
	}
	first := slices.MinFunc(passed, func(a, b Record) int { return a.RecordID().Compare(b.RecordID()) })
	if held, err = have(Range{From: first.RecordID(), To: newest}); err != nil {
		return nil, nil, err
	}
	held = append(held, fresh...)
	passed = slices.DeleteFunc(passed, func(r Record) bool {
		return slices.ContainsFunc(held, func(h Record) bool { return reflect.DeepEqual(h, r) })
	})
	if len(passed) > 0 {
		late = fmt.Errorf("%w: %d of %s, the first for place %s: the log has others in their places, or none", ErrLate, len(passed), k,
			passed[0].RecordID())
	}
	return fresh, late, nil
}
