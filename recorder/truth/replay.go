package truth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/internal/jsonlines"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/journal"
)

const (
	step = 100 * time.Millisecond // how often what is due of a truth is brought into the store
	// lead is how much earlier than it was generated a record may be read: more than the error of the measured server clock, less
	// than the time from a frame's generation to its segment.
	lead = 500 * time.Millisecond
)

// Replay is the truth of a session, added to a store at the times at which it was recorded.
type Replay struct {
	Channel Channel
	Store   *journal.Journal // in memory
	frames  []markers.FrameRecord
	missing []markers.MissingRecord
	markers []markers.Marker
}

// Load reads the truth of the session in a folder. The error wraps fs.ErrNotExist where there is none.
func Load(ctx context.Context, session string) (*Replay, error) {
	t, dir := &Replay{}, filepath.Join(session, folder)
	var err error
	if t.Channel, err = readChannel(dir); err != nil {
		return nil, err
	}
	var errs [3]error
	t.frames, errs[0] = loadRecords[markers.FrameRecord](ctx, filepath.Join(dir, "frames.jsonl"))
	t.missing, errs[1] = loadRecords[markers.MissingRecord](ctx, filepath.Join(dir, "missing.jsonl"))
	t.markers, errs[2] = loadRecords[markers.Marker](ctx, filepath.Join(dir, "markers.jsonl"))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("read truth: %w", err)
	}
	if t.Store, err = journal.Open(journal.Options{}); err != nil {
		return nil, err
	}
	if err := t.Store.PutChannel(ctx, t.Channel.Channel); err != nil {
		return nil, errors.Join(fmt.Errorf("read truth: %w", err), t.Store.Close())
	}
	return t, nil
}

// Faults are the records of the labelled faults that the session in a folder has, with the channel. A last record that is not whole
// yet, or never will be, is none. The error wraps fs.ErrNotExist where the session has no truth.
func Faults(ctx context.Context, session string) ([]markers.FaultRecord, Channel, error) {
	dir := filepath.Join(session, folder)
	c, err := readChannel(dir)
	if err != nil {
		return nil, c, err
	}
	all, err := truth.FaultsIn(ctx, filepath.Join(dir, "faults.jsonl"), 0, markers.MaxFrame)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	last := map[string]int{}
	for i, f := range all {
		last[faultKey(f)] = i
	}
	var list []markers.FaultRecord
	for i, f := range all {
		if last[faultKey(f)] == i {
			list = append(list, f)
		}
	}
	return list, c, err
}

// loadRecords reads the records of a file. A last line that is not whole yet, or never will be, is none.
func loadRecords[T any](ctx context.Context, name string) (list []T, err error) {
	_, err = jsonlines.Read(name, func(r T) error {
		list = append(list, r)
		return ctx.Err()
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // the recorder was killed before it made this one
	}
	return list, err
}

// ServerTime converts a time of the recorder's clock to the server's.
func (t *Replay) ServerTime(recorded time.Time) time.Time {
	return recorded.Add(time.Duration(t.Channel.ServerAhead))
}

// bring brings into the store what was there at a time of the recorder's.
func (t *Replay) bring(ctx context.Context, recorded time.Time) error {
	now := t.ServerTime(recorded).Add(lead)
	var b markers.Batch
	b.Frames, t.frames = dueBy(now, t.frames, func(f markers.FrameRecord) time.Time { return time.Unix(0, f.GenNS) })
	b.Missing, t.missing = dueBy(now, t.missing, func(m markers.MissingRecord) time.Time { return m.At })
	b.Markers, t.markers = dueBy(now, t.markers, func(m markers.Marker) time.Time { return m.GenTime })
	if b.Empty() {
		return nil
	}
	return t.Store.Append(ctx, t.Channel.Name, b)
}

// dueBy splits records at a time.
func dueBy[T any](now time.Time, list []T, when func(T) time.Time) (due, rest []T) {
	n := 0
	for n < len(list) && !when(list[n]).After(now) {
		n++
	}
	return list[:n], list[n:]
}

// Run brings what is due until ctx ends. now is the time of the recorder's clock that is replayed.
func (t *Replay) Run(ctx context.Context, now func() time.Time) error {
	tick := time.NewTicker(step)
	defer tick.Stop()
	for {
		if err := t.bring(ctx, now()); err != nil {
			return fmt.Errorf("serve the truth: %w", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
