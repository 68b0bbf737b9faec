package faults

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"sync"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// Unseen is the reason of a fault of which nothing was reported.
const Unseen = "the stream has none of its frames, or nothing in them that it changes"

// Ledger makes the records of a plan's faults out of what the layers report. Many goroutines may use it at once.
type Ledger struct {
	plan   *scenario.Plan
	source string
	clock  markers.Clock

	mu      sync.Mutex
	from    int64                          // faults that were over before this frame are forgotten
	changed map[string]*changes            // by the fault's key
	settled map[string]markers.FaultRecord // by the fault's key, as Settle returned them last
}

// changes is what was reported of one fault.
type changes struct {
	frames, spoiled []run
	clean, altered  hash.Hash
	bytes           bool
	restored        bool // from a record: not all of the bytes are known
	notDone         string
}

// run is frames first to last, inclusive.
type run struct{ first, last int64 }

// NewLedger makes the ledger of a plan on a clean channel.
func NewLedger(plan *scenario.Plan, source markers.Channel) *Ledger {
	return &Ledger{plan: plan, source: source.Name, clock: source.Clock(), changed: map[string]*changes{}, settled: map[string]markers.FaultRecord{}}
}

func key(r markers.FaultRecord) string { return scenario.Fault{ID: r.ID, First: r.Frame}.Key() }

// Report takes a change of a layer.
func (l *Ledger) Report(c Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.changed[c.Fault]
	if h == nil {
		if c.Frame < l.from {
			return // it is forgotten, or nothing was done to it since it began
		}
		h = &changes{clean: sha256.New(), altered: sha256.New()}
		l.changed[c.Fault] = h
	}
	if c.NotDone != "" {
		h.notDone = c.NotDone
		return
	}
	if n := len(h.frames); n > 0 && h.frames[n-1].last+1 == c.Frame {
		h.frames[n-1].last++
	} else {
		h.frames = append(h.frames, run{c.Frame, c.Frame})
	}
	if first := c.Frame - c.Earlier; first != c.Spoiled {
		h.spoiled = append(h.spoiled, run{min(first, c.Spoiled), max(c.Frame, c.Spoiled)})
	}
	if c.Clean != "" {
		h.bytes = true
		h.clean.Write([]byte(c.Clean))
		h.altered.Write([]byte(c.Altered))
	}
}

// Forget drops what is known of faults that are over before a frame: there are no records of them any more.
func (l *Ledger) Forget(before int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if before <= l.from {
		return
	}
	if len(l.changed) > 0 {
		for _, f := range l.plan.Between(l.from, before-1) {
			if f.Last < before {
				delete(l.changed, f.Key())
			}
		}
	}
	maps.DeleteFunc(l.settled, func(_ string, r markers.FaultRecord) bool { return r.LastFrame < before })
	l.from = before
}

// Restore takes over what an earlier run did for a fault of the plan, as its record has it.
func (l *Ledger) Restore(r markers.FaultRecord) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := &changes{clean: sha256.New(), altered: sha256.New(), restored: true}
	for _, s := range r.Done {
		h.frames = append(h.frames, run{s.Frame, s.LastFrame})
	}
	for _, s := range r.Collateral {
		h.spoiled = append(h.spoiled, run{s.Frame, s.LastFrame})
	}
	l.changed[key(r)], l.settled[key(r)] = h, r
}

