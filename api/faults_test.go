package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/refstream/refstream/markers"
)

// fakeFaults are the faults of a twin that is published as far as newest.
type fakeFaults struct {
	newest atomic.Int64
	plan   []markers.FaultRecord
}

func (l *fakeFaults) Clock() markers.Clock { return testChannel("main").Clock() }
func (l *fakeFaults) Newest() int64        { return l.newest.Load() }

func (l *fakeFaults) Faults(_ context.Context, first, last int64) (list []markers.FaultRecord, err error) {
	newest := l.Newest()
	for _, f := range l.plan {
		if f.LastFrame < first || f.Frame > last {
			continue
		}
		switch {
		case f.LastFrame <= newest && f.State == "":
			f.State = markers.FaultDone
		case f.Frame <= newest && f.State == "":
			f.State = markers.FaultActive
		case f.State == "":
			f.State = markers.FaultPlanned
		}
		list = append(list, f)
	}
	return list, nil
}

// withFaults has a twin main-outage, published as far as frame 659.
func withFaults(t *testing.T) (*fixture, *fakeFaults) {
	clock := testChannel("main").Clock()
	fault := func(id string, first, last int64) markers.FaultRecord {
		return markers.FaultRecord{
			ID: id, Kind: "ts.lose", Layer: "packets", Source: "main", Span: clock.Span(first, last), UTC: clock.UTC(first), EndUTC: clock.UTC(last + 1),
			PTS: clock.PTS(first), EndPTS: clock.PTS(last + 1), MSN: clock.MSN(first), LastMSN: clock.MSN(last),
		}
	}
	log := &fakeFaults{plan: []markers.FaultRecord{fault("a", 600, 602), fault("=b", 650, 800), fault("c", 660, 661), fault("d", 670, 679)}}
	log.plan[0].Parameters = map[string]string{"pid": "video", "packets": "1"}
	log.plan[0].Done, log.plan[0].Alarms = []markers.Span{clock.Span(600, 600), clock.Span(602, 602)}, []string{"TR101290.1.4", "cc"}
	log.plan[3].State, log.plan[3].Reason = markers.FaultNotDone, "it meets c, of an earlier line"
	log.newest.Store(659)
	f := newFixture(t, func(c *Config) {
		c.Heartbeat = time.Hour
		c.Faults = func(_ context.Context, twin string) (FaultLog, error) {
			if twin != "main-outage" {
				return nil, nil
			}
			return log, nil
		}
		c.Outputs = func(name string) []Output {
			return []Output{{Kind: "http-ts", Name: "/live/" + name + ".ts", State: "listening"}}
		}
	})
	return f, log
}

