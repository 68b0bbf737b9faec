package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/api"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/packager"
)

// playlist is the twin's, as players get it.
func (r *twinTest) playlist() string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.hls, "index.m3u8"))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// A generator that ends within faults, and its twin, go on where they were: what was done of a fault before is in its record, and what was not
// is not. The discontinuity sequence continues.
func TestTwinRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const text = "{id: long, do: ts.tei, at: {frame: 35}, for: {frames: 60}}, {id: down, do: ts.null, at: {frame: 72}, for: {frames: 3}}, " +
		"{id: before, do: ts.lose, at: {frame: 31}, for: {frames: 2}}, {id: gone, do: sei.missing, at: {frame: 40}, for: {frames: 100}}"
	r := runTwin(t, dir, strings.Replace(text, "{id: down, do:", "{id: down, decoy:", 1), 25)
	r.give(30, 0, 10)
	r.give(40, 0, 10)
	r.give(50, 0, 4) // this one is not published
	before := r.expect("before the end", "before done long active gone active down planned")
	r.kill()
	// gone is not in the file any more.
	text2, _, _ := strings.Cut(strings.Replace(text, "{id: down, do:", "{id: down, decoy:", 1), ", {id: gone")
	r = runTwin(t, dir, text2, 78)
	r.expect("after the start", "before done long active gone not_done down planned")
	r.give(80, 0, 10, true)
	after := r.expect("after a segment", "before done long active gone not_done down not_done")
	r.give(90, 0, 10)
	r.give(100, 0, 10)
	last := r.expect("at the end", "before done long done gone not_done down not_done")
	if got := fmt.Sprint(last[1].Done); got != "[{35 49 1.4 2} {80 94 3.2 3.8}]" || last[1].Clean != "" || before[1].Clean == "" || before[0].Clean != after[0].Clean {
		t.Errorf("done %s, hash %q", got, last[1].Clean)
	}
	if last[2].Reason == "" || last[3].Reason == "" {
		t.Errorf("reasons %q, %q", last[2].Reason, last[3].Reason)
	}
	if p := r.playlist(); strings.Count(p, "#EXT-X-DISCONTINUITY\n") != 1 || !strings.Contains(p, "#EXT-X-MEDIA-SEQUENCE:3\n") || strings.Count(p, "#EXT-X-GAP") != 3 {
		t.Errorf("playlist\n%s", p)
	}
	for n := int64(110); n < 190; n += 10 {
		r.give(n, 0, 10)
	}
	if p := r.playlist(); !strings.Contains(p, "#EXT-X-DISCONTINUITY-SEQUENCE:1\n") {
		t.Errorf("playlist\n%s", p)
	}
	r.kill()
	r = runTwin(t, dir, text2, 190)
	r.expect("in the third run", "before done long done gone not_done down not_done")
	r.give(190, 0, 10)
	for n := int64(200); n < 300; n += 10 {
		r.give(n, 0, 10)
	}
	if p := r.playlist(); !strings.Contains(p, "#EXT-X-DISCONTINUITY-SEQUENCE:2\n") {
		t.Errorf("playlist\n%s", p)
	}
	// A process without the twin has what is over, and what was posted.
	s := &Server{stores: &stores{journal: r.store}}
	log, err := s.faultsOf(t.Context(), "main-outage")
	if err != nil || log == nil {
		t.Fatalf("log %v, %v", log, err)
	}
	list, err := log.Faults(t.Context(), 0, 199)
	if err != nil || len(list) != 4 || log.Newest() != 299 {
		t.Errorf("%d faults up to frame %d, %v", len(list), log.Newest(), err)
	}
	if other, err := s.faultsOf(t.Context(), "main-other"); err != nil || other != nil {
		t.Errorf("log %v, %v", other, err)
	}
}

