package truth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
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

	// Twin is the name of the faulty twin that was recorded, empty for none. It has faults that are not over, and a segment that is next.
	Twin   string
	faults []markers.FaultRecord
	next   int64
}

// Load reads the truth of the session in a folder, which is about the stream of an address. The error wraps fs.ErrNotExist where there is none.
func Load(ctx context.Context, session, stream string) (*Replay, error) {
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
	if err := t.loadFaults(ctx, session, stream); err != nil {
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

// loadFaults reads the faults of a session, where the stream was a faulty twin.
func (t *Replay) loadFaults(ctx context.Context, session, stream string) error {
	_, name := truth.ServerOf(stream)
	if twin, ok := strings.CutPrefix(name, t.Channel.Name+"-"); !ok || twin == "" || markers.CheckRendition(twin) != nil {
		return nil
	}
	t.Twin = name
	list, _, err := Faults(ctx, session)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	t.faults = slices.DeleteFunc(list, func(r markers.FaultRecord) bool { return r.Channel != t.Twin })
	slices.SortStableFunc(t.faults, func(a, b markers.FaultRecord) int { return cmp.Compare(a.Frame, b.Frame) })
	if len(t.frames) > 0 {
		t.next = t.Channel.Clock().MSN(t.frames[0].Frame)
	}
	return nil
}

// bringFaults adds to a batch the twin's segments that are whole with its frames, and the faults that have begun by then, each with what
// was done to these segments. Which segments the twin could not publish was not recorded.
func (t *Replay) bringFaults(b *markers.Batch) {
	if t.Twin == "" || len(b.Frames) == 0 {
		return
	}
	clock, twin := t.Channel.Clock(), strings.TrimPrefix(t.Twin, t.Channel.Name+"-")
	end := clock.MSN(b.Frames[len(b.Frames)-1].Frame + 1)
	if end <= t.next {
		return
	}
	for ; t.next < end; t.next++ {
		first, last := clock.FirstFrame(t.next), clock.FirstFrame(t.next+1)-1
		b.Segments = append(b.Segments, markers.SegmentRecord{MSN: t.next, Rendition: twin, FirstFrame: first, LastFrame: last,
			PublishedAt: clock.UTC(last + 1), Generator: t.Channel.Generator})
	}
	newest := clock.FirstFrame(end) - 1
	var open []markers.FaultRecord
	for _, r := range t.faults {
		if r.LastFrame > newest {
			open = append(open, r)
		}
		if r.Frame > newest {
			continue
		}
		b.Faults = append(b.Faults, asOf(r, newest, clock))
		f := &b.Faults[len(b.Faults)-1]
		f.Place = markers.ID{Frame: newest, Sub: int64(len(b.Faults))}
	}
	t.faults = open
}

// asOf is the record of a fault as it was when the stream was published up to a frame.
func asOf(r markers.FaultRecord, newest int64, clock markers.Clock) markers.FaultRecord {
	if r.LastFrame <= newest || r.State == markers.FaultPlanned {
		return r
	}
	cut := func(list []markers.Span) (out []markers.Span) {
		for _, s := range list {
			if s.Frame <= newest {
				out = append(out, clock.Span(s.Frame, min(s.LastFrame, newest)))
			}
		}
		return out
	}
	r.State, r.Reason, r.Clean, r.Altered = markers.FaultActive, "", "", ""
	r.Done, r.Collateral = cut(r.Done), cut(r.Collateral)
	return r
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
	t.bringFaults(&b)
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