// Settle returns the records, as Records makes them, of the faults that have begun by the frame newest, where they are not as they were
// the last time. Faults of requests, which are reported elsewhere, are left out.
func (l *Ledger) Settle(newest int64) []markers.FaultRecord {
	return slices.DeleteFunc(l.Records(0, newest, newest), func(r markers.FaultRecord) bool {
		if r.Layer == string(scenario.LayerRequest) {
			return true
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		old, ok := l.settled[key(r)]
		l.settled[key(r)] = r
		return ok && reflect.DeepEqual(old, r)
	})
}

// Planned is the record of a fault of which nothing is done yet.
func Planned(f scenario.Fault, source string, clock markers.Clock) markers.FaultRecord {
	r := markers.FaultRecord{
		ID: f.ID, Kind: f.Kind.Name, Layer: string(f.Kind.Layer), Decoy: f.Decoy, Posted: f.Posted, EndedEarly: f.EndedEarly, Source: source, Span: clock.Span(f.First, f.Last),
		PTS: clock.PTS(f.First), EndPTS: clock.PTS(f.Last + 1), UTC: clock.UTC(f.First), EndUTC: clock.UTC(f.Last + 1),
		MSN: clock.MSN(f.First), LastMSN: clock.MSN(f.Last), State: markers.FaultPlanned,
		Implies: f.Kind.Implies, Alarms: f.Kind.Alarms, Expects: f.Kind.Expects, Tolerates: f.Kind.Tolerates,
	}
	for name, v := range f.Params {
		if r.Parameters == nil {
			r.Parameters = map[string]string{}
		}
		r.Parameters[name] = v.Text
	}
	if f.On != "" {
		r.Parameters["on"] = string(f.On)
	}
	if f.Requests > 0 {
		r.Parameters["requests"] = strconv.FormatInt(f.Requests, 10)
	}
	if f.Refused != "" {
		r.State, r.Reason = markers.FaultNotDone, f.Refused
	}
	return r
}

// Records are those of the faults that are planned for any of the frames first to last, but for those that are forgotten. newest is
// the last frame whose changes are all reported: what becomes of a fault that ends after it is not known yet.
func (l *Ledger) Records(first, last, newest int64) (list []markers.FaultRecord) {
	l.mu.Lock()
	first = max(first, l.from)
	l.mu.Unlock()
	planned := l.plan.Between(first, last) // it may take long: Report must not wait
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range planned {
		if f.Last >= l.from {
			list = append(list, l.record(f, newest))
		}
	}
	return list
}

// Record is the one of a fault, as Records has it.
func (l *Ledger) Record(f scenario.Fault, newest int64) markers.FaultRecord {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.record(f, newest)
}

func (l *Ledger) record(f scenario.Fault, newest int64) markers.FaultRecord {
	r := Planned(f, l.source, l.clock)
	if r.State != markers.FaultNotDone && f.First <= newest {
		l.fill(&r, f.Last > newest)
	}
	return r
}

// fill writes what was done into the record of a fault that has begun.
func (l *Ledger) fill(r *markers.FaultRecord, active bool) {
	h := l.changed[key(*r)]
	if h != nil && len(h.frames) > 0 {
		done := join(h.frames)
		r.Done, r.Collateral = l.spans(done), l.spans(without(join(h.spoiled), done))
		if h.bytes && !h.restored {
			r.Clean, r.Altered = hex.EncodeToString(h.clean.Sum(nil)), hex.EncodeToString(h.altered.Sum(nil))
		}
	}
	switch {
	case active:
		r.State = markers.FaultActive
	case len(r.Done) > 0:
		r.State = markers.FaultDone
	case h != nil && h.notDone != "":
		r.State, r.Reason = markers.FaultNotDone, h.notDone
	default:
		r.State, r.Reason = markers.FaultNotDone, Unseen
	}
}

func (l *Ledger) spans(runs []run) (list []markers.Span) {
	for _, r := range runs {
		list = append(list, l.clock.Span(r.first, r.last))
	}
	return list
}

// join puts runs in order, and together those that touch.
func join(runs []run) (out []run) {
	slices.SortFunc(runs, func(a, b run) int { return cmp.Compare(a.first, b.first) })
	for _, r := range runs {
		if n := len(out); n > 0 && r.first <= out[n-1].last+1 {
			out[n-1].last = max(out[n-1].last, r.last)
			continue
		}
		out = append(out, r)
	}
	return out
}

// without is what is in runs, and not in others; both are in order.
func without(runs, others []run) (out []run) {
	for _, r := range runs {
		for _, o := range others {
			if o.last < r.first || o.first > r.last {
				continue
			}
			if o.first > r.first {
				out = append(out, run{r.first, o.first - 1})
			}
			r.first = o.last + 1
		}
		if r.first <= r.last {
			out = append(out, r)
		}
	}
	return out
}
