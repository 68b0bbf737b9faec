// Package verdict compares what a tool finds in a stream with the labelled faults of the stream: each finding is expected,
// collateral or unexpected, and each fault is confirmed, not seen, or not observable by that tool.
package verdict

import (
	"cmp"
	"slices"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// The layers of faults, as their records name them.
const (
	LayerPicture  = string(scenario.LayerPicture)
	LayerUnit     = string(scenario.LayerUnit)
	LayerSEI      = string(scenario.LayerSEI)
	LayerStamps   = string(scenario.LayerStamps)
	LayerSound    = string(scenario.LayerSound)
	LayerPackets  = string(scenario.LayerPackets)
	LayerPlaylist = string(scenario.LayerPlaylist)
	LayerRequest  = string(scenario.LayerRequest)
)

// Lasts reports whether the amount of a finding of refstream gaps is how long it lasted.
func Lasts(finding string) bool {
	return slices.Contains([]string{"gap", "stale", "playlist_slow", "request_failed", "segment_missing", "playlist_unparsable"}, finding)
}

// State is what a tool can say of a labelled fault.
type State string

// The states.
const (
	Confirmed     State = "confirmed"      // a finding that it expects is at its place
	NotSeen       State = "not_seen"       // it was done, the tool should have found it, and did not
	NotObservable State = "not_observable" // the tool can't find it here
	NotDone       State = "not_done"       // nothing was changed, or not yet
	Decoy         State = "decoy"          // it is legal, and nothing was to be found
)

// Class is why a finding is no error of the stream.
type Class string

// The classes. What has neither is unexpected.
const (
	Expected   Class = "expected"   // it confirms the fault
	Collateral Class = "collateral" // it may be there because of the fault
)

// Result is what a tool found of a fault.
type Result struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	Layer string `json:"layer"`
	markers.Span
	UTC      time.Time   `json:"-"`
	EndUTC   time.Time   `json:"-"`
	State    State       `json:"state"`
	Reason   string      `json:"reason,omitempty"`
	Findings []Explained `json:"findings,omitempty"`
}

// Explained is a kind of findings that a fault explains: how many, and the first and the last frame.
type Explained struct {
	Finding string `json:"finding"`
	Clock   string `json:"clock,omitempty"`
	Class   Class  `json:"class"`
	Count   int64  `json:"count"`
	First   int64  `json:"first_frame,omitempty"` // 0 where no frame is known
	Last    int64  `json:"last_frame,omitempty"`
}

// Labels are the labelled faults of a stream, with what a tool has found of each so far. A nil *Labels has none.
type Labels struct{ list []*label }

type label struct {
	markers.FaultRecord
	found []Explained
}

// New takes the records of faults.
func New(records []markers.FaultRecord) *Labels {
	l := &Labels{}
	for _, r := range records {
		l.list = append(l.list, &label{FaultRecord: r})
	}
	slices.SortStableFunc(l.list, func(a, b *label) int { return cmp.Compare(a.Frame, b.Frame) })
	return l
}

// Place is where a finding is, by the frames of a fault.
type Place int

// The places.
const (
	Outside Place = iota
	Nearby        // in frames that look wrong because of the fault
	Inside        // in frames that the fault has changed
)

// Explain reports whether faults explain a finding: those that expect it, or else the first that tolerates it. f.Count is added to theirs.
// f has all but Class; at is where it is. spoils: it is what a decoder makes of lost or damaged bytes, which every fault tolerates that
// has frames that look wrong because of it.
func (l *Labels) Explain(f Explained, at func(*markers.FaultRecord) Place, spoils bool) bool {
	if l == nil {
		return false
	}
	var tolerates *label
	explained := false
	for _, one := range l.list {
		if one.State == markers.FaultNotDone {
			continue
		}
		place := at(&one.FaultRecord)
		switch {
		case place == Outside:
		case place == Inside && has(one.Expects, f.Finding):
			f.Class, explained = Expected, true
			one.add(f)
		case tolerates == nil && (has(one.Expects, f.Finding) || has(one.Tolerates, f.Finding) || spoils && (place == Nearby || len(one.Collateral) > 0)):
			tolerates = one
		}
	}
	if !explained && tolerates != nil {
		f.Class, explained = Collateral, true
		tolerates.add(f)
	}
	return explained
}

func (l *label) add(f Explained) {
	if f.Count == 0 {
		return
	}
	for i := range l.found {
		if o := &l.found[i]; o.Finding == f.Finding && o.Clock == f.Clock && o.Class == f.Class {
			o.Count += f.Count
			o.First, o.Last = min(o.First, f.First), max(o.Last, f.Last)
			return
		}
	}
	l.found = append(l.found, f)
}

// has reports whether a list has a finding, or another that is the same thing: how a clock's error is described depends on how
// much of the stream was read.
func has(list []string, finding string) bool {
	return slices.ContainsFunc(list, func(name string) bool { return family(name) == family(finding) })
}

func family(finding string) string {
	for _, f := range [][]string{
		{"clock_step", "clock_drift", "clock_noise", "clock_offset"}, {"clock_gaps", "clock_gone"}, {"missing", "trimmed"}, {"repeated", "frozen"},
	} {
		if slices.Contains(f, finding) {
			return f[0]
		}
	}
	return finding
}

// Results are what became of all faults. hidden is why the tool can't find one, empty where it can.
func (l *Labels) Results(hidden func(*markers.FaultRecord) string) (list []Result) {
	if l == nil {
		return nil
	}
	for _, one := range l.list {
		r := Result{ID: one.ID, Kind: one.Kind, Layer: one.Layer, Span: one.Span, UTC: one.UTC, EndUTC: one.EndUTC, Findings: one.found}
		why := ""
		switch confirmed := slices.ContainsFunc(one.found, func(f Explained) bool { return f.Class == Expected }); {
		case one.State == markers.FaultNotDone:
			r.State, r.Reason = NotDone, one.Reason
		case one.Decoy:
			r.State = Decoy
		case confirmed:
			r.State = Confirmed
		case one.State == markers.FaultPlanned:
			r.State, r.Reason = NotDone, cmp.Or(one.Reason, "it is planned")
		default:
			if r.State = NotSeen; len(one.Expects) == 0 {
				why = "the tool has no finding that shows it for certain"
			} else {
				why = hidden(&one.FaultRecord)
			}
		}
		if why != "" {
			r.State, r.Reason = NotObservable, why
		}
		list = append(list, r)
	}
	return list
}

// Count is how many of the results are in a state.
func Count(list []Result, s State) (n int) {
	for _, r := range list {
		if r.State == s {
			n++
		}
	}
	return n
}
