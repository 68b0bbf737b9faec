package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/journal"
	"github.com/refstream/refstream/media"
)

// detect posts detections as this machine's user.
func (f *fixture) detect(body string) *httptest.ResponseRecorder {
	f.t.Helper()
	return f.do(request(http.MethodPost, "/detections", body, "Content-Type", "application/json", "X-Refstream", "trigger"))
}

// detected posts detections, which are taken in.
func (f *fixture) detected(body string) []markers.Detection {
	f.t.Helper()
	w := f.detect(body)
	var answer postedList
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusCreated {
		f.t.Fatalf("POST %s: %d %s (%v)", body, w.Code, w.Body, err)
	}
	return answer.Detections
}

// listed names the detections of a list by source and frame.
func (f *fixture) listed(target string) (ids string, next string) {
	f.t.Helper()
	var answer struct {
		Detections []markers.Detection
		Truncated  bool
		Next       string
	}
	f.ok(target, &answer)
	var names []string
	for _, d := range answer.Detections {
		names = append(names, fmt.Sprintf("%s%d", d.Source, d.Frame))
	}
	if answer.Truncated != (answer.Next != "") {
		f.t.Errorf("GET %s: truncated %t, next %q", target, answer.Truncated, answer.Next)
	}
	return strings.Join(names, " "), answer.Next
}

// An instant means the same frame on each clock, also as others round it.
func TestDetectionClocks(t *testing.T) {
	f := live(t)
	for body, want := range map[string]media.Seconds{
		`{"source":"a","frame":600,"end":659}`:                                                 20_020_000_000,
		`{"source":"a","time":20.02,"end":21.988633333}`:                                       20_020_000_000,
		`{"source":"a","time":2002e-2,"end":21.989}`:                                           20_020_000_000,
		`{"source":"a","utc":"2026-03-01T12:00:20.02Z","end":"2026-03-01T13:00:21.988+01:00"}`: 20_020_000_000,
		`{"source":"a","pts":1891800,"end":2068977}`:                                           20_020_000_000,
		`{"source":"a","frame":601,"end":659,"confidence":0.5,"text":"x"}`:                     20_053_366_666,
		`{"source":"a","time":20.053,"end":21.988}`:                                            20_053_000_000,
		`[ {"source":"a","pts":1891800,"end":2068977} ]`:                                       20_020_000_000,
	} {
		list := f.detected(body)
		if d := list[0]; len(list) != 1 || d.Time != want || d.Frame != 600+int64(want-20_020_000_000)/33_000_000 || d.LastFrame != 659 {
			t.Errorf("%s: %+v", body, list)
		}
	}
	if d := f.detected(`{"source":"a","frame":0}`)[0]; d.Time != 0 || d.EndTime != 0 || d.LastFrame != 0 || !d.Received.Equal(f.clock.now()) {
		t.Errorf("an instant: %+v", d)
	}
	// What the wire has wraps after 26.5 hours; where it is not wrapped it stays as it is.
	late := int64(3_000_000)
	f.append(markers.Batch{Frames: frames(late, late)})
	clock := testChannel("main").Clock()
	for _, pts := range []int64{clock.PTS(late - 5), clock.PTS(late-5) & (1<<33 - 1)} {
		if d := f.detected(fmt.Sprintf(`{"source":"a","pts":%d}`, pts))[0]; d.Frame != late-5 {
			t.Errorf("pts %d is frame %d, want %d", pts, d.Frame, late-5)
		}
	}
}