// The clean encoder's restart is a discontinuity of the twin too, at the edge of a segment and within one; segments that the clean channel
// skipped are a gap, as there.
func TestTwinDiscontinuity(t *testing.T) {
	t.Parallel()
	r := runTwin(t, t.TempDir(), "{do: ts.tei, at: 1h, for: {frames: 2}}", 25)
	for _, n := range []int64{30, 40} {
		r.give(n, 0, 10)
	}
	r.give(70, 0, 10)
	if p := r.playlist(); strings.Contains(p, "#EXT-X-DISCONTINUITY\n") || strings.Count(p, "#EXT-X-GAP") != 2 {
		t.Errorf("skipped segments:\n%s", p)
	}
	r.give(80, 0, 10, true)
	if p := r.playlist(); strings.Count(p, "#EXT-X-DISCONTINUITY\n") != 1 {
		t.Errorf("a restart at the edge:\n%s", p)
	}
	r.give(90, 0, 3)
	r.give(100, 0, 10, true)
	if p := r.playlist(); strings.Count(p, "#EXT-X-DISCONTINUITY\n") != 2 {
		t.Errorf("a restart within a segment:\n%s", p)
	}
}

// post posts a fault, and returns its record, or the problem.
func (r *twinTest) post(body string) (f markers.FaultRecord, p *api.Problem) {
	r.t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &members); err != nil {
		r.t.Fatal(err)
	}
	f, err := r.Post(r.t.Context(), members)
	if err != nil && !errors.As(err, &p) {
		r.t.Fatalf("%s: %v", body, err)
	}
	return f, p
}

// A posted fault begins with the next segment, survives a restart, and can be ended early; so can one of the file.
func TestTwinPost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const file = "{id: x, do: ts.tei, at: {frame: 80}, for: {frames: 40}}, {id: y, do: ts.pat, at: {frame: 110}, for: {frames: 40}}"
	r := runTwin(t, dir, file, 25)
	r.give(30, 0, 10)
	r.give(40, 0, 2)
	now, p := r.post(`{"do":"ts.lose","for":{"frames":15}}`)
	if p != nil || now.ID != "posted-ts.lose-50" || now.Frame != 50 || now.LastFrame != 64 || now.State != markers.FaultPlanned || !now.Posted || now.Channel != "main-outage" {
		t.Fatalf("%+v, %v", now, p)
	}
	later, p := r.post(`{"id":"later","do":"sei.missing","at":{"msn":7},"for":"2s"}`)
	if p != nil || later.Frame != 70 || later.LastFrame != 119 {
		t.Fatalf("%+v, %v", later, p)
	}
	for body, want := range map[string]string{
		`{"do":"freeze","for":"2s"}`:                            "409 do freeze changes pictures, and main-outage has no encoder for that: write pictures: true",
		`{"do":"sound.silence","for":"2s"}`:                     "409 do sound.silence changes the sound, and main has none: start the server with --audio",
		`{"do":"ts.tei","at":{"frame":49},"for":"2s"}`:          "400 at at: it would begin with frame 49, and what is before frame 50 is made already",
		`{"do":"ts.tei","at":"5s","for":"2s","id":"x"}`:         "409 id there is a fault x",
		`{"do":"ts.tei","at":{"frame":70},"for":{"frames":11}}`: "409 at frames 70 to 80 overlap with fault x, of frames 80 to 119",
		`{"do":"ts.tei","at":"2h","for":"2s"}`:                  "400 at at: frame 180000 is more than 1h0m0s ahead",
		`{"do":"ts.none","for":"2s"}`:                           "400 do do: there is no kind \"ts.none\"",
		`{"do":"ts.tei","for":-1}`:                              "400 for for: \"-1\" is not possible",
		`{"do":"ts.tei","for":"2s","with":{"no":1}}`:            "400 with with: there is no parameter \"no\"",
		`{"do":"pts.step","for":"2s","with":{"by":"0s"}}`:       "400 ",
		`{"for":"2s"}`: "400 body the fault is of no kind",
		`{"do":"ts.tei","for":"2s","at":{"utc":"2020-01-01T00:00:00Z"}}`:              "400 at at: 2020-01-01T00:00:00Z is before the epoch",
		`{"decoy":"ts.tei","for":"2s"}`:                                               "400 decoy ts.tei is a fault: write do: ts.tei",
		`{"do":"sei.frozen","at":{"frame":119},"for":{"frames":1}}`:                   "409 at frames 119 to 119 overlap with fault later",
		`{"do":"ts.tei","id":"NO","for":"2s"}`:                                        "400 id id: \"NO\" is not possible",
		fmt.Sprintf(`{"do":"ts.tei","at":{"frame":%d},"for":"2s"}`, markers.MaxFrame): "400 at",
	} {
		f, p := r.post(body)
		if p == nil {
			t.Errorf("%s: %+v", body, f)
		} else if got := fmt.Sprint(p.Status, " ", p.Field, " ", p.Detail); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	r.give(40, 2, 10)
	r.give(50, 0, 10)
	r.expect("while it is active", "posted-ts.lose-50 active later planned x planned")
	r.kill()
	r = runTwin(t, dir, file, 58)
	r.expect("after a restart", "posted-ts.lose-50 active later planned x planned")
	r.give(60, 0, 10, true)
	list := r.expect("when it is over", "posted-ts.lose-50 done later planned x planned")
	if len(list[0].Done) == 0 {
		t.Errorf("record %+v", list[0])
	}
	r.give(70, 0, 10)
	r.give(80, 0, 10)
	r.give(90, 0, 1)
	for id, want := range map[string]string{"later": "70 99 active", "x": "80 99 active", "y": "110 149 not_done"} {
		f, err := r.End(t.Context(), id)
		if got := fmt.Sprintf("%d %d %s", f.Frame, f.LastFrame, f.State); err != nil || got != want || !f.EndedEarly {
			t.Errorf("%s is %s: %+v, %v", id, got, f, err)
		}
		var p *api.Problem
		if _, err := r.End(t.Context(), id); !errors.As(err, &p) || p.Status < 404 {
			t.Errorf("%s ended twice: %v", id, err)
		}
	}
	r.give(90, 1, 10)
	r.give(100, 0, 10)
	r.give(110, 0, 10)
	list = r.expect("when all are ended", "posted-ts.lose-50 done later not_done x done y not_done")
	if got := fmt.Sprint(list[2].Done); got != "[{80 99 3.2 4}]" || list[3].Reason == "" || len(list[3].Done) > 0 {
		t.Errorf("done %s, and %+v", got, list[3])
	}
	r.kill()
	r = runTwin(t, dir, file, 115)
	r.expect("after another restart", "posted-ts.lose-50 done later not_done x done y not_done")
	r.give(120, 0, 10, true)
	list = r.expect("and a segment", "posted-ts.lose-50 done later not_done x done y not_done")
	if !list[3].EndedEarly || len(list[3].Done) > 0 {
		t.Errorf("record %+v", list[3])
	}
	if _, p := r.post(`{"do":"ts.pat","for":"1s"}`); p != nil { // where the file's was
		t.Error(p)
	}
}

