package markers

import (
	"context"
	"errors"
)

// ErrUnavailable is what a store's errors wrap when it can't be reached just now; trying again later may succeed.
var ErrUnavailable = errors.New("store unavailable")

// ErrNotFound is what Channel's error wraps when the store has no such channel.
var ErrNotFound = errors.New("not found")

// ErrJournal is what Append's error wraps when the journal took the records in, so that they can be read, but could not
// write them to disk. It tries again with every further Append and with Flush: the caller logs it and continues.
var ErrJournal = errors.New("journal can't be written")

// ErrLate is what Append's error wraps when it left records out: their places are at or before the newest of their log, which does not hold
// the very same ones. The other records of the batch are there.
var ErrLate = errors.New("records come too late and are left out")

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

	// Append adds records. One that its log holds already is left out without an error; any other whose ID is at or before the newest
	// of its log is left out with an error that wraps ErrLate, one that was trimmed too. Only missing records and faults may be late: one that the
	// log lacks (Same) is put behind the newest, and detections, which are always taken in, behind the newest where they come with an
	// earlier place; of these the newest MaxDetections or some more are kept. When Append returns nil the records can be read.
	Append(ctx context.Context, channel string, b Batch) error

	Logs

	// Kinds lists the logs of a channel: of every kind, and then by name those of further renditions to which anything was ever appended.
	// Whoever wants the segments of all renditions reads each log whose Base is Segments.
	Kinds(ctx context.Context, channel string) ([]Kind, error)
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
