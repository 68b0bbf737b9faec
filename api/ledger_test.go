package api

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
)

// Who asks for what the ledger has no more, or not yet, learns where it begins and ends.
func TestLedgerExtent(t *testing.T) {
	f := newFixture(t)
	text := func(target string) string {
		t.Helper()
		w := f.get(target)
		var p Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != http.StatusNotFound {
			t.Fatalf("%s: %d %s", target, w.Code, w.Body)
		}
		return p.Detail
	}
	var list ledgerList
	f.ok("/frames?from=0", &list)
	if v := list.Ledger; v.FirstFrame != nil || v.LastFrame != nil || v.KeptSeconds.String() != "600.6" {
		t.Errorf("an empty ledger: %+v", v)
	}
	if got := text("/frames/5"); !strings.Contains(got, "the ledger has no frame") {
		t.Error(got)
	}
	f.append(markers.Batch{Frames: append(frames(600, 700), frames(760, 800)...)})
	var segments ledgerList
	f.ok("/segments", &segments)
	f.ok("/frames?from=0", &list)
	for _, v := range []ledgerView{list.Ledger, segments.Ledger} {
		if v.FirstFrame == nil || *v.FirstFrame != 600 || v.LastFrame == nil || *v.LastFrame != 800 {
			t.Errorf("ledger of frames 600 to 800: %+v", v)
		}
	}
	for target, want := range map[string]string{
		"/frames/5":   "the ledger begins with frame 600; frames are kept for 600.6 s",
		"/frames/900": "the newest is frame 800",
		"/frames/730": "from 600 to 800",
	} {
		if got := text(target); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %q", target, got, want)
		}
	}
}

// TestMissingShowsNoPaths: records of earlier versions have the folder in them.
func TestMissingShowsNoPaths(t *testing.T) {
	f := newFixture(t)
	m := lost(60, 119)
	m.Detail = "publish segment 1 (frames 60 to 119): write file: open " + filepath.Join(f.dir, "main", "hls", ".seg-1.ts.tmp") + ": no space left on device"
	f.append(markers.Batch{Frames: frames(0, 300), Missing: []markers.MissingRecord{m}})
	for _, target := range []string{"/segments", "/frames?from=0", "/frames/70"} {
		if w := f.get(target); strings.Contains(w.Body.String(), f.dir) || !strings.Contains(w.Body.String(), "open .seg-1.ts.tmp: no space left") {
			t.Errorf("%s: %s", target, w.Body)
		}
	}
}

// Frames that are found missing late, behind later ones in the log, are told like all others, in their order.
func TestMissingLate(t *testing.T) {
	f := newFixture(t)
	m := event(1, 100, 159)
	f.append(markers.Batch{Frames: frames(0, 300), Markers: []markers.Marker{m}})
	f.append(markers.Batch{Missing: []markers.MissingRecord{lost(200, 219)}})
	before := f.get("/markers").Body.String()
	f.append(markers.Batch{Missing: []markers.MissingRecord{lost(120, 129), lost(5, 6), lost(125, 134)}})
	for query, want := range map[string]string{
		"?from=0":            "0-99(100) /5-6",
		"?from=0&limit=5000": "0-300(301) /5-6 /120-129 /125-134 /200-219",
		"?from=121&to=122":   "121-122(2) /120-129",
		"?from=130&to=140":   "130-140(11) /125-134",
		"?to=210&limit=2":    "209-210(2) /200-219",
		"?to=199&limit=100":  "100-199(100) /120-129 /125-134",
	} {
		var list ledgerList
		if f.ok("/frames"+query, &list); list.ranges() != want {
			t.Errorf("%s: %s, want %s", query, list.ranges(), want)
		}
	}
	var view struct {
		Frame   int64
		Missing markers.MissingRecord
	}
	f.ok("/frames/121", &view)
	if view.Missing.Frame != 120 || view.Missing.Place.String() != "200-2" {
		t.Errorf("frame 121: %+v", view)
	}
	var list markerList
	f.ok("/markers", &list)
	if list.Markers[0].MissingFrames != 15 || f.get("/markers").Body.String() == before {
		t.Errorf("marker lacks %d frames, want 15", list.Markers[0].MissingFrames)
	}
	var more ledgerList
	f.ok("/segments?from=2&to=2", &more)
	if len(more.Missing) != 2 {
		t.Errorf("missing of segment 2: %+v", more.Missing)
	}
}