// The id of a fault that was ended early is not given again, also when that one has left the window.
func TestTwinPostAgain(t *testing.T) {
	t.Parallel()
	r := runTwin(t, t.TempDir(), "{do: ts.pat, at: {frame: 9000}}", 25)
	r.give(30, 0, 10)
	const body = `{"id":"mine","do":"ts.tei","for":{"frames":20}}`
	if f, p := r.post(body); p != nil || f.Frame != 40 {
		t.Fatalf("%+v, %v", f, p)
	}
	if _, err := r.End(t.Context(), "mine"); err != nil {
		t.Fatal(err)
	}
	for n := int64(40); r.plan.Has("mine"); n += 10 {
		if n > 100_000 {
			t.Fatal("the fault stays in the plan")
		}
		r.give(n, 0, 10)
	}
	if f, p := r.post(body); p == nil || p.Status != http.StatusConflict || p.Field != "id" {
		t.Errorf("%+v, %v", f, p)
	}
}

// A changed file holds from the next segment on: what it does not have any more ends there, what it has as before continues, and what would
// have begun before is left out. A file with a mistake changes nothing.
func TestTwinReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := runTwin(t, dir, "{id: a, do: ts.tei, at: {frame: 32}, for: {frames: 40}}, {id: b, do: ts.unreferenced, at: {frame: 33}, for: {frames: 40}}, {id: c, do: ts.pat, at: {frame: 120}, for: {frames: 30}}", 25)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(r.file.path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.give(30, 0, 10)
	write("version: 1\nname: outage\nfaults: [{id: a, do: ts.none}]")
	r.give(40, 0, 3)
	if _, p := r.post(`{"id":"mine","do":"ts.sync","at":{"frame":75},"for":{"frames":9}}`); p != nil {
		t.Fatal(p)
	}
	r.give(40, 3, 10)
	r.expect("with a mistake in the file", "a active b active mine planned c planned")
	write("version: 1\nname: outage\nfaults: [{id: b, do: ts.unreferenced, at: {frame: 33}, for: {frames: 40}}, {id: d, do: ts.tei, at: {frame: 41}, for: {frames: 24}}, " +
		"{id: e, do: ts.tei, at: {frame: 65}, for: {frames: 5}}, {id: f, do: ts.sync, at: {frame: 80}, for: {frames: 5}}]")
	for n := int64(50); n < 100; n += 10 {
		r.give(n, 0, 10)
	}
	list := r.expect("with another file", "a done b done e done mine done f not_done ")
	if len(list) != 5 || fmt.Sprint(list[0].Done) != "[{32 59 1.28 2.4}]" || !list[0].EndedEarly || list[0].LastFrame != 59 || list[1].Done[0].LastFrame != 72 ||
		list[1].EndedEarly || list[4].Reason != "fault mine is in its place" {
		t.Errorf("%+v", list)
	}
	r.kill()
	text, err := os.ReadFile(r.file.path)
	if err != nil {
		t.Fatal(err)
	}
	_, entries, _ := strings.Cut(strings.TrimSuffix(string(text), "]"), "faults: [")
	r = runTwin(t, dir, entries, 105)
	r.give(110, 0, 10, true)
	// What is before this run is as it was: d, which the file has, was left out.
	r.expect("after a restart", "a done b done e done mine done f not_done ")
}

