package verify

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/markers"
)

// What a server does not know it gives as null, and nothing is compared with it.
func TestUnknownGeneratorTimes(t *testing.T) {
	var f markers.FrameRecord
	var m markers.Marker
	if err := json.Unmarshal([]byte(`{"frame":5,"run":1,"gen_ns":null}`), &f); err != nil || f.GenNS != 0 {
		t.Errorf("%+v, %v", f, err)
	}
	if err := json.Unmarshal([]byte(`{"id":"main-e1","frame":5,"run":1,"gen_time":null,"gen_seconds":null}`), &m); err != nil {
		t.Fatal(err)
	}
	unknown := map[string]bool{}
	c := &checker{channel: verifytest.Channel(), clock: verifytest.Channel().Clock(), truth: truth.Truth{Frames: map[int64]markers.FrameRecord{5: f}}}
	r := &analyzer.Record{}
	for _, list := range []fields{c.expectedRecord(r, 5), c.expectedMISB(r, 5), c.expectedFI(r, 5), c.expectedMarker(analyzer.ID3, &m), c.expectedMarker(analyzer.OnCuePoint, &m)} {
		for _, f := range list {
			if f.unknown {
				unknown[f.name] = true
			}
		}
	}
	want := []string{"gen_ns", "gen_time", "marker.gen_seconds", "marker.gen_time", "sd", "st", "us"}
	if got := slices.Sorted(maps.Keys(unknown)); !slices.Equal(got, want) {
		t.Errorf("unknown are %v, want %v", got, want)
	}
}
