package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/refstream/refstream/api"
	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/faults/catalogue"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/scenario"
)

// farthest is how far ahead a fault may be asked for: its record must be in the journal until it has begun.
const farthest = time.Hour

// settle reports the changes of a segment, which was published if there is a record, and journals what has become of faults. err is that of
// the packager.
func (t *twin) settle(rec *markers.SegmentRecord, err error) {
	if rec == nil {
		return
	}
	if !errors.Is(err, packager.ErrPlaylist) {
		t.changes = append(t.changes, t.versions...)
	}
	t.changes = slices.DeleteFunc(t.changes, func(c faults.Change) bool {
		if c.Frame > rec.LastFrame {
			return false // of the next segment, which has begun
		}
		t.ledger.Report(c)
		return true
	})
	t.versions = t.versions[:0]
	t.newest.Store(rec.LastFrame)
	t.append(t.ledger.Settle(rec.LastFrame), *rec)
	// Why nothing was done to the last frames of a segment is reported with the next one: until then its faults are kept.
	t.ledger.Forget(rec.FirstFrame)
	past := rec.FirstFrame - t.source.Window*t.clock.FramesPerSegment
	t.settleAnswers(past)
	t.plan.Forget(past)
}

// settleAnswers journals the faults of requests that are over before a frame: as long as their segments are there, more requests may come.
func (t *twin) settleAnswers(before int64) {
	if from := t.unanswered.Load(); before > from {
		t.append(slices.DeleteFunc(t.requested(from, before-1), func(r markers.FaultRecord) bool { return r.LastFrame >= before }))
		t.unanswered.Store(before)
		t.answers.Log.Forget(before)
	}
}

// maxJournalled is how many requests of a fault are journalled, the last ones.
const maxJournalled = 100

// requested are the records of faults of requests, of those that are not journalled.
func (t *twin) requested(first, last int64) (list []markers.FaultRecord) {
	newest := t.Newest()
	for _, f := range t.plan.Between(max(first, t.unanswered.Load()), last, scenario.LayerRequest) {
		list = append(list, t.ledger.Record(f, newest))
	}
	t.answers.Log.Fill(list, "", newest)
	return list
}

// append journals records of faults, and segments.
func (t *twin) append(list []markers.FaultRecord, segments ...markers.SegmentRecord) {
	if err := t.journal(context.Background(), list, segments...); err != nil {
		t.logger.Error("store what became of faults", "channel", t.name, "error", err)
		t.ledger.Unsettle()
	}
}

func (t *twin) journal(ctx context.Context, list []markers.FaultRecord, segments ...markers.SegmentRecord) error {
	b := markers.Batch{Faults: slices.Clone(list), Segments: segments}
	for i := range b.Faults {
		r := &b.Faults[i]
		r.Place = markers.ID{Frame: max(0, t.newest.Load()), Sub: int64(i) + 1}
		if n := len(r.Requests) - maxJournalled; n > 0 {
			r.Requests, r.RequestsLeftOut = r.Requests[n:], r.RequestsLeftOut+int64(n)
		}
		t.label(r)
	}
	for i := range b.Segments {
		b.Segments[i].Rendition, b.Segments[i].Generator = t.plan.File.Name, t.source.Generator
	}
	err := t.store.Append(ctx, t.source.Name, b)
	if errors.Is(err, markers.ErrJournal) { // they can be read, and are written later
		t.logger.Warn("records of faults wait to be written", "channel", t.name, "error", err)
		return nil
	}
	return err
}

// scenarioFile is the file of a twin's scenario as it was looked at last; its path is empty where there is none to look at.
type scenarioFile struct {
	path  string
	size  int64
	mtime time.Time
}

func openScenario(path string) scenarioFile {
	f := scenarioFile{path: path}
	if slices.Contains(catalogue.Ready(), path) || !f.changed() {
		f.path = ""
	}
	return f
}

// changed reports whether the file is there and not as it was. What is no file, such as a pipe that the shell made, is read once, at the
// start: the twin would wait for who writes.
func (f *scenarioFile) changed() bool {
	info, err := os.Stat(f.path)
	if err != nil || !info.Mode().IsRegular() && !info.IsDir() || info.Size() == f.size && info.ModTime().Equal(f.mtime) {
		return false
	}
	f.size, f.mtime = info.Size(), info.ModTime()
	return true
}

// reload takes a changed scenario file from the segment on that follows the one that has begun. One with a mistake is left out.
func (t *twin) reload() {
	if t.file.path == "" || !t.file.changed() {
		return
	}
	if err := t.change(); err != nil {
		t.logger.Error("the changed scenario is left out", "channel", t.name, "error", err)
	} else {
		t.logger.Info("the scenario has changed", "channel", t.name, "file", t.file.path, "from", t.earliest())
	}
}

