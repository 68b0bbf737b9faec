package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// live is a fixture whose newest frame is recent.
func live(t testing.TB, change ...func(*Config)) *fixture {
	f := newFixture(t, change...)
	f.append(markers.Batch{Frames: frames(2900, 2990)})
	return f
}

// post triggers an event as this machine's user.
func (f *fixture) post(body string, header ...string) *httptest.ResponseRecorder {
	f.t.Helper()
	return f.do(request(http.MethodPost, "/markers", body,
		append([]string{"Content-Type", "application/json", "X-Refstream", "trigger"}, header...)...))
}

// planned triggers an event, which must succeed.
func (f *fixture) planned(body string) markers.Marker {
	f.t.Helper()
	w := f.post(body)
	if w.Code != http.StatusAccepted {
		f.t.Fatalf("POST %s: %d %s", body, w.Code, w.Body)
	}
	var m markers.Marker
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
		f.t.Fatal(err)
	}
	return m
}

func (f *fixture) triggers() []markers.Trigger {
	f.t.Helper()
	list, err := f.store.Triggers(context.Background(), "main", markers.Range{})
	if err != nil {
		f.t.Fatal(err)
	}
	return list
}

func TestTriggerIsPlanned(t *testing.T) {
	f := live(t)
	w := f.post(`{"text":"Hélène <3","length_frames":45}`)
	if w.Code != http.StatusAccepted || strings.Contains(w.Body.String(), "gen_") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	var m markers.Marker
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
		t.Fatal(err)
	}
	// 500 ms after frame 3000 is frame 3014.
	want := quiet(t, 3014, 45)
	if m.Frame != want || m.LastFrame != want+44 || m.ScheduledFrame != want || m.Text != "Hélène <3" ||
		m.ID != fmt.Sprintf("main-t%d", want) || m.Kind != markers.KindManual || !m.GenTime.IsZero() {
		t.Errorf("planned %+v, want it at %d", m, want)
	}
	if got := f.triggers(); len(got) != 1 || got[0] != (markers.Trigger{Frame: want, LastFrame: want + 44, Text: "Hélène <3"}) {
		t.Errorf("triggers %+v", got)
	}
	// The address given leads to the marker when it is there.
	f.append(markers.Batch{Markers: []markers.Marker{m.At(m.UTC, testEpoch())}})
	if ids, _ := f.idsOf(w.Header().Get("Location")); ids != fmt.Sprintf("t%d", want) {
		t.Errorf("Location %s has %q", w.Header().Get("Location"), ids)
	}
}

func TestTriggerDefaults(t *testing.T) {
	f := live(t)
	m := f.planned("{}")
	if m.LastFrame-m.Frame+1 != testChannel("main").EventLength || m.Text != "Manual marker" {
		t.Errorf("planned %+v", m)
	}
}

func TestTriggersStandAlone(t *testing.T) {
	schedule, err := scenario.NewSchedule(7, 600, 60)
	if err != nil {
		t.Fatal(err)
	}
	// Wherever now is, the event fits before or after the scheduled ones, and is as early as can be.
	for offset := int64(0); offset < 2000; offset += 7 {
		f := newFixture(t, func(c *Config) { c.TriggerLead = time.Nanosecond })
		now := 3000 + offset
		f.clock.t = testChannel("main").Clock().UTC(now)
		f.append(markers.Batch{Frames: frames(now, now)})
		w := f.post(`{"length_frames":30}`)
		if want := quiet(t, now, 30); want > now+899 {
			continue // too far away, which another test is about
		} else if got := f.triggers(); w.Code != http.StatusAccepted || len(got) != 1 || got[0].Frame != want {
			t.Fatalf("now %d: %d, triggers %v, want %d", now, w.Code, got, want)
		}
		tr := f.triggers()[0]
		if touched := schedule.Between(tr.Frame-1, tr.LastFrame+1); len(touched) != 0 {
			t.Fatalf("trigger %v touches %v", tr, touched)
		}
	}
}

func TestTriggersQueue(t *testing.T) {
	f := live(t)
	var wait sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for range 30 {
		wait.Go(func() {
			w := httptest.NewRecorder()
			f.server.Handler().ServeHTTP(w, request(http.MethodPost, "/markers", `{"length_frames":20}`,
				"Content-Type", "application/json", "X-Refstream", "trigger"))
			mu.Lock()
			defer mu.Unlock()
			statuses[w.Code]++
		})
	}
	wait.Wait()
	list := f.triggers()
	if statuses[202] != len(list) || statuses[202] < 10 || statuses[202]+statuses[409] != 30 {
		t.Errorf("statuses %v, %d triggers", statuses, len(list))
	}
	schedule, err := scenario.NewSchedule(7, 600, 60)
	if err != nil {
		t.Fatal(err)
	}
	for i, tr := range list {
		if i > 0 && tr.Frame < list[i-1].LastFrame+2 || tr.LastFrame != tr.Frame+19 ||
			len(schedule.Between(tr.Frame-1, tr.LastFrame+1)) > 0 {
			t.Errorf("trigger %d of %v is wrong", i, list)
		}
	}
	if first, last := list[0].Frame, list[len(list)-1].Frame; last-first > 30*30 {
		t.Errorf("triggers from %d to %d: more than 30 s", first, last)
	}
}

