package markers

import "fmt"

// Kind names one sort of record. Each channel has one ordered log of each kind.
type Kind string

// The kinds of records.
const (
	Frames   Kind = "frames"   // FrameRecord
	Missing  Kind = "missing"  // MissingRecord
	Markers  Kind = "markers"  // Marker
	Segments Kind = "segments" // SegmentRecord
	Triggers Kind = "triggers" // Trigger
	// Detections are what others found in the stream, not the truth about it.
	Detections Kind = "detections" // Detection
)

// Kinds lists every kind.
func Kinds() []Kind { return []Kind{Frames, Missing, Markers, Segments, Triggers, Detections} }

func checkKind(k Kind) error {
	for _, known := range Kinds() {
		if k == known {
			return nil
		}
	}
	return fmt.Errorf("there are no records of kind %q", string(k))
}

// record is what the logs need to know of the records they keep.
type record[T any] interface {
	RecordID() ID
	// Validate reports why no log can hold the record.
	Validate() error
	// wire is the record as it reads back after it was written as JSON: times in UTC, without a monotonic reading.
	wire() T
}

// Batch is a set of new records of one channel, each list in the order of its IDs.
type Batch struct {
	Frames   []FrameRecord
	Missing  []MissingRecord
	Markers  []Marker
	Segments []SegmentRecord
	Triggers []Trigger
	// Detections may be in any order.
	Detections []Detection
}

// Empty reports whether the batch holds no records.
func (b Batch) Empty() bool { return b.size() == 0 }

func (b Batch) size() int {
	return len(b.Frames) + len(b.Missing) + len(b.Markers) + len(b.Segments) + len(b.Triggers) + len(b.Detections)
}

// Validate reports the first record that no log can hold.
func (b Batch) Validate() error {
	for _, err := range []error{
		checkAll(Frames, b.Frames), checkAll(Missing, b.Missing), checkAll(Markers, b.Markers),
		checkAll(Segments, b.Segments), checkAll(Triggers, b.Triggers), checkAll(Detections, b.Detections),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkAll[T record[T]](k Kind, recs []T) error {
	for i, r := range recs {
		if err := r.Validate(); err != nil {
			return fmt.Errorf("record %d of %s, %s: %w", i, k, r.RecordID(), err)
		}
	}
	return nil
}

// Wire is the batch as it reads back after it was written as JSON, for stores to write: times in UTC, without a
// monotonic reading. It shares nothing with b.
func (b Batch) Wire() Batch {
	return Batch{
		Frames: wireAll(b.Frames), Missing: wireAll(b.Missing), Markers: wireAll(b.Markers),
		Segments: wireAll(b.Segments), Triggers: wireAll(b.Triggers), Detections: wireAll(b.Detections),
	}
}

func wireAll[T record[T]](recs []T) []T {
	out := make([]T, len(recs))
	for i, r := range recs {
		out[i] = r.wire()
	}
	return out
}

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
