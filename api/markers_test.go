package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
)

// markerList is the answer of /markers.
type markerList struct {
	Channel   string       `json:"channel"`
	Markers   []markerView `json:"markers"`
	Truncated bool         `json:"truncated"`
	Next      string       `json:"next"`
}

// idsOf gets a list of markers and returns the ids, shortened to what comes after "main-".
func (f *fixture) idsOf(target string) (ids string, truncated bool) {
	f.t.Helper()
	var list markerList
	f.ok(target, &list)
	var out []string
	for _, m := range list.Markers {
		out = append(out, strings.TrimPrefix(m.ID, "main-"))
	}
	return strings.Join(out, " "), list.Truncated
}

// withMarkers has events 1 to 4 at frames 300, 900, 1500 and 2100, the second of which lost its first 30 frames, and a
// manual one at 2400.
func withMarkers(t testing.TB, change ...func(*Config)) *fixture {
	f := newFixture(t, change...)
	late := event(2, 930, 959)
	late.ScheduledFrame = 900
	manual := event(0, 2400, 2459)
	manual.Kind, manual.ID, manual.Text = markers.KindManual, "main-t2400", `=2+3, "so" <b>`
	f.append(markers.Batch{Markers: []markers.Marker{event(1, 300, 359), late, event(3, 1500, 1559), event(4, 2100, 2159), manual}})
	return f
}

func TestMarkersByTime(t *testing.T) {
	f := withMarkers(t)
	at := func(n int64) string { return testChannel("main").Clock().Time(n).String() } // 300 is 10.01, 930 is 31.031
	tests := []struct {
		query, want string
		truncated   bool
	}{
		{"", "e1 e2 e3 e4 t2400", false},
		{"?channel=main", "e1 e2 e3 e4 t2400", false},
		{"?ts_start=" + at(300), "e2 e3 e4 t2400", false}, // later than, not at
		{"?ts_start=10.009999999", "e1 e2 e3 e4 t2400", false},
		{"?ts_start=10.0100000001", "e2 e3 e4 t2400", false},
		{"?ts_start=-1", "e1 e2 e3 e4 t2400", false},
		{"?ts_start=1e-05", "e1 e2 e3 e4 t2400", false},
		{"?ts_start=1001E-2", "e2 e3 e4 t2400", false},
		{"?ts_start=1.0009999999e1", "e1 e2 e3 e4 t2400", false},
		{"?ts_end=1e%2B01", "", false},
		// Its scheduled frame 900 is before 920, its first frame is after.
		{"?ts_start=" + at(920) + "&ts_end=" + at(940), "e2", false},
		{"?ts_start=" + at(890) + "&ts_end=" + at(910), "", false},
		{"?ts_end=" + at(1500), "e1 e2 e3", false}, // at the end is in
		{"?ts_end=" + at(1499), "e1 e2", false},
		{"?ts_end=50.05&ts_start=50.05", "", false},
		{"?ts_end=-5", "", false},
		{"?ts_start=5000000000", "", false},
		{"?kind=manual", "t2400", false},
		{"?kind=scheduled", "e1 e2 e3 e4", false},
		{"?kind=manual&limit=1", "t2400", false},
		{"?limit=2", "e1 e2", true},
		{"?limit=5", "e1 e2 e3 e4 t2400", false},
		{"?limit=2&order=desc", "t2400 e4", true},
		{"?order=desc", "t2400 e4 e3 e2 e1", false},
		{"?order=desc&limit=1&kind=scheduled", "e4", true},
		{"?order=desc&ts_end=" + at(920), "e1", false},
		{"?order=desc&limit=1&kind=scheduled&ts_end=" + at(359), "e1", false},
	}
	for _, tt := range tests {
		if ids, truncated := f.idsOf("/markers" + tt.query); ids != tt.want || truncated != tt.truncated {
			t.Errorf("%s: %q, truncated %v; want %q, %v", tt.query, ids, truncated, tt.want, tt.truncated)
		}
	}
}

func TestMarkerIsAsStored(t *testing.T) {
	f := withMarkers(t)
	var got struct {
		Channel string            `json:"channel"`
		Markers []json.RawMessage `json:"markers"`
	}
	f.ok("/markers?limit=1", &got)
	want, err := json.Marshal(event(1, 300, 359))
	if err != nil {
		t.Fatal(err)
	}
	if got.Channel != "main" || string(got.Markers[0]) != string(want) {
		t.Errorf("%s\nwant\n%s", got.Markers[0], want)
	}
	if s := string(want); !strings.Contains(s, `"time":10.01,`) || !strings.Contains(s, `"gen_time":"2026-03-01T12:00:10.011234567Z"`) {
		t.Errorf("the fixture is not what the test is about: %s", s)
	}
}

