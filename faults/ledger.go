package faults

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"maps"
	"math"
	"reflect"
	"strconv"
	"sync"
	"time"

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
	from    int64               // faults that were over before this frame are forgotten
	changed map[string]*changes // by the fault's key
	settled map[string]settled  // by the fault's key
	whole   int64               // after how many frames the record of an active fault is returned whole again
}

// settled is a record as Settle returned it last, and which frame was the newest when it was a whole one.
type settled struct {
	markers.FaultRecord
	whole int64
}

// changes is what was reported of one fault.
type changes struct {
	all, fresh     frames // fresh: since Settle had it last
	clean, altered hash.Hash
	bytes          bool
	restored       bool // from a record: not all of the bytes are known
	notDone        string
}

// wholeEvery is how often the record of an active fault is whole, so that few records have to be read to know it.
const wholeEvery = time.Hour

// NewLedger makes the ledger of a plan on a clean channel.
func NewLedger(plan *scenario.Plan, source markers.Channel) *Ledger {
	whole := wholeEvery
	if kept := time.Duration(source.KeepMarkers) / 2; kept > 0 { // so that the log always has one
		whole = min(whole, kept)
	}
	return &Ledger{
		plan: plan, source: source.Name, clock: source.Clock(), whole: source.Rate.Frames(whole.Nanoseconds()),
		changed: map[string]*changes{}, settled: map[string]settled{},
	}
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
	h.all.add(c)
	h.fresh.add(c)
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
	maps.DeleteFunc(l.settled, func(_ string, s settled) bool { return s.LastFrame < before })
	l.from = before
}

// Restore takes over what an earlier run did for a fault of the plan, as its record has it.
func (l *Ledger) Restore(r markers.FaultRecord) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := &changes{clean: sha256.New(), altered: sha256.New(), restored: true}
	h.all.addRecord(r)
	l.changed[key(r)], l.settled[key(r)] = h, settled{r, math.MinInt64 / 2}
}

// Settle returns the records of the faults that have begun by the frame newest, where they are not as they were the last time: as Records
// makes them, but for those that were active then and still are, which are Adds but for a whole one now and then. Faults of requests,
// which are reported elsewhere, are left out.
func (l *Ledger) Settle(newest int64) (list []markers.FaultRecord) {
	for _, f := range l.planned(0, newest) {
		if f.Kind.Layer == scenario.LayerRequest {
			continue
		}
		if r, ok := l.settle(f, newest); ok {
			list = append(list, r)
		}
	}
	return list
}

// Unsettle has the next records of Settle be whole: those that it has returned were lost.
func (l *Ledger) Unsettle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.settled)
}

// settle is the record of a fault, if it has to be returned.
func (l *Ledger) settle(f scenario.Fault, newest int64) (r markers.FaultRecord, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.Last < l.from {
		return r, false
	}
	old, known := l.settled[f.Key()]
	h := l.changed[f.Key()]
	defer func() {
		if h != nil {
			h.fresh = frames{}
		}
	}()
	if known && old.State == markers.FaultActive && f.Refused == "" && f.Last > newest {
		if h == nil || len(h.fresh.changed) == 0 {
			return r, false
		}
		if newest-old.whole < l.whole {
			r = Planned(f, l.source, l.clock)
			r.State, r.Adds = markers.FaultActive, true
			h.fill(&r, &h.fresh, l.clock)
			return r, true
		}
	}
	r = l.record(f, newest)
	kept := r
	if r.State == markers.FaultActive {
		kept.Done, kept.Collateral = nil, nil // they are not compared
	}
	l.settled[f.Key()] = settled{kept, newest}
	return r, !known || r.State == markers.FaultActive || !reflect.DeepEqual(old.FaultRecord, r)
}

// Planned is the record of a fault of which nothing is done yet.
func Planned(f scenario.Fault, source string, clock markers.Clock) markers.FaultRecord {
	r := markers.FaultRecord{
		ID: f.ID, Kind: f.Kind.Name, Layer: string(f.Kind.Layer), Decoy: f.Decoy, Posted: f.Posted, EndedEarly: f.EndedEarly, MeantLast: f.Meant, Source: source, Span: clock.Span(f.First, f.Last),
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
	planned := l.planned(first, last)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range planned {
		if f.Last >= l.from {
			list = append(list, l.record(f, newest))
		}
	}
	return list
}

// planned are the faults of frames first to last that are not forgotten. It may take long: Report does not wait meanwhile.
func (l *Ledger) planned(first, last int64) []scenario.Fault {
	l.mu.Lock()
	first = max(first, l.from)
	l.mu.Unlock()
	return l.plan.Between(first, last)
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
	if h != nil && len(h.all.changed) > 0 {
		h.fill(r, &h.all, l.clock)
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

// fill writes frames into a record, and the hashes of all bytes so far.
func (h *changes) fill(r *markers.FaultRecord, f *frames, clock markers.Clock) {
	f.fill(r, clock)
	if h.bytes && !h.restored {
		r.Clean, r.Altered = hex.EncodeToString(h.clean.Sum(nil)), hex.EncodeToString(h.altered.Sum(nil))
	}
}
