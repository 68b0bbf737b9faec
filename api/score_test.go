package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/refstream/refstream/analyzer/verify/score"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// score posts detections, and checks the answer against the document.
func (f *fixture) score(query, contentType, body string) *httptest.ResponseRecorder {
	f.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/score"+query, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	f.server.Handler().ServeHTTP(w, r)
	f.spec.check(f.t, r, w)
	return w
}

func scored(t *testing.T, w *httptest.ResponseRecorder) (r score.Report) {
	t.Helper()
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestScore(t *testing.T) {
	f := newFixture(t)
	f.append(markers.Batch{Markers: []markers.Marker{event(1, 300, 359), event(2, 900, 959), event(3, 1500, 1559)}})
	for name, c := range map[string]struct {
		query, contentType, body  string
		matched, missed, spurious int
		bias                      media.Seconds
	}{
		"times":        {"", "application/json", "[10.03, 30.05, 50.07, 70]", 3, 0, 1, 20_000_000},
		"frames":       {"", "application/json", `[{"frame":300},{"frame":900}]`, 2, 1, 0, 0},
		"clock":        {"?clock=frame", "application/json", `{"detections":[300,1500]}`, 2, 1, 0, 0},
		"lines":        {"", "application/x-ndjson", "{\"pts\":990900}\n", 1, 2, 0, 0},
		"csv":          {"", "text/csv; charset=utf-8", "time,x\n10.01,a\n30.03,b\n", 2, 1, 0, 0},
		"quoted":       {"", "text/csv", "\uFEFF\"id\",\"time\"\na,10.01\n", 1, 2, 0, 0},
		"marked":       {"", "application/json", "\uFEFF[10.01]", 1, 2, 0, 0},
		"tolerance":    {"?tolerance=0.001", "application/json", "[10.03, 30.03]", 1, 2, 1, 0},
		"offset":       {"?offset=-5", "application/json", "[15.01]", 1, 2, 0, 0},
		"range":        {"?ts_start=20&ts_end=40", "application/json", "[10.01, 30.03]", 1, 0, 0, 0},
		"at the start": {"?ts_start=30.03", "application/json", "[50.05]", 1, 0, 0, 0},
		"gen":          {"?clock=gen_time", "text/csv", "gen_time\n2026-03-01T12:00:10.011234567Z\n", 1, 2, 0, 0},
		"none":         {"", "application/json", "[]", 0, 3, 0, 0},
	} {
		r := scored(t, f.score(c.query, c.contentType, c.body))
		if r.Matched != c.matched || r.Missed != c.missed || r.Spurious != c.spurious {
			t.Errorf("%s: %+v", name, r)
		}
		if c.matched > 0 && *r.Bias != c.bias {
			t.Errorf("%s: bias %s, want %s", name, r.Bias, c.bias)
		}
	}
}

func TestScoreRefuses(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		query, contentType, body string
		status                   int
		field                    string
	}{
		{"", "application/json", "[1", 400, "body"},
		{"", "application/json", `["x"]`, 400, "body"},
		{"", "text/csv", "id;time\na;10,01\n", 400, "body"},
		{"?clock=sun", "application/json", "[]", 400, "clock"},
		{"?tolerance=-1", "application/json", "[]", 400, "tolerance"},
		{"?tolerance=3601", "application/json", "[]", 400, "tolerance"},
		{"?ts_start=5&ts_end=5", "application/json", "[]", 400, "ts_end"},
		{"?when=now", "application/json", "[]", 400, "when"},
		{"?channel=other", "application/json", "[]", 404, ""},
		{"", "text/plain", "1", 415, "Content-Type"},
		{"", "", "[]", 415, "Content-Type"},
		{"", "text/csv", "time,x\n1," + strings.Repeat("x", maxScoreBody), 413, "body"},
		{"", "text/csv", "time\n" + strings.Repeat("1\n", score.MaxDetections+1), 400, "body"},
	} {
		w := f.score(c.query, c.contentType, c.body)
		var p Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != c.status || p.Field != c.field {
			t.Errorf("%s %s %.20s: %d %s, want %d for %s", c.query, c.contentType, c.body, w.Code, w.Body, c.status, c.field)
		}
		const example = "; for example: curl -H 'Content-Type: application/json' -d '[12.5, 42]' 'http://example.com/score'"
		if of := c.field == "body" || c.field == "Content-Type"; strings.HasSuffix(p.Detail, example) != of {
			t.Errorf("%s %.20s: %s", c.contentType, c.body, p.Detail)
		}
	}
}

// The range in the report is the one that was asked for, and its beginning is exclusive.
func TestScoreFrom(t *testing.T) {
	f := withMarkers(t)
	at := event(1, 300, 359).Time
	for from, want := range map[media.Seconds]int{0: 5, at - 1: 5, at: 4} {
		r := scored(t, f.score("?ts_start="+from.String(), "application/json", "[]"))
		if r.From == nil || *r.From != from || r.Markers != want {
			t.Errorf("from %s: report says %v and has %d markers, want %d", from, r.From, r.Markers, want)
		}
	}
}

func TestScoreOfTooManyMarkersAsksForARange(t *testing.T) {
	f := newFixture(t)
	var list []markers.Marker
	for i := range int64(maxScoreMarkers + 1) {
		list = append(list, event(i+1, i*3, i*3+1))
	}
	f.append(markers.Batch{Markers: list})
	if w := f.score("", "application/json", "[]"); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "ts_start") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if r := scored(t, f.score(fmt.Sprintf("?ts_start=0&ts_end=%d", 100), "application/json", "[]")); r.Missed < 900 {
		t.Errorf("%d missed", r.Missed)
	}
}