// A fault of requests can be posted. What became of it is counted as long as its segments are there, and journalled then.
func TestTwinAnswers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const file = "{id: x, do: http.status, at: {msn: 9}}, {id: y, do: http.status, at: {msn: 12}}"
	r := runTwin(t, dir, file, 25)
	r.give(30, 0, 10)
	posted, p := r.post(`{"do":"http.status","for":{"segments":1},"on":{"kind":"segment"},"with":{"status":410}}`)
	if p != nil || posted.ID != "posted-http.status-40" || posted.Parameters["on"] != "segment" {
		t.Fatalf("%+v, %v", posted, p)
	}
	if _, p := r.post(`{"do":"http.status","at":{"msn":9},"on":{"kind":"any"}}`); p == nil || p.Status != http.StatusConflict {
		t.Errorf("an overlap: %v", p)
	}
	for n := int64(40); n < 110; n += 10 {
		r.give(n, 0, 10)
	}
	r.expect("without a request", "posted-http.status-40 not_done x active y planned")
	ask := func(msn int64) int {
		q := r.answers.Request("a", packager.TS.SegmentFile(msn))
		q.Now, q.Places = time.Now, make(chan struct{}, 1)
		w := httptest.NewRecorder()
		r.answers.Log.Serve(w, httptest.NewRequest(http.MethodGet, "/hls/main-outage/"+q.File, nil), q, func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) })
		return w.Code
	}
	if a, b, c := ask(4), ask(5), ask(9); a != 410 || b != 200 || c != 503 {
		t.Errorf("answers %d, %d, %d", a, b, c)
	}
	list := r.expect("with requests", "posted-http.status-40 done x done y planned")
	if len(list[0].Requests) != 1 || list[0].Requests[0].Status != 410 {
		t.Errorf("%+v", list[0])
	}
	for n := int64(110); n < 140; n += 10 {
		r.give(n, 0, 10)
	}
	r.expect("behind the window of the first", "posted-http.status-40 done x done y active")
	if err := r.end(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.kill()
	r = runTwin(t, dir, file, 145)
	r.give(150, 0, 10, true)
	list = r.expect("after a restart", "posted-http.status-40 done x done y not_done")
	if len(list[0].Requests) != 1 || len(list[1].Requests) != 1 || list[1].Requests[0].Client != "a" {
		t.Errorf("%+v", list)
	}
}
