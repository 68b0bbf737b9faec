package markers

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Kind names one sort of record, and the ordered log that a channel has of it. Where renditions of a channel can differ each has a log of
// its own, at its own pace: its kind is KIND.RENDITION (Of), and KIND alone is that of the first or only one.
type Kind string

// The kinds of records.
const (
	Frames   Kind = "frames"   // FrameRecord
	Missing  Kind = "missing"  // MissingRecord
	Markers  Kind = "markers"  // Marker
	Segments Kind = "segments" // SegmentRecord
	Triggers Kind = "triggers" // Trigger
	Faults   Kind = "faults"   // FaultRecord
	// Detections are what others found in the stream, not the truth about it.
	Detections Kind = "detections" // Detection
)

// kinds is the table of the kinds: the stores know no others, and nothing else of them. A new kind has a line in each list of
// this file, and its record in a file of its own. Batches are written in this order: markers after the frames that they speak of, and what
// was done to a faulty twin before the segment that has it.
var kinds = []kind{
	kindOf(Frames, func(b *Batch) *[]FrameRecord { return &b.Frames }),
	kindOf(Missing, func(b *Batch) *[]MissingRecord { return &b.Missing }),
	kindOf(Markers, func(b *Batch) *[]Marker { return &b.Markers }),
	kindOf(Faults, func(b *Batch) *[]FaultRecord { return &b.Faults }),
	kindOf(Segments, func(b *Batch) *[]SegmentRecord { return &b.Segments }),
	kindOf(Triggers, func(b *Batch) *[]Trigger { return &b.Triggers }),
	kindOf(Detections, func(b *Batch) *[]Detection { return &b.Detections }),
}

// Batch is a set of new records of one channel, each list in the order of its IDs.
type Batch struct {
	Frames   []FrameRecord
	Missing  []MissingRecord
	Markers  []Marker
	Faults   []FaultRecord
	Segments []SegmentRecord
	Triggers []Trigger
	// Detections may be in any order.
	Detections []Detection
}

// Logs is the part of a Store that is read from: the records of a range of one log.
type Logs interface {
	// Read reads records of any kind, the other methods those of one, and of the first rendition.
	Read(ctx context.Context, channel string, k Kind, r Range) ([]Record, error)

	Frames(ctx context.Context, channel string, r Range) ([]FrameRecord, error)
	Missing(ctx context.Context, channel string, r Range) ([]MissingRecord, error)
	Markers(ctx context.Context, channel string, r Range) ([]Marker, error)
	Faults(ctx context.Context, channel string, r Range) ([]FaultRecord, error)
	Segments(ctx context.Context, channel string, r Range) ([]SegmentRecord, error)
	Triggers(ctx context.Context, channel string, r Range) ([]Trigger, error)
	Detections(ctx context.Context, channel string, r Range) ([]Detection, error)
}

// Reader is Logs made of its method Read, for stores to embed.
type Reader func(ctx context.Context, channel string, k Kind, r Range) ([]Record, error)

var _ Logs = (Reader)(nil)

// Read reads records of any kind.
func (read Reader) Read(ctx context.Context, channel string, k Kind, r Range) ([]Record, error) {
	if err := k.Check(); err != nil {
		return nil, err
	}
	return read(ctx, channel, k, r)
}

// Frames reads frame records.
func (read Reader) Frames(ctx context.Context, channel string, r Range) ([]FrameRecord, error) {
	return typed[FrameRecord](read(ctx, channel, Frames, r))
}

// Missing reads the records of missing frames.
func (read Reader) Missing(ctx context.Context, channel string, r Range) ([]MissingRecord, error) {
	return typed[MissingRecord](read(ctx, channel, Missing, r))
}

// Markers reads markers.
func (read Reader) Markers(ctx context.Context, channel string, r Range) ([]Marker, error) {
	return typed[Marker](read(ctx, channel, Markers, r))
}

// Faults reads the records of faults.
func (read Reader) Faults(ctx context.Context, channel string, r Range) ([]FaultRecord, error) {
	return typed[FaultRecord](read(ctx, channel, Faults, r))
}

// Segments reads segment records.
func (read Reader) Segments(ctx context.Context, channel string, r Range) ([]SegmentRecord, error) {
	return typed[SegmentRecord](read(ctx, channel, Segments, r))
}

// Triggers reads triggers.
func (read Reader) Triggers(ctx context.Context, channel string, r Range) ([]Trigger, error) {
	return typed[Trigger](read(ctx, channel, Triggers, r))
}

