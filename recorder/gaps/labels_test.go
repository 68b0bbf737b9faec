package gaps

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/faults/verdict"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/recorder"
)

// labelledFault is the record of a fault of the segments from msn on, which the simulated server publishes at their ends.
func labelledFault(kind, layer string, msn, segments int64, expects ...string) markers.FaultRecord {
	from := time.Duration(msn-simFirst-1) * 2 * second
	to := from + time.Duration(segments)*2*second
	return markers.FaultRecord{
		ID: kind, Kind: kind, Layer: layer, UTC: simStart().Add(from), EndUTC: simStart().Add(to), MSN: msn, LastMSN: msn + segments - 1,
		Span:  markers.Span{Frame: (msn - simFirst) * 60, LastFrame: (msn-simFirst+segments)*60 - 1, Time: media.Seconds(from), EndTime: media.Seconds(to)},
		State: markers.FaultDone, Expects: expects,
	}
}

// The names of the findings that last are known to other tools.
func TestLasts(t *testing.T) {
	var lasting []Kind
	for _, k := range Kinds() {
		if verdict.Lasts(string(k)) {
			lasting = append(lasting, k)
		}
	}
	want := []Kind{KindGap, KindStale, KindPlaylistSlow, KindRequestFailed, KindSegmentMissing, KindUnparsable}
	slices.Sort(lasting)
	slices.Sort(want)
	if !slices.Equal(lasting, want) {
		t.Errorf("%v last, want %v", lasting, want)
	}
}

// What labelled faults explain is no finding, and those that gaps can see must be found.
func TestLabels(t *testing.T) {
	stale := labelledFault("playlist.stale", "playlist", 106, 4, "gap")
	elsewhere := labelledFault("playlist.stale", "playlist", 118, 4, "gap")
	dates := labelledFault("playlist.pdt_jump", "playlist", 110, 2, "pdt_jump")
	slight := dates
	slight.Parameters = map[string]string{"by": "50ms"}
	notDone := stale
	notDone.State, notDone.Reason = markers.FaultNotDone, "skipped"
	early := labelledFault("playlist.stale", "playlist", 101, 1, "gap")
	packets := labelledFault("ts.lose", "packets", 110, 1, "continuity_count_error")
	quiet := func() *sim { return &sim{length: 60 * second} }
	held := func() *sim {
		return &sim{length: 60 * second, shown: func(t time.Duration) time.Duration {
			if in(t, 12*second, 20*second) { // from when segment 106 is published on
				return 11 * second
			}
			return t
		}}
	}
	for name, c := range map[string]struct {
		sim    *sim
		faults []markers.FaultRecord
		states string
		found  []string
	}{
		"labelled":       {held(), []markers.FaultRecord{stale}, "confirmed", nil},
		"no label":       {held(), nil, "", []string{"gap"}},
		"elsewhere":      {held(), []markers.FaultRecord{elsewhere}, "not_seen", []string{"gap"}},
		"another kind":   {held(), []markers.FaultRecord{dates}, "not_seen", []string{"gap"}},
		"not seen":       {quiet(), []markers.FaultRecord{stale, dates}, "not_seen not_seen", nil},
		"not done":       {held(), []markers.FaultRecord{notDone}, "not_done", []string{"gap"}},
		"too slight":     {quiet(), []markers.FaultRecord{slight}, "not_observable", nil},
		"at the edge":    {quiet(), []markers.FaultRecord{early}, "not_observable", nil},
		"of the packets": {quiet(), []markers.FaultRecord{packets}, "not_observable", nil},
		"after it":       {quiet(), []markers.FaultRecord{labelledFault("playlist.stale", "playlist", 500, 4, "gap")}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.sim.report(t, Options{Faults: c.faults})
			var states, found []string
			for _, f := range r.Faults {
				states = append(states, string(f.State))
			}
			for _, f := range r.Findings {
				found = append(found, string(f.Kind))
			}
			if strings.Join(states, " ") != c.states || fmt.Sprint(found) != fmt.Sprint(c.found) || len(r.Gaps) != len(c.found) {
				t.Errorf("faults are %q, want %q; found %v, want %v", states, c.states, found, c.found)
			}
			var table strings.Builder
			if err := r.WriteTable(&table); err != nil || c.states != "" != strings.Contains(table.String(), "labelled: ") {
				t.Errorf("%v\n%s", err, &table)
			}
		})
	}
	// The server's clock may be ahead of the recorder's.
	ahead := stale
	ahead.UTC, ahead.EndUTC, ahead.MSN, ahead.LastMSN = ahead.UTC.Add(time.Hour), ahead.EndUTC.Add(time.Hour), 1906, 1909
	if r := held().report(t, Options{Faults: []markers.FaultRecord{ahead}, Ahead: time.Hour}); len(r.Findings) > 0 || len(r.Faults) != 1 || r.Faults[0].State != "confirmed" {
		t.Errorf("an hour ahead: %+v, %+v", r.Findings, r.Faults)
	}
	// What is about no segment is not near segment 0.
	first := labelledFault("http.delay", "request", simFirst, 1, "playlist_slow")
	first.MSN, first.LastMSN = 0, 0
	r := Report{Runs: []recorder.Run{{ID: 1, Started: simStart()}}, labels: verdict.New([]markers.FaultRecord{first})}
	for at, want := range map[time.Duration]bool{0: true, time.Hour: false} {
		if got := r.explained(&Finding{Kind: KindPlaylistSlow, MSN: -1, Moment: recorder.Moment{Run: 1, At: at}}); got != want {
			t.Errorf("after %v: explained %v, want %v", at, got, want)
		}
	}
}