func TestDetectionBodyRefused(t *testing.T) {
	f := live(t)
	tests := append(badBodies(maxDetectionBody), []badBody{
		{"{}", 400, "source"}, {`{"frame":5}`, 400, "source"}, {`{"source":"","frame":5}`, 400, "source"},
		{`{"source":5,"frame":5}`, 400, "source"}, {`{"source":null,"frame":5}`, 400, "source"},
		{`{"source":"../x","frame":5}`, 400, "source"}, {`{"source":"` + strings.Repeat("a", 65) + `","frame":5}`, 400, "source"},
		{`{"source":"a"}`, 400, "time"}, {`{"source":"a","end":5}`, 400, "time"}, {`{"source":"a","frame":5,"time":1}`, 400, "frame"},
		{`{"source":"a","gen_time":5}`, 400, "gen_time"}, {`{"source":"a","frame":5,"x":1}`, 400, "x"},
		{`{"source":"a","frame":-1}`, 400, "frame"}, {`{"source":"a","frame":1.5}`, 400, "frame"},
		{`{"source":"a","frame":"5"}`, 400, "frame"}, {`{"source":"a","frame":null}`, 400, "frame"},
		{`{"source":"a","frame":[5]}`, 400, "frame"}, {`{"source":"a","frame":99999999999999999999}`, 400, "frame"},
		{`{"source":"a","time":-0.1}`, 400, "time"}, {`{"source":"a","time":20020}`, 400, "time"}, // milliseconds
		{`{"source":"a","time":1e400}`, 400, "time"}, {`{"source":"a","time":true}`, 400, "time"},
		{`{"source":"a","utc":5}`, 400, "utc"}, {`{"source":"a","utc":"yesterday"}`, 400, "utc"},
		{`{"source":"a","utc":"2026-03-01T11:59:59Z"}`, 400, "utc"}, {`{"source":"a","pts":89999}`, 400, "pts"},
		{`{"source":"a","frame":5,"end":4}`, 400, "end"}, {`{"source":"a","frame":5,"end":null}`, 400, "end"},
		{`{"source":"a","frame":5,"end":900000}`, 400, "end"},
		{`{"source":"a","frame":5,"confidence":1.01}`, 400, "confidence"}, {`{"source":"a","frame":5,"confidence":-0.1}`, 400, "confidence"},
		{`{"source":"a","frame":5,"confidence":"1"}`, 400, "confidence"}, {`{"source":"a","frame":5,"confidence":null}`, 400, "confidence"},
		{`[{"source":"a","frame":5},{"source":"a"}]`, 400, "time"}, {`[{"source":"a","frame":5},[]]`, 400, "body"},
		{`[` + strings.Repeat(`{"source":"a","frame":5},`, 500) + `{"source":"a","frame":5}]`, 400, "body"},
	}...)
	for _, tt := range tests {
		f.refused(f.detect(tt.body), tt.status, tt.field)
	}
	f.refusesTypes("/detections")
	f.refused(f.do(request(http.MethodPost, "/detections?limit=1", "{}", "Content-Type", "application/json", "X-Refstream", "trigger")), 400, "limit")
	if ids, _ := f.listed("/detections"); ids != "" {
		t.Errorf("kept %s", ids)
	}
	if n := len(f.detected(`[` + strings.Repeat(`{"source":"a","frame":5},`, 499) + `{"source":"a","frame":5}]`)); n != 500 {
		t.Errorf("%d of 500", n)
	}
	// Nothing of it is a part of the truth.
	if len(f.triggers()) != 0 || f.get("/markers").Body.String() != `{"channel":"main","markers":[],"truncated":false}` {
		t.Errorf("markers %s", f.get("/markers").Body)
	}
}

func TestDetectionRate(t *testing.T) {
	f := live(t)
	list := `[` + strings.Repeat(`{"source":"a","frame":5},`, 499) + `{"source":"a","frame":5}]`
	f.detected(list)
	f.detected(list)
	w := f.detect(list)
	f.refused(w, http.StatusTooManyRequests, "")
	if w.Header().Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
	}
	f.clock.add(500 * time.Millisecond)
	f.detected(list)
	f.refused(f.detect(list), http.StatusTooManyRequests, "")
}

func TestDetectionStoreFails(t *testing.T) {
	f := live(t)
	f.store.beforeAppend = func() { f.store.setFail(markers.ErrUnavailable) }
	w := f.detect(`{"source":"a","frame":5}`)
	f.refused(w, http.StatusServiceUnavailable, "")
	if w.Header().Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
	}
	f.store.beforeAppend = func() { f.store.setFail(fmt.Errorf("full: %w", markers.ErrJournal)) }
	f.store.setFail(nil)
	f.detected(`{"source":"a","frame":5}`) // the journal has it, and writes it later
}

