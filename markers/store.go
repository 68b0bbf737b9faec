package markers

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ErrUnavailable is what a store's errors wrap when it can't be reached just now; trying again later may succeed.
var ErrUnavailable = errors.New("store unavailable")

// ErrNotFound is what Channel's error wraps when the store has no such channel.
var ErrNotFound = errors.New("not found")

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

// ID orders the records of one kind: by the frame they begin with, then by Sub, which is at least 1.
type ID struct {
	Frame, Sub int64
}

// MaxID is at or after every record.
var MaxID = ID{math.MaxInt64, math.MaxInt64}

// AtFrame is at or before every record of frame n and after every record of an earlier frame.
func AtFrame(n int64) ID { return ID{Frame: n} }

// EndOfFrame is at or after every record of frame n and before every record of a later one.
func EndOfFrame(n int64) ID { return ID{n, math.MaxInt64} }

// String writes frame-sub, which is also the form of a Redis stream's entry IDs.
func (i ID) String() string {
	return strconv.FormatInt(i.Frame, 10) + "-" + strconv.FormatInt(i.Sub, 10)
}

// ParseID reads what String writes, and only that: no signs, no leading zeros; neither part may be negative.
func ParseID(s string) (ID, error) {
	a, b, _ := strings.Cut(s, "-")
	f, err1 := strconv.ParseInt(a, 10, 64)
	sub, err2 := strconv.ParseInt(b, 10, 64)
	id := ID{f, sub}
	if err1 != nil || err2 != nil || f < 0 || sub < 0 || id.String() != s {
		return ID{}, fmt.Errorf("%q is not a record id such as 600-1", s)
	}
	return id, nil
}

// MarshalText writes what String does.
func (i ID) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText reads what ParseID does.
func (i *ID) UnmarshalText(b []byte) error {
	id, err := ParseID(string(b))
	if err == nil {
		*i = id
	}
	return err
}

// Compare is -1, 0 or 1 as i is before, at or after j.
func (i ID) Compare(j ID) int {
	switch {
	case i.Frame < j.Frame || i.Frame == j.Frame && i.Sub < j.Sub:
		return -1
	case i == j:
		return 0
	}
	return 1
}

// Next is the smallest ID after i; nothing is after MaxID, which is its own.
func (i ID) Next() ID {
	if i == MaxID {
		return i
	}
	if i.Sub == math.MaxInt64 {
		return ID{i.Frame + 1, 0}
	}
	return ID{i.Frame, i.Sub + 1}
}

// RecordID is the record's place in its log.
func (r FrameRecord) RecordID() ID { return ID{r.Frame, 1} }

// RecordID is the record's place in its log: that of its first frame, unless it came late.
func (r MissingRecord) RecordID() ID {
	if r.Place != (ID{}) {
		return r.Place
	}
	return ID{r.Frame, 1}
}

// RecordID is the record's place in its log.
func (r SegmentRecord) RecordID() ID { return ID{r.FirstFrame, 1} }

// RecordID is the record's place in its log.
func (r Trigger) RecordID() ID { return ID{r.Frame, 1} }

// RecordID is the marker's place in its log: that of the frame it was scheduled for, so that generators that lost
// different frames still write one marker.
func (m Marker) RecordID() ID { return ID{m.ScheduledFrame, 1} }

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

// Range selects records of one log.
type Range struct {
	// From and To are inclusive. The zero To means no upper bound.
	From, To ID
	// Limit is the largest number of records to return; 0 means no limit.
	Limit int
	// Desc returns the newest first, so that Limit keeps the newest.
	Desc bool
}

// Store keeps channels and their records. All methods may be called at once from many goroutines. Returned slices
// belong to the caller; the records in them are copies.
//
// An error that wraps ErrUnavailable means that the store can't be reached now. A channel without records has empty
// ranges; it need not have been put.
type Store interface {
	// PutChannel writes the description of a channel, in place of an earlier one.
	PutChannel(ctx context.Context, c Channel) error
	// Channel reads it; the error wraps ErrNotFound when there is none.
	Channel(ctx context.Context, name string) (Channel, error)
	// Channels lists all, by name.
	Channels(ctx context.Context) ([]Channel, error)

	// Append adds records. A record whose ID is at or before the newest of its log is left out without an error: it is
	// there already, or it comes too late. Only missing records may come late: one that the log lacks (Same) is put
	// behind the newest (After), and detections, which are always taken in, behind the newest where they come with an earlier
	// place; of these the newest MaxDetections or some more are kept. When Append returns nil the records can be read.
	Append(ctx context.Context, channel string, b Batch) error

	Frames(ctx context.Context, channel string, r Range) ([]FrameRecord, error)
	Missing(ctx context.Context, channel string, r Range) ([]MissingRecord, error)
	Markers(ctx context.Context, channel string, r Range) ([]Marker, error)
	Segments(ctx context.Context, channel string, r Range) ([]SegmentRecord, error)
	Triggers(ctx context.Context, channel string, r Range) ([]Trigger, error)
	Detections(ctx context.Context, channel string, r Range) ([]Detection, error)

	// Last is the ID of the newest record of a log, the zero ID when it is empty.
	Last(ctx context.Context, channel string, k Kind) (ID, error)
	// Wait returns nil as soon as the log holds a record after the given ID, at once where it does already, and
	// ctx.Err() when ctx ends first.
	Wait(ctx context.Context, channel string, k Kind, after ID) error
	// Trim removes the records before the given ID. Afterwards Last is as before.
	Trim(ctx context.Context, channel string, k Kind, before ID) error

	// Ready reports why the store can't keep its promises just now: nil when all is well.
	Ready(ctx context.Context) error
	// Close ends the store and waits for what it started.
	Close() error
}

// Remote is a Store that other processes write to as well, and that may lose what it holds at any moment.
type Remote interface {
	Store
	// AppendAfter is Append for records of one kind, to a log of which the caller knows the end (Last), in one step with
	// a look at that end. added is false where the log ends elsewhere by now, because others added to it or because it was
	// emptied; then some of the first records may have been added, none of them behind a hole.
	AppendAfter(ctx context.Context, channel string, k Kind, end ID, b Batch) (added bool, err error)
}