func (t *twin) change() error {
	f, err := catalogue.Load(t.file.path)
	if err != nil {
		return err
	}
	plan, err := f.Plan(t.source)
	switch {
	case err != nil:
		return err
	case f.Name != t.plan.File.Name:
		return fmt.Errorf("%s: its name is %s, and the twin is %s: leave the name, or start the server again", f.Path, f.Name, t.name)
	case t.overlay == nil && (f.Pictures || f.Needs(scenario.LayerPicture)):
		return fmt.Errorf("%s: it changes pictures, and %s has no encoder for that: start the server again", f.Path, t.name)
	}
	t.changing.Lock()
	defer t.changing.Unlock()
	from := t.earliest()
	t.plan.Change(plan, max(0, from-t.source.Window*t.clock.FramesPerSegment), from)
	return nil
}

// label completes a record of the ledger.
func (t *twin) label(r *markers.FaultRecord) { r.Channel, r.Generator = t.name, t.source.Generator }

// resume takes over what earlier runs did, and returns their segments. Faults that they left open are done in part, and continue; those that
// the scenario does not have any more are over.
func (t *twin) resume(ctx context.Context) ([]markers.SegmentRecord, error) {
	list, err := t.store.Read(ctx, t.source.Name, markers.Segments.Of(t.plan.File.Name), markers.Range{})
	if err != nil {
		return nil, err
	}
	segments := markers.Segments.Batch(list).Segments
	now := t.clock.FrameAt(t.now())
	from := now
	t.newest.Store(-1)
	if n := len(segments); n > 0 {
		t.resumed = true
		t.newest.Store(segments[n-1].LastFrame)
		from = max(segments[n-1].LastFrame+1, now-t.source.Window*t.clock.FramesPerSegment)
	}
	t.ledger.Forget(from)
	t.unanswered.Store(now)
	records, err := faultsOf(ctx, t.store, t.source, t.plan.File.Name, 0, markers.MaxFrame)
	if err != nil {
		return nil, err
	}
	var over []markers.FaultRecord
	for _, r := range records {
		if r.Generator != t.source.Generator || r.LastFrame < from && r.State != markers.FaultActive {
			continue
		}
		if r.EndedEarly {
			last := r.LastFrame
			if r.State == markers.FaultNotDone {
				last = r.Frame - 1
			}
			t.plan.End(scenario.Fault{ID: r.ID, First: r.Frame}.Key(), last)
		}
		open := r.State == markers.FaultPlanned || r.State == markers.FaultActive
		if open && !t.known(r, from) {
			r.State, r.Reason = markers.FaultDone, ""
			if len(r.Done) == 0 {
				r.State, r.Reason = markers.FaultNotDone, "the generator ended, and was started with another scenario, or too late"
			}
			if r.Layer == string(scenario.LayerRequest) {
				r.Reason = "the generator ended: which requests met it is not known"
			}
			over = append(over, r)
		}
	}
	t.append(over)
	return segments, nil
}

// known takes over an open fault of an earlier run, where the plan has it or it was added to it, and frames from from on can have it.
func (t *twin) known(r markers.FaultRecord, from int64) bool {
	if r.LastFrame < from {
		return false
	}
	if r.Posted {
		f, err := t.plan.Restore(r, catalogue.Kinds())
		if err != nil {
			return false
		}
		if _, overlaps := t.plan.Overlap(f); overlaps || t.plan.Has(f.ID) {
			return false
		}
		t.plan.Add(f)
	} else if !slices.ContainsFunc(t.plan.Between(r.Frame, r.Frame), func(f scenario.Fault) bool {
		return f.ID == r.ID && f.First == r.Frame && f.Last == r.LastFrame && f.Kind.Name == r.Kind
	}) {
		return false
	}
	if r.State == markers.FaultActive {
		r.Place = markers.ID{}
		t.ledger.Restore(r)
	}
	return true
}

// Clock is that of the clean channel.
func (t *twin) Clock() markers.Clock { return t.clock }

// Newest is the last frame that was published, or dropped with its segment; -1 before the first.
func (t *twin) Newest() int64 { return t.newest.Load() }