func TestDetectionList(t *testing.T) {
	f := live(t)
	f.detected(`[{"source":"b","frame":900,"end":910,"confidence":0.25,"text":"=1 <b>"},{"source":"a","frame":300}]`)
	f.detected(`{"source":"a","time":30.03}`) // frame 900 too
	f.detected(`{"source":"a","frame":2990}`)
	for target, want := range map[string]string{
		"/detections":                            "a300 b900 a900 a2990",
		"/detections?source=a":                   "a300 a900 a2990",
		"/detections?source=c":                   "",
		"/detections?ts_start=10.01":             "b900 a900 a2990",
		"/detections?ts_start=10&ts_end=30.03":   "a300 b900 a900",
		"/detections?order=desc":                 "a2990 a900 b900 a300",
		"/detections?limit=1":                    "a300",
		"/detections?limit=2":                    "a300 b900 a900", // of one time
		"/detections?order=desc&limit=2":         "a2990 a900 b900",
		"/detections?source=a&limit=2&ts_end=99": "a300 a900",
	} {
		if ids, _ := f.listed(target); ids != want {
			t.Errorf("%s: %q, want %q", target, ids, want)
		}
	}
	// Whoever follows next has each once.
	for _, first := range []string{"/detections?limit=1", "/detections?limit=1&order=desc", "/detections?limit=1&source=a"} {
		all, pages := []string{}, 0
		for target := first; target != "" && pages < 9; pages++ {
			ids, next := f.listed(target)
			all = append(all, strings.Fields(ids)...)
			if target = ""; next != "" {
				target = "/" + next
			}
		}
		slices.Sort(all)
		if got := strings.Join(all, " "); got != "a2990 a300 a900 b900" && got != "a2990 a300 a900" || pages != 3 {
			t.Errorf("%s: %s in %d pages", first, got, pages)
		}
	}
	for format, want := range map[string]string{
		"csv": "id,source,time,end_time,frame,last_frame,confidence,text,received\r\n" +
			"2990-1,b,30.03,30.363666666,900,910,0.25,'=1 <b>,2026-03-01T12:01:40.1Z\r\n",
		"ndjson": `{"id":"2990-1","source":"b","time":30.03,"end_time":30.363666666,"frame":900,"last_frame":910,` +
			`"confidence":0.25,"text":"=1 \u003cb\u003e","received":"2026-03-01T12:01:40.1Z"}` + "\n",
		"vtt": "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:90000\n\n2990-1\n00:00:30.030 --> 00:00:30.397\nb: =1 &lt;b&gt;\n",
	} {
		w := f.get("/detections?source=b&format=" + format)
		if w.Body.String() != want || w.Header().Get("ETag") == "" {
			t.Errorf("%s: %q, want %q", format, w.Body, want)
		}
		if again := f.get("/detections?source=b&format="+format, "If-None-Match", w.Header().Get("ETag")); again.Code != 304 {
			t.Errorf("%s: %d with its ETag", format, again.Code)
		}
	}
	for query, field := range map[string]string{"source=": "source", "source=a/b": "source", "kind=manual": "kind", "ts_start=x": "ts_start"} {
		f.refused(f.get("/detections?"+query), 400, field)
	}
}

// A list that is too long to be held comes whole, and has a validator.
func TestLongDetectionList(t *testing.T) {
	f := live(t)
	const n = 20_000
	list := make([]markers.Detection, n)
	for i := range list {
		list[i] = markers.Detection{Place: markers.ID{Frame: int64(i), Sub: 1}, Source: "a", Frame: int64(i), LastFrame: int64(i)}
	}
	f.append(markers.Batch{Detections: list})
	w := f.get("/detections?format=ndjson")
	if rows := strings.Count(w.Body.String(), "\n"); rows != n || !strings.HasPrefix(w.Header().Get("ETag"), "W/") {
		t.Errorf("%d rows, ETag %q", rows, w.Header().Get("ETag"))
	}
}

