package verdict

import (
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
)

// Findings count for the faults at their place that expect or tolerate them.
func TestExplain(t *testing.T) {
	record := func(id string, state markers.FaultState, first, last int64, expects, tolerates string) markers.FaultRecord {
		return markers.FaultRecord{
			ID: id, Kind: "x", State: state, Span: markers.Span{Frame: first, LastFrame: last},
			Expects: strings.Fields(expects), Tolerates: strings.Fields(tolerates),
		}
	}
	drop := record("drop", markers.FaultDone, 10, 19, "missing", "repeated")
	drop.Collateral = []markers.Span{{Frame: 20, LastFrame: 29}}
	decoy := record("decoy", markers.FaultDone, 50, 59, "", "")
	decoy.Decoy = true
	list := []markers.FaultRecord{
		drop, record("late", markers.FaultDone, 15, 19, "clock_step", "missing"), record("gone", markers.FaultNotDone, 0, 100, "missing", ""),
		record("active", markers.FaultActive, 30, 39, "missing", ""), decoy, record("soon", markers.FaultPlanned, 60, 69, "black", ""),
		record("hidden", markers.FaultDone, 70, 79, "pat_error", ""), record("unseen", markers.FaultDone, 80, 89, "pmt_error", ""),
		record("vague", markers.FaultDone, 90, 99, "", "black"),
	}
	l := New(list)
	at := func(n int64) func(*markers.FaultRecord) Place {
		return func(r *markers.FaultRecord) Place {
			for _, s := range r.Collateral {
				if s.Frame <= n && n <= s.LastFrame {
					return Nearby
				}
			}
			if r.Frame <= n && n <= r.LastFrame {
				return Inside
			}
			return Outside
		}
	}
	for _, c := range []struct {
		finding string
		frame   int64
		spoils  bool
		want    bool
	}{
		{"missing", 12, true, true}, {"trimmed", 13, true, true}, {"frozen", 14, true, true}, {"pat_error", 14, false, false}, {"missing", 9, true, false},
		{"unreadable", 25, true, true}, {"unreadable", 25, false, false}, {"clock_drift", 16, false, true}, {"clock_gaps", 16, false, false},
		{"missing", 35, true, true}, {"missing", 55, true, false}, {"black", 65, true, true}, {"black", 95, true, true}, {"black", 101, true, false},
	} {
		f := Explained{Finding: c.finding, First: c.frame, Last: c.frame, Count: 1}
		if got := l.Explain(f, at(c.frame), c.spoils); got != c.want {
			t.Errorf("%s at %d is explained: %t", c.finding, c.frame, got)
		}
	}
	results := l.Results(func(r *markers.FaultRecord) string { return map[string]string{"hidden": "there are no tables"}[r.ID] })
	want := map[string]string{
		"drop": "confirmed: missing 2, repeated", "late": "confirmed: clock_drift 1", "gone": "not_done", "active": "confirmed", "decoy": "decoy",
		"soon": "confirmed", "hidden": "not_observable", "unseen": "not_seen", "vague": "not_observable",
	}
	for _, r := range results {
		state, _, _ := strings.Cut(want[r.ID], ":")
		if string(r.State) != state || (r.State == NotObservable) != (r.Reason != "") {
			t.Errorf("%s is %s, %q, %+v, want %q", r.ID, r.State, r.Reason, r.Findings, want[r.ID])
		}
	}
	if first := results[1]; first.ID != "drop" || len(first.Findings) != 4 || first.Findings[0].Class != Expected || first.Findings[2].Class != Collateral {
		t.Errorf("the first fault has %+v", first)
	}
	var table strings.Builder
	if err := WriteTable(&table, results); err != nil || !strings.Contains(table.String(), "1 NOT SEEN") || !strings.Contains(table.String(), "there are no tables") {
		t.Errorf("%v\n%s", err, &table)
	}
	failed := 0
	for _, c := range Cases("verify", results) {
		if c.Failure != nil {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("%d test cases fail", failed)
	}
	var none *Labels
	if none.Explain(Explained{}, nil, true) || none.Results(nil) != nil {
		t.Error("something is labelled where nothing is")
	}
}