// Faults are the records of those of frames first to last: of those that are over as they were journalled, of others as far as they have got.
// Those that were over before the first run are left out: what became of them is not known.
func (t *twin) Faults(ctx context.Context, first, last int64) ([]markers.FaultRecord, error) {
	// These come first: what is forgotten meanwhile is journalled.
	current := slices.DeleteFunc(t.ledger.Records(first, last, t.Newest()), func(r markers.FaultRecord) bool { return r.Layer == string(scenario.LayerRequest) })
	current = append(current, t.requested(first, last)...)
	for i := range current {
		t.label(&current[i])
	}
	list, err := faultsOf(ctx, t.store, t.source, t.plan.File.Name, first, last)
	return merge(list, current), err
}

// Post adds a fault as the members of a request ask for it. It is journalled first, and done from the next segment on.
func (t *twin) Post(ctx context.Context, members map[string]json.RawMessage) (r markers.FaultRecord, err error) {
	refuse := func(status int, field, format string, args ...any) (markers.FaultRecord, error) {
		return r, &api.Problem{Status: status, Field: field, Detail: fmt.Sprintf(format, args...)}
	}
	var bad *scenario.MemberError
	request, err := scenario.ParseRequest(members, catalogue.Kinds())
	if errors.As(err, &bad) {
		return refuse(http.StatusBadRequest, cmp.Or(bad.Member, "body"), "%s", bad.Text)
	} else if err != nil {
		return r, err
	}
	if request.Kind().Layer == scenario.LayerPicture && t.overlay == nil {
		return refuse(http.StatusConflict, "do", "%s changes pictures, and %s has no encoder for that: write pictures: true in the scenario's file, and "+
			"start the server again", request.Kind().Name, t.name)
	}
	if request.Kind().Layer == scenario.LayerSound && !t.source.Audio {
		return refuse(http.StatusConflict, "do", "%s changes the sound, and %s has none: start the server with --audio", request.Kind().Name, t.source.Name)
	}
	t.changing.Lock()
	defer t.changing.Unlock()
	f, err := t.plan.Place(request, t.earliest())
	if errors.As(err, &bad) {
		return refuse(http.StatusBadRequest, bad.Member, "%s", bad.Text)
	} else if err != nil {
		return r, err
	}
	if most := min(farthest, time.Duration(t.source.KeepMarkers)); t.clock.Rate.Nanos(f.First-t.earliest()) > most.Nanoseconds() {
		return refuse(http.StatusBadRequest, "at", "at: frame %d is more than %s ahead: use an earlier time", f.First, most)
	}
	if other, ok := t.plan.Overlap(f); ok {
		return refuse(http.StatusConflict, "at", "frames %d to %d overlap with fault %s, of frames %d to %d: both change the %s's %s: use another time",
			f.First, f.Last, other.ID, other.First, other.Last, f.Kind.Layer, f.Kind.Property)
	}
	if t.plan.Has(f.ID) || t.plan.Ended(f.ID) {
		return refuse(http.StatusConflict, "id", "there is a fault %s: use another id, or none", f.ID)
	}
	r = faults.Planned(f, t.source.Name, t.clock)
	if err := t.journal(ctx, []markers.FaultRecord{r}); err != nil {
		return r, fmt.Errorf("write fault: %w", err)
	}
	t.plan.Add(f)
	t.label(&r)
	return r, nil
}

// End ends a fault early: with the segment that is being made, or before it begins.
func (t *twin) End(ctx context.Context, id string) (r markers.FaultRecord, err error) {
	t.changing.Lock()
	defer t.changing.Unlock()
	last := t.earliest() - 1
	list := t.plan.Between(max(0, t.Newest()), last+t.clock.Rate.Frames(farthest.Nanoseconds()))
	i := slices.IndexFunc(list, func(f scenario.Fault) bool { return f.ID == id && f.Refused == "" })
	switch {
	case i < 0:
		return r, &api.Problem{Status: http.StatusNotFound, Detail: fmt.Sprintf("%s has no fault %.70q that is active, or begins within %s", t.name, id, farthest)}
	case list[i].Last <= last:
		return r, &api.Problem{Status: http.StatusConflict, Detail: fmt.Sprintf("fault %s is over with frame %d, and what is before frame %d is made already", id,
			list[i].Last, last+1)}
	}
	r = t.ledger.Record(list[i].Until(last), t.Newest())
	if err := t.journal(ctx, []markers.FaultRecord{r}); err != nil {
		return r, fmt.Errorf("write fault: %w", err)
	}
	t.plan.End(list[i].Key(), last)
	t.label(&r)
	return r, nil
}

// earliest is the first frame that can have another fault: of the segment after the one that has begun.
func (t *twin) earliest() int64 {
	begun := t.begun
	if begun < 0 {
		begun = t.clock.MSN(max(0, t.clock.FrameAt(t.now())))
	}
	return t.clock.FirstFrame(begun + 1)
}