func TestFaultFormats(t *testing.T) {
	f, log := withFaults(t)
	const query = "/faults?channel=main-outage&from=0&to=700"
	w := f.get(query+"&format=csv", "Accept", "application/json")
	rows, err := csv.NewReader(w.Body).ReadAll()
	if err != nil || len(rows) != 5 || w.Header().Get("Content-Type") != "text/csv; charset=utf-8; header=present" {
		t.Fatalf("%v, %v: %q", w.Header(), err, rows)
	}
	column := func(row int, name string) string { return rows[row][slices.Index(rows[0], name)] }
	for name, want := range map[string]string{
		"id": "a", "decoy": "false", "parameters": "packets=1 pid=video", "frame": "600", "time": "20.02", "utc": "2026-03-01T12:00:20.02Z", "msn": "10",
		"state": "done", "done": "600-600 602-602", "collateral": "", "alarms": "TR101290.1.4 cc",
	} {
		if got := column(1, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if column(2, "id") != "'=b" || column(2, "state") != "active" || column(4, "reason") != "it meets c, of an earlier line" {
		t.Errorf("rows %q", rows[1:])
	}
	if text := f.get(query, "Accept", "text/csv").Body.String(); !strings.HasPrefix(text, "id,kind,layer,") {
		t.Errorf("by the Accept header: %q", text)
	}
	// Each member of a fault has a column.
	var members map[string]json.RawMessage
	lines := strings.Split(f.get(query+"&format=ndjson").Body.String(), "\n")
	if err := json.Unmarshal([]byte(lines[0]), &members); err != nil || len(lines) != 5 {
		t.Fatalf("%d lines: %v", len(lines), err)
	}
	for name := range members {
		if !slices.Contains(rows[0], name) {
			t.Errorf("no column %s", name)
		}
	}
	if w := f.get(query + "&state=planned&shows=true"); !strings.Contains(w.Body.String(), `"shows":{}`) {
		t.Errorf("what frames show: %s", w.Body)
	}
	log.plan[0].Layer, log.plan[0].Kind = "picture", "freeze"
	if text := f.get(query + "&shows=true").Body.String(); !strings.HasSuffix(text, `"shows":{"600":600,"602":600}}`+"\n") {
		t.Errorf("what frames show: %s", text)
	}
	f.refused(f.get(query+"&shows=true&format=csv"), 400, "shows")
	f.refused(f.get("/faults?channel=main-outage&from=0&to=5000&shows=true"), 400, "shows")
	if text := f.get(query + "&format=vtt").Body.String(); !strings.Contains(text, "\n\na\n00:00:20.020 --> 00:00:20.120\nfreeze, done\n") {
		t.Errorf("WebVTT %q", text)
	}
}

func TestTwinsAreListed(t *testing.T) {
	f, _ := withFaults(t)
	c := testChannel("main")
	c.Scenarios = []string{"outage"}
	f.put(c)
	var v struct {
		Channels []struct {
			Channel string
			Twins   []struct {
				Channel string
				Outputs []Output
			}
		}
	}
	f.ok("/channels", &v)
	if len(v.Channels) != 1 || len(v.Channels[0].Twins) != 1 || v.Channels[0].Twins[0].Channel != "main-outage" ||
		v.Channels[0].Twins[0].Outputs[0].Name != "/live/main-outage.ts" {
		t.Errorf("%+v", v)
	}
}

// The frames and markers of a twin are those of its clean channel, as far as it is published, with what faults do to the pictures.
func TestTwinTruth(t *testing.T) {
	f, log := withFaults(t) // segments of 60 frames
	clock := testChannel("main").Clock()
	log.newest.Store(899)
	log.plan[0].Kind, log.plan[0].Layer, log.plan[0].Done = "freeze", "picture", []markers.Span{clock.Span(600, 602)}
	log.plan[1].Kind, log.plan[1].Layer, log.plan[1].State = "black", "picture", markers.FaultDone
	log.plan[1].Done = []markers.Span{clock.Span(650, 719), clock.Span(780, 800)} // segment 12 was dropped
	batch := markers.Batch{Frames: frames(480, 1019), Missing: []markers.MissingRecord{lost(540, 545)},
		Markers: []markers.Marker{event(1, 500, 530), event(2, 590, 620), event(3, 660, 700), event(4, 715, 730), event(5, 890, 905)}}
	for _, msn := range []int64{9, 10, 11, 13, 14} {
		batch.Segments = append(batch.Segments, markers.SegmentRecord{MSN: msn, Rendition: "outage", FirstFrame: msn * 60, LastFrame: msn*60 + 59})
	}
	f.append(batch)

	var list ledgerList
	f.ok("/frames?channel=main-outage&from=0&limit=5000", &list)
	if n := len(list.Frames); n != 360 || list.Channel != "main-outage" || list.Truncated || *list.Ledger.FirstFrame != 540 || *list.Ledger.LastFrame != 899 {
		t.Fatalf("%d frames of %s, ledger %+v", n, list.Channel, list.Ledger)
	}
	var lines []string
	for _, m := range list.Missing {
		lines = append(lines, fmt.Sprintf("%d-%d %s", m.Frame, m.LastFrame, m.Reason))
	}
	if got := strings.Join(lines, ", "); got != "540-545 skipped, 720-779 publish" {
		t.Errorf("missing: %s", got)
	}
	for n, want := range map[int64]string{599: " 0 false", 601: "a 600 true", 603: " 0 false", 660: "=b 0 false", 719: "=b 0 false", 720: " 0 false", 790: "=b 0 false", 899: " 0 false"} {
		r := list.Frames[n-540]
		if got := fmt.Sprintf("%s %d %t", r.Fault, r.Shows.Value, r.Shows.Set); r.Frame != n || got != want {
			t.Errorf("frame %d: %s, want %s", n, got, want)
		}
	}
	var page struct{ Frames []map[string]any }
	f.ok("/frames?channel=main-outage&from=601&to=601", &page)
	if r := page.Frames[0]; r["fault"] != "a" || r["shows"] != 600. || r["bytes"] != nil || r["dts"] != nil || r["gen_ns"] == nil || r["event"] != "" {
		t.Errorf("frame 601: %v", r)
	}
	page.Frames = nil // it would be filled in
	f.ok("/frames?channel=main-outage&from=850&limit=1", &page)
	if r := page.Frames[0]; r["fault"] != nil || r["shows"] != nil || r["bytes"] == nil || r["dts"] == nil {
		t.Errorf("frame 850: %v", r)
	}
	f.ok("/frames?channel=main-outage&from=900", &page)
	if len(page.Frames) != 0 {
		t.Errorf("frames that the twin has not published: %v", page.Frames)
	}
	markersOf := func(query string) (got string) {
		t.Helper()
		var list markerList
		f.ok("/markers?channel=main-outage"+query, &list)
		for _, m := range list.Markers {
			got += fmt.Sprintf("%s %s %d, ", m.ID, m.HiddenBy, m.MissingFrames)
		}
		if list.Channel != "main-outage" {
			t.Errorf("channel %s", list.Channel)
		}
		return got
	}
	if got, want := markersOf(""), "main-e2  0, main-e3 =b 0, main-e4  11, "; got != want { // of e4 some frames are in a segment that is not there
		t.Errorf("markers %s, want %s", got, want)
	}
	if got, want := markersOf("&order=desc&limit=1"), "main-e4  11, "; got != want {
		t.Errorf("markers %s, want %s", got, want)
	}
	if got, want := markersOf("&ts_start=22"), "main-e3 =b 0, main-e4  11, "; got != want {
		t.Errorf("markers %s, want %s", got, want)
	}
	csv := f.get("/markers?channel=main-outage&format=csv").Body.String()
	if rows := strings.Split(strings.TrimSpace(csv), "\r\n"); len(rows) != 4 || !strings.HasSuffix(rows[0], ",missing_frames,hidden_by") ||
		!strings.HasSuffix(rows[1], ",0,") || !strings.HasSuffix(rows[2], ",0,'=b") || !strings.HasSuffix(rows[3], ",11,") {
		t.Errorf("CSV: %q", csv)
	}
	var one struct {
		Fault   string
		Shows   *int64
		Missing *struct{ Reason string }
	}
	f.ok("/frames/601?channel=main-outage", &one)
	if one.Fault != "a" || one.Shows == nil || *one.Shows != 600 || one.Missing != nil {
		t.Errorf("frame 601: %+v", one)
	}
	one.Fault, one.Shows = "", nil
	f.ok("/frames/725?channel=main-outage", &one)
	if one.Missing == nil || one.Missing.Reason != "publish" || one.Shows != nil {
		t.Errorf("frame 725: %+v", one)
	}
	for _, path := range []string{"/frames/601.png", "/frames/900", "/frames/0"} {
		f.refused(f.get(path+"?channel=main-outage"), 404, "")
	}
	f.refused(f.get("/segments?channel=main-outage"), 404, "")
	f.refused(f.get("/detections?channel=main-outage"), 404, "")
	f.refused(f.get("/markers?channel=main-none"), 404, "")
	f.refused(f.get("/clocks?channel=main-outage"), 404, "") // by that verify knows a twin
}

// Each change of a fault's state comes once, and again where the connection broke before all of those that came together were there.
func TestFaultStream(t *testing.T) {
	f, log := withFaults(t)
	srv := f.serve(t)
	path := "/faults/stream?channel=main-outage"
	// next reads the events up to an id.
	next := func(s *eventStream) (states, id string) {
		t.Helper()
		for id == "" {
			block, ok := s.next()
			if !ok {
				t.Fatal("the stream ended")
			}
			for line := range strings.Lines(block) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
				switch name {
				case "data":
					var r markers.FaultRecord
					if err := json.Unmarshal([]byte(value), &r); err != nil {
						t.Fatal(err)
					}
					states += r.ID + " " + string(r.State) + ", "
				case "id":
					id = value
				}
			}
		}
		return strings.TrimSuffix(states, ", "), id
	}
	expect := func(s *eventStream, states, id string) {
		t.Helper()
		if got, at := next(s); got != states || at != id {
			t.Errorf("%q, id %s; want %q, %s", got, at, states, id)
		}
	}
	live, all := followPath(t, srv, path), followPath(t, srv, path+"&from=0")
	expect(live, "", "660-0")
	expect(all, "", "0-0")
	expect(all, "a done, =b active", "660-0")
	log.newest.Store(719)
	expect(live, "c done, d not_done", "720-0")
	log.newest.Store(839)
	expect(live, "=b done", "840-0")
	again := followPath(t, srv, path, "Last-Event-ID", "720-0")
	expect(again, "", "720-0")
	expect(again, "=b done", "840-0")
	f.refused(f.get("/faults/stream?channel=main"), 404, "")
	f.refused(f.get(path+"&from=x"), 400, "from")
	f.refused(f.get(path+"&last_event_id=x"), 400, "last_event_id")
}

// A client that waits for a fault gets heartbeats meanwhile, and its wait ends with it.
func TestFaultStreamWaits(t *testing.T) {
	_, log := withFaults(t)
	changes := &faultChanges{find: func(context.Context) (FaultLog, error) { return log, nil }, from: 660}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := changes.wait(ctx); err == nil {
		t.Error("it waits for nothing")
	}
	log.newest.Store(660)
	if err := changes.wait(ctx); err != nil {
		t.Error(err)
	}
}

// endingLog is a log of a twin that notes which fault is to end.
type endingLog struct {
	FaultMaker
	ended string
}

func (l *endingLog) End(_ context.Context, id string) (r markers.FaultRecord, err error) {
	l.ended = id
	return r, nil
}

// The id of a fault may be percent-encoded.
func TestDeleteFault(t *testing.T) {
	log := &endingLog{}
	f := newFixture(t, func(c *Config) { c.Faults = func(context.Context, string) (FaultLog, error) { return log, nil } })
	for path, want := range map[string]string{"posted-ts.lose-50": "posted-ts.lose-50", "posted%2Dts.lose%2d50": "posted-ts.lose-50", "a%2525": "a%25"} {
		w := httptest.NewRecorder()
		f.server.Handler().ServeHTTP(w, request(http.MethodDelete, "/faults/"+path+"?channel=main-outage", "", triggerHeader, triggerValue))
		if w.Code != http.StatusOK || log.ended != want {
			t.Errorf("%s: %d, ended %q", path, w.Code, log.ended)
		}
	}
}

// brokenLog is a log of faults whose store can't be read.
type brokenLog struct{ FaultLog }

func (brokenLog) Newest() int64        { return 100 }
func (brokenLog) Clock() markers.Clock { return testChannel("main").Clock() }
func (brokenLog) Faults(context.Context, int64, int64) ([]markers.FaultRecord, error) {
	return nil, errors.New("the store is away")
}

// A store that can't be read is asked again after a while, not at once.
func TestFaultStreamOfABrokenStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		changes := &faultChanges{find: func(context.Context) (FaultLog, error) { return brokenLog{}, nil }}
		begin := time.Now()
		for range 10 {
			if err := changes.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := changes.next(t.Context(), &bytes.Buffer{}); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begin); took < 9*faultPoll {
			t.Errorf("the store was read ten times in %s", took)
		}
	})
}