func TestMissingFramesOfMarkers(t *testing.T) {
	f := withMarkers(t)
	// One record reaches into event 1 from before, two overlap in event 3, one covers event 4 and more.
	f.append(markers.Batch{Missing: []markers.MissingRecord{
		lost(240, 309), lost(340, 344), lost(1500, 1519), lost(1510, 1529), lost(2000, 2300),
	}})
	var list markerList
	f.ok("/markers", &list)
	var got []int64
	for _, m := range list.Markers {
		got = append(got, m.MissingFrames)
	}
	if want := []int64{15, 0, 30, 60, 0}; !slices.Equal(got, want) {
		t.Errorf("missing frames %v, want %v", got, want)
	}
	if strings.Count(f.get("/markers").Body.String(), "missing_frames") != 3 {
		t.Error("missing_frames is not left out where it is 0")
	}
}

func TestMissingFromFrame0(t *testing.T) {
	f := newFixture(t)
	f.append(markers.Batch{
		Markers: []markers.Marker{event(1, 0, 59)},
		Missing: []markers.MissingRecord{lost(0, 9), lost(600, 700)},
	})
	var list markerList
	if f.ok("/markers", &list); list.Markers[0].MissingFrames != 10 {
		t.Errorf("missing frames %d, want 10", list.Markers[0].MissingFrames)
	}
}

func TestMarkerParametersRefused(t *testing.T) {
	f := withMarkers(t)
	tests := []struct{ query, field string }{
		{"ts_start=abc", "ts_start"}, {"ts_start=1e", "ts_start"}, {"ts_start=1e10", "ts_start"}, {"ts_start=NaN", "ts_start"},
		{"ts_start=0x10", "ts_start"}, {"ts_start=+1", "ts_start"}, {"ts_start=", "ts_start"},
		{"ts_start=99999999999", "ts_start"}, {"ts_start=9223372036.854775807", "ts_start"},
		{"ts_end=-9223372036.854775808", "ts_end"}, {"ts_end=1,5", "ts_end"}, {"ts_end=1&ts_end=2", "ts_end"},
		{"kind=other", "kind"}, {"kind=", "kind"},
		{"limit=0", "limit"}, {"limit=4294967296", "limit"}, {"limit=-1", "limit"}, {"limit=1.5", "limit"},
		{"limit=%2B1", "limit"}, {"limit=99999999999999999999", "limit"},
		{"order=up", "order"}, {"format=xml", "format"}, {"frobnicate=1", "frobnicate"}, {"Limit=1", "Limit"},
		{"limit=1&limit=1", "limit"}, {"channel=main&channel=main", "channel"},
		{"limit=%zz", "query"}, {"a;b", "query"},
	}
	for _, tt := range tests {
		f.refused(f.get("/markers?"+tt.query), http.StatusBadRequest, tt.field)
	}
}

func TestNoParameters(t *testing.T) {
	f := newFixture(t)
	w := f.get("/channels?no_such=1")
	f.refused(w, http.StatusBadRequest, "no_such")
	if !strings.Contains(w.Body.String(), "this takes none") {
		t.Errorf("%s", w.Body)
	}
}

func TestChannelParameter(t *testing.T) {
	f := newFixture(t)
	f.refused(f.get("/markers?channel=other"), http.StatusNotFound, "")
	f.refused(f.get("/markers?channel=..%2Fetc"), http.StatusNotFound, "")
	f.put(testChannel("b"))
	var list markerList
	if f.ok("/markers", &list); list.Channel != "main" {
		t.Errorf("of several channels %q is the default, want main", list.Channel)
	}

	f = newFixture(t)
	delete(f.store.channels, "main")
	f.refused(f.get("/markers"), http.StatusServiceUnavailable, "")
	f.put(testChannel("b"))
	if f.ok("/markers", &list); list.Channel != "b" {
		t.Errorf("the only channel is %q, want b", list.Channel)
	}
	f.put(testChannel("c"))
	f.refused(f.get("/markers"), http.StatusBadRequest, "channel")
}