func TestTriggerWithoutRoom(t *testing.T) {
	f := live(t)
	// Ten minutes never fit between events that are 20 s apart.
	w := f.post(`{"length_frames":18000}`)
	f.refused(w, http.StatusConflict, "")
	if w.Header().Get("Retry-After") == "" || len(f.triggers()) != 0 {
		t.Errorf("Retry-After %q, triggers %v", w.Header().Get("Retry-After"), f.triggers())
	}
	// An event that ends a minute from now stands in the way.
	f.append(markers.Batch{Triggers: []markers.Trigger{{Frame: 3010, LastFrame: 3000 + 1800}}})
	w = f.post(`{}`)
	f.refused(w, http.StatusConflict, "")
	if got := w.Header().Get("Retry-After"); got != "30" { // it may begin 30 s from now at the latest
		t.Errorf("Retry-After %q, want 30", got)
	}
}

func TestTriggerOvertaken(t *testing.T) {
	f := live(t)
	free := quiet(t, 3014, 60)
	// Another process takes the very place, then one that reaches into it, then leaves it alone.
	others := []markers.Trigger{{Frame: free, LastFrame: free + 99, Text: "other"}}
	f.store.beforeAppend = func() {
		if len(others) > 0 {
			other := others[0]
			others = nil
			f.store.mu.Lock()
			f.store.log("main", markers.Triggers).append([]markers.Record{other})
			f.store.mu.Unlock()
		}
	}
	if m := f.planned(`{}`); m.Frame != quiet(t, free+101, 60) {
		t.Errorf("planned at %d, want after %d", m.Frame, free+99)
	}

	f = live(t)
	n := 0
	f.store.beforeAppend = func() {
		if n++; n == 1 {
			f.store.mu.Lock()
			f.store.log("main", markers.Triggers).append([]markers.Record{markers.Trigger{Frame: free - 1, LastFrame: free + 10, Text: "other"}})
			f.store.mu.Unlock()
		}
	}
	// Ours is in the store as well then, void: the next is after both.
	if m := f.planned(`{}`); m.Frame != quiet(t, free+61, 60) || len(f.triggers()) != 3 {
		t.Errorf("planned at %d, triggers %v", m.Frame, f.triggers())
	}

	f = live(t)
	f.store.beforeAppend = func() {
		f.store.mu.Lock()
		defer f.store.mu.Unlock()
		l := f.store.log("main", markers.Triggers)
		at := max(l.last.Frame+30, 3014)
		l.append([]markers.Record{markers.Trigger{Frame: at, LastFrame: at + 200}})
	}
	f.refused(f.post(`{}`), http.StatusConflict, "")
}

func TestTriggerNeedsALiveChannel(t *testing.T) {
	for _, tt := range []struct {
		name   string
		newest int64
		now    int64
		want   int
	}{
		{"no frame", -1, 3000, 503},
		{"recent", 2990, 3000, 202},
		{"10 s old", 2990, 2990 + 299, 202},
		{"older", 2990, 2990 + 300, 503},
		{"of a future that is far", 9000, 3000, 503},
		{"before the epoch", -1, -900, 503},
	} {
		f := newFixture(t)
		f.clock.t = testChannel("main").Clock().UTC(tt.now)
		if tt.newest >= 0 {
			f.append(markers.Batch{Frames: frames(tt.newest, tt.newest)})
		}
		w := f.post(`{}`)
		if w.Code != tt.want || (w.Code == 503) != (w.Header().Get("Retry-After") != "") {
			t.Errorf("%s: %d, want %d", tt.name, w.Code, tt.want)
		}
	}
}

// badBody is a body that is refused, with what is wrong.
type badBody struct {
	body   string
	status int
	field  string
}

// badBodies are refused wherever a JSON object of at most so many bytes is posted that may have a member text.
func badBodies(most int) []badBody {
	return []badBody{
		{"", 400, "body"}, {"null", 400, "body"}, {"[]", 400, "body"}, {"{", 400, "body"}, {"{}{}", 400, "body"},
		{`"x"`, 400, "body"}, {"{} x", 400, "body"}, {"\xff{}", 400, "body"}, {"{\"text\":\"\xff\"}", 400, "body"},
		{`{"text":1}`, 400, "text"}, {`{"text":null}`, 400, "text"}, {`{"text":["a"]}`, 400, "text"},
		{`{"text":"a\nb"}`, 400, "text"}, {`{"text":"\u0000"}`, 400, "text"}, {`{"text":"\u007f"}`, 400, "text"},
		{`{"text":"\u0085"}`, 400, "text"}, {`{"text":"\u2028"}`, 400, "text"},
		{`{"text":"` + strings.Repeat("é", 121) + `"}`, 400, "text"},
		{`{"text":"a","text":"b"}`, 400, "text"}, {`{"Text":"a"}`, 400, "Text"},
		{`{"text":"` + strings.Repeat("a", most) + `"}`, 413, "body"},
		{strings.Repeat(" ", most) + "{}", 413, "body"},
	}
}

// refusesTypes posts bodies of other content types.
func (f *fixture) refusesTypes(target string) {
	f.t.Helper()
	for _, contentType := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data"} {
		r := request(http.MethodPost, target, "{}", "X-Refstream", "trigger")
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		f.refused(f.do(r), http.StatusUnsupportedMediaType, "Content-Type")
	}
}