func TestDetectionStream(t *testing.T) {
	f := live(t)
	f.detected(`[{"source":"a","frame":300},{"source":"b","frame":301}]`)
	srv := f.serve(t)
	first := func(query string) string {
		s := followPath(t, srv, "/detections/stream"+query)
		for {
			block, ok := s.next()
			if !ok {
				t.Fatal("the stream ended")
			}
			if strings.HasPrefix(block, "event: detection\n") {
				var d markers.Detection
				lines := strings.Split(block, "\n")
				if err := json.Unmarshal([]byte(strings.TrimPrefix(lines[2], "data: ")), &d); err != nil || lines[1] != "id: "+d.Place.String() {
					t.Fatalf("%q: %v", block, err)
				}
				return fmt.Sprintf("%s%d", d.Source, d.Frame)
			}
		}
	}
	for query, want := range map[string]string{
		"?ts_start=0": "a300", "?ts_start=0&source=b": "b301", "?ts_start=10.01": "b301", "?last_event_id=2990-1": "b301",
	} {
		if got := first(query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	s := followPath(t, srv, "/detections/stream")
	if block, _ := s.next(); !strings.Contains(block, "id: 2990-2") {
		t.Errorf("begins with %q", block)
	}
	f.detected(`{"source":"c","frame":5}`)
	if block, _ := s.next(); !strings.HasPrefix(block, "event: detection\nid: 2990-3\n") {
		t.Errorf("continues with %q", block)
	}
	f.refused(f.get("/detections/stream?source=a/b"), 400, "source")
}

// What was posted has the score that it has when it is sent along.
func TestScoreOfSource(t *testing.T) {
	f := live(t)
	f.append(markers.Batch{Markers: []markers.Marker{event(1, 300, 359), event(2, 900, 959), event(3, 1500, 1559)}})
	f.detected(`[{"source":"a","frame":903},{"source":"a","frame":300},{"source":"b","frame":1500},{"source":"a","frame":2000}]`)
	f.detected(`{"source":"a","frame":2000}`) // again
	for query, want := range map[string][3]int{
		"source=a": {2, 1, 1}, "source=b": {1, 2, 0}, "source=a&ts_start=20&ts_end=40": {1, 0, 0}, "source=a&tolerance=0.05": {1, 2, 2},
		"source=a&offset=-0.1001&tolerance=0.001": {1, 2, 2}, "source=b&ts_start=60": {0, 0, 0}, "source=b&ts_start=20&ts_end=40": {0, 1, 0},
	} {
		r := scored(t, f.get("/score?"+query))
		if got := [3]int{r.Matched, r.Missed, r.Spurious}; got != want {
			t.Errorf("%s: matched, missed, spurious %v, want %v", query, got, want)
		}
	}
	if r := scored(t, f.get("/score?source=a")); r.Matches[1].Error != 100_100_000 || r.Clock != "time" {
		t.Errorf("%+v", r)
	}
	f.refused(f.get("/score"), 400, "source")
	f.refused(f.get("/score?source=a&clock=frame"), 400, "clock")
	f.refused(f.get("/score?source=c"), 404, "")
	f.refused(f.get("/score?source=c&ts_start=5"), 404, "")
}

// On the embedded store, with many sources at once.
func TestDetectionsFromManySources(t *testing.T) {
	j, err := journal.Open(journal.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	f := newFixture(t, func(c *Config) { c.Store = j })
	err = errors.Join(j.PutChannel(t.Context(), testChannel("main")),
		j.Append(t.Context(), "main", markers.Batch{Frames: frames(2990, 2990)}))
	if err != nil {
		t.Fatal(err)
	}
	const sources, each = 10, 20
	var wait sync.WaitGroup
	for i := range sources {
		wait.Go(func() {
			for n := range each {
				w := httptest.NewRecorder()
				f.server.Handler().ServeHTTP(w, request(http.MethodPost, "/detections", fmt.Sprintf(`{"source":"s%d","frame":%d}`, i, n),
					"Content-Type", "application/json", "X-Refstream", "trigger"))
				if w.Code != http.StatusCreated {
					t.Errorf("%d %s", w.Code, w.Body)
				}
			}
		})
	}
	wait.Wait()
	for i := range sources {
		ids, _ := f.listed(fmt.Sprintf("/detections?source=s%d", i))
		if n := len(strings.Fields(ids)); n != each {
			t.Errorf("source %d: %d detections", i, n)
		}
	}
}