func TestMarkersAsCSV(t *testing.T) {
	f := withMarkers(t)
	f.append(markers.Batch{Missing: []markers.MissingRecord{lost(2100, 2101)}})
	w := f.get("/markers?format=csv")
	if got := w.Header().Get("Content-Type"); got != "text/csv; charset=utf-8; header=present" {
		t.Errorf("Content-Type %q", got)
	}
	rows, err := csv.NewReader(w.Body).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 6 || !slices.Equal(rows[0], markerColumns()) {
		t.Fatalf("%d rows, header %v", len(rows), rows[0])
	}
	column := func(row int, name string) string { return rows[row][slices.Index(markerColumns(), name)] }
	m := event(4, 2100, 2159)
	for name, want := range map[string]string{
		"id": "main-e4", "time": m.Time.String(), "frame": "2100", "last_frame": "2159", "missing_frames": "2",
		"gen_time": m.GenTime.Format(time.RFC3339Nano), "box_height": fmt.Sprint(m.Box.Height),
		"block_x": fmt.Sprint(m.Block.X), "block_roll": fmt.Sprint(m.Block.Roll), "color": "#00ffff",
	} {
		if got := column(4, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := column(5, "text"); got != `'=2+3, "so" <b>` {
		t.Errorf("text that begins like a formula is %q", got)
	}
}

func TestMarkersAsNDJSON(t *testing.T) {
	f := withMarkers(t)
	w := f.get("/markers?format=ndjson&limit=3")
	lines := strings.Split(strings.TrimSuffix(w.Body.String(), "\n"), "\n")
	if len(lines) != 3 || w.Header().Get(truncatedHeader) != "true" {
		t.Fatalf("%d lines, truncated %q", len(lines), w.Header().Get(truncatedHeader))
	}
	for i, line := range lines {
		var m markers.Marker
		if err := json.Unmarshal([]byte(line), &m); err != nil || m.ID != fmt.Sprintf("main-e%d", i+1) {
			t.Errorf("line %d: %v, %q", i, err, m.ID)
		}
	}
	if w := f.get("/markers?format=ndjson&ts_start=5000"); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("no markers: %d %q", w.Code, w.Body)
	}
}

func TestMarkersAsWebVTT(t *testing.T) {
	f := withMarkers(t)
	got := f.get("/markers?format=vtt").Body.String()
	// Frame 300 begins at 10.010 s, frame 360 at 12.012 s; 2400 at 80.080 s, 2460 at 82.082 s.
	for _, want := range []string{
		"WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:90000\n\nmain-e1\n00:00:10.010 --> 00:00:12.012\nMarker 1\n\n",
		"\n\nmain-t2400\n00:01:20.080 --> 00:01:22.082\n=2+3, \"so\" &lt;b&gt;\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestMarkersAreCachedWhileNothingIsNew(t *testing.T) {
	f := withMarkers(t)
	first := f.get("/markers")
	etag := first.Header().Get("ETag")
	before := f.store.reads
	if w := f.get("/markers"); w.Body.String() != first.Body.String() || f.store.reads != before {
		t.Errorf("asked again: %d reads", f.store.reads-before)
	}
	if w := f.get("/markers", "If-None-Match", `"x", W/`+etag); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("with its ETag: %d", w.Code)
	}
	if first.Header().Get("Cache-Control") != "no-cache" || !slices.Contains(first.Header().Values("Vary"), "Accept") {
		t.Errorf("headers %v", first.Header())
	}
	f.append(markers.Batch{Markers: []markers.Marker{event(5, 2700, 2759)}})
	if ids, _ := f.idsOf("/markers"); ids != "e1 e2 e3 e4 t2400 e5" {
		t.Errorf("after a new marker: %s", ids)
	}
	f.append(markers.Batch{Missing: []markers.MissingRecord{lost(2759, 2800)}})
	if !strings.Contains(f.get("/markers").Body.String(), `"missing_frames":1`) {
		t.Error("newly missing frames are not counted")
	}
	// Trimming doesn't move the end of a log: it shows after a second.
	if err := f.store.Trim(context.Background(), "main", markers.Markers, markers.AtFrame(2700)); err != nil {
		t.Fatal(err)
	}
	f.clock.add(maxCachedAge + 1)
	if ids, _ := f.idsOf("/markers"); ids != "e5" {
		t.Errorf("after trimming: %s", ids)
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := &bodyCache{entries: map[cacheKey]cacheEntry{}}
	state := cacheState{at: testEpoch()}
	for i := range 3 * maxCached {
		c.put(cacheKey{query: recordQuery{limit: i}}, state, cachedBody{bytes: make([]byte, maxCachedBytes/4)})
	}
	if c.size > maxCachedTotal || len(c.entries) > maxCached {
		t.Errorf("%d answers, %d bytes", len(c.entries), c.size)
	}
	c.put(cacheKey{}, state, cachedBody{bytes: make([]byte, maxCachedBytes+1)})
	if _, hit := c.get(cacheKey{}, state); hit {
		t.Error("a huge answer was kept")
	}
}

func TestFormatGoesBeforeAccept(t *testing.T) {
	f := withMarkers(t)
	f.refused(f.get("/markers", "Accept", "image/png"), http.StatusNotAcceptable, "Accept")
	if w := f.get("/markers?format=csv", "Accept", "image/png"); w.Code != 200 {
		t.Errorf("with a format: %d", w.Code)
	}
	if w := f.get("/markers", "Accept", "text/html", "Accept", "text/vtt;q=0.1"); w.Header().Get("Content-Type") != "text/vtt; charset=utf-8" {
		t.Errorf("two Accept headers: %q", w.Header().Get("Content-Type"))
	}
}
