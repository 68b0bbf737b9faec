package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/journal"
	"github.com/refstream/refstream/stream"
)

// fakeStore is the embedded store, in memory, with faults.
type fakeStore struct {
	*journal.Journal
	// diskFull makes Append take records in, as the journal does, and complain.
	diskFull atomic.Bool
	// lossy makes Append take records in and lose them, as a process does that is killed while the disk is full.
	lossy atomic.Bool
	// dies is how many batches are still stored before the process is killed, never when it is negative; dead says
	// that it was: nothing is stored any more.
	dies atomic.Int64
	dead atomic.Bool
	// refuses fails the call of that name; read is called after triggers were read.
	refuses map[string]error
	read    func()

	mu      sync.Mutex
	trimmed map[markers.Kind]int64
}

func newFakeStore(t *testing.T) *fakeStore {
	t.Helper()
	j, err := journal.Open(journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &fakeStore{Journal: j, refuses: map[string]error{}, trimmed: map[markers.Kind]int64{}}
	s.dies.Store(-1)
	return s
}

func (s *fakeStore) Append(ctx context.Context, channel string, b markers.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.dies.Load() >= 0 && s.dies.Add(-1) < 0 {
		s.dead.Store(true)
	}
	if s.dead.Load() || s.lossy.Load() {
		return nil
	}
	if err := s.Journal.Append(ctx, channel, b); err != nil {
		return err
	}
	if s.diskFull.Load() {
		return fmt.Errorf("%w: %w", markers.ErrJournal, errDiskFull)
	}
	return nil
}

func (s *fakeStore) Frames(ctx context.Context, c string, r markers.Range) ([]markers.FrameRecord, error) {
	if err := s.refuses["Frames"]; err != nil {
		return nil, err
	}
	return s.Journal.Frames(ctx, c, r)
}

func (s *fakeStore) Segments(ctx context.Context, c string, r markers.Range) ([]markers.SegmentRecord, error) {
	if err := s.refuses["Segments"]; err != nil {
		return nil, err
	}
	return s.Journal.Segments(ctx, c, r)
}

func (s *fakeStore) Missing(ctx context.Context, c string, r markers.Range) ([]markers.MissingRecord, error) {
	if err := s.refuses["Missing"]; err != nil {
		return nil, err
	}
	return s.Journal.Missing(ctx, c, r)
}

func (s *fakeStore) Markers(ctx context.Context, c string, r markers.Range) ([]markers.Marker, error) {
	if err := s.refuses["Markers"]; err != nil {
		return nil, err
	}
	return s.Journal.Markers(ctx, c, r)
}

func (s *fakeStore) Triggers(ctx context.Context, c string, r markers.Range) ([]markers.Trigger, error) {
	if err := s.refuses["Triggers"]; err != nil {
		return nil, err
	}
	list, err := s.Journal.Triggers(ctx, c, r)
	if s.read != nil {
		s.read()
	}
	return list, err
}

func (s *fakeStore) Wait(ctx context.Context, c string, k markers.Kind, after markers.ID) error {
	if err := s.refuses["Wait"]; err != nil {
		return err
	}
	return s.Journal.Wait(ctx, c, k, after)
}

// Trim notes what should go and keeps it, so that a test sees all of the stream.
func (s *fakeStore) Trim(_ context.Context, _ string, k markers.Kind, before markers.ID) error {
	if err := s.refuses["Trim"]; err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trimmed[k] = before.Frame
	return nil
}

var errNobodyListens = errors.New("nobody listens")

// fakeOutput takes in units and remembers them.
type fakeOutput struct {
	fails func(frame int64) bool
	units []stream.Unit
}

func (o *fakeOutput) Write(u stream.Unit) error {
	if o.fails != nil && o.fails(u.Frame) {
		return errNobodyListens
	}
	o.units = append(o.units, u)
	return nil
}

// markerIDs lists the markers that came with the units.
func (o *fakeOutput) markerIDs() (ids []string) {
	for _, u := range o.units {
		for _, m := range u.Markers {
			ids = append(ids, m.ID)
		}
	}
	return ids
}