// Detections reads detections.
func (read Reader) Detections(ctx context.Context, channel string, r Range) ([]Detection, error) {
	return typed[Detection](read(ctx, channel, Detections, r))
}

func typed[T Record](list []Record, err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	out := make([]T, len(list))
	for i, r := range list {
		out[i] = r.(T)
	}
	return out, nil
}

// kind is an entry of the table.
type kind struct {
	name                           Kind
	generated, takesLate, rendered bool
	decode                         func(data []byte) (Record, error)
	list                           func(b *Batch) []Record
	batch                          func(list []Record) Batch
}

// kindOf makes the entry of a kind from its list in a batch.
func kindOf[T Record](name Kind, in func(*Batch) *[]T) kind {
	var none T
	_, generated := Record(none).(measured)
	_, takesLate := Record(none).(mover)
	_, rendered := Record(none).(rendered)
	return kind{
		name: name, generated: generated, takesLate: takesLate, rendered: rendered,
		decode: func(data []byte) (Record, error) {
			var r T
			if err := json.Unmarshal(data, &r); err != nil {
				return nil, err
			}
			return r.wire(), r.Validate()
		},
		list: func(b *Batch) []Record {
			out := make([]Record, len(*in(b)))
			for i, r := range *in(b) {
				out[i] = r.wire()
			}
			return out
		},
		batch: func(list []Record) (b Batch) {
			*in(&b), _ = typed[T](list, nil)
			return b
		},
	}
}

// log is the kind of the log that a record belongs to.
func (e kind) log(r Record) Kind {
	if v, ok := r.(rendered); ok {
		return e.name.Of(v.rendition())
	}
	return e.name
}

// Kinds lists every kind, without renditions.
func Kinds() (out []Kind) {
	for _, e := range kinds {
		out = append(out, e.name)
	}
	return out
}

func (k Kind) entry() kind {
	base, rendition, named := strings.Cut(string(k), ".")
	for _, e := range kinds {
		if string(e.name) == base && (!named || e.rendered && rendition != "" && CheckRendition(rendition) == nil) {
			return e
		}
	}
	return kind{}
}

// Of is the kind of a rendition's log, k itself where the name is empty: CheckRendition.
func (k Kind) Of(rendition string) Kind {
	if rendition == "" {
		return k
	}
	return k + "." + Kind(rendition)
}

// Base is the kind without a rendition.
func (k Kind) Base() Kind { return k.entry().name }

// Check refuses a kind that there is not. The other methods are for kinds that there are.
func (k Kind) Check() error {
	if k.entry().name == "" {
		return fmt.Errorf("there are no records of kind %q", string(k))
	}
	return nil
}

// Generated reports whether the records are a generator's, with its id (GeneratorOf): then they are of frames that it has reached.
func (k Kind) Generated() bool { return k.entry().generated }

// TakesLate reports whether a log of the kind takes in what comes late, behind its newest record (Admit).
func (k Kind) TakesLate() bool { return k.entry().takesLate }

// Decode reads a record from JSON. An error says why it is none that a log can hold.
func (k Kind) Decode(data []byte) (Record, error) {
	e := k.entry()
	r, err := e.decode(data)
	if err == nil && e.log(r) != k {
		err = fmt.Errorf("it is a record of %s", e.log(r))
	}
	return r, err
}

// Batch is the batch of records of the kind.
func (k Kind) Batch(list []Record) Batch { return k.entry().batch(list) }

// Records are the batch's records of a kind as they read back after they were written: times in UTC, without a monotonic reading.
func (b Batch) Records(k Kind) []Record {
	e := k.entry()
	return slices.DeleteFunc(e.list(&b), func(r Record) bool { return e.log(r) != k })
}

// Kinds lists the kinds of the batch's records, those of renditions too.
func (b Batch) Kinds() (out []Kind) {
	for _, e := range kinds {
		for _, r := range e.list(&b) {
			if k := e.log(r); !slices.Contains(out, k) {
				out = append(out, k)
			}
		}
	}
	return out
}

// Empty reports whether the batch holds no records.
func (b Batch) Empty() bool { return len(b.Kinds()) == 0 }

// Validate reports the first record that no log can hold.
func (b Batch) Validate() error {
	for _, e := range kinds {
		for i, r := range e.list(&b) {
			if err := r.Validate(); err != nil {
				return fmt.Errorf("record %d of %s, %s: %w", i, e.name, r.RecordID(), err)
			}
		}
	}
	return nil
}
