package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
)

// generating is a fixture in the process of the generator, whose stream's clock stands at frame 3000 whatever the wall
// clock says.
func generating(t *testing.T, p Position) *fixture {
	return newFixture(t, func(c *Config) {
		c.Stream = func(channel string) (Position, bool) { return p, channel == "main" }
	})
}

func at(n int64) time.Time { return testChannel("main").Clock().UTC(n) }

func detailOf(t *testing.T, body []byte) string {
	t.Helper()
	var p Problem
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatal(err)
	}
	return p.Detail
}

// The wall clock steps while the stream runs: every answer goes by the stream's clock.
func TestStreamClock(t *testing.T) {
	for _, step := range []time.Duration{0, -time.Hour, time.Hour} {
		f := generating(t, Position{Now: at(3000), Next: 3005})
		f.append(markers.Batch{Frames: frames(2900, 2995)})
		f.clock.add(step)
		var v clocksView
		f.ok("/clocks", &v)
		if !v.Live || !v.ServerTime.Equal(at(3000)) || v.ServerFrame != 3000 || v.Clock != clockGenerator || v.ClockDetail != "" {
			t.Errorf("wall clock %v off: %+v", step, v)
		}
		if m := f.planned("{}"); m.Frame != quiet(t, 3014, 60) {
			t.Errorf("wall clock %v off: planned at %d", step, m.Frame)
		}
	}
}

// While the stream waits for its clock no promise is made that it can't keep.
func TestTriggerWhileWaiting(t *testing.T) {
	post := func(p Position, newest int64) (int, string, markers.Marker) {
		t.Helper()
		f := generating(t, p)
		f.append(markers.Batch{Frames: frames(2900, newest)})
		w := f.post("{}")
		var m markers.Marker
		if w.Code == http.StatusAccepted {
			if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
				t.Fatal(err)
			}
			return w.Code, "", m
		}
		if w.Header().Get("Retry-After") == "" {
			t.Errorf("%d without Retry-After", w.Code)
		}
		return w.Code, detailOf(t, w.Body.Bytes()), m
	}
	// Four seconds back: the newest frame is ahead of the clock. The event begins where the stream does.
	begin := quiet(t, 3120, 60)
	code, _, m := post(Position{Now: at(3000), Next: begin, Begins: at(begin), Newest: 3119}, 3119)
	if code != http.StatusAccepted || m.Frame != begin {
		t.Errorf("%d, planned at %d, want %d", code, m.Frame, begin)
	}
	// An hour back.
	p := Position{Now: at(3000), Next: 111_000, Begins: at(111_000), Newest: 110_950}
	code, detail, _ := post(p, 3000)
	if code != http.StatusServiceUnavailable || !strings.Contains(detail, "waits until "+at(111_000).Format(time.RFC3339)) ||
		!strings.Contains(detail, "frame 111000") || !strings.Contains(detail, "110950") {
		t.Errorf("%d %s", code, detail)
	}
	if code, detail, _ = post(Position{Now: at(3000), Starting: true}, 3000); code != 503 || !strings.Contains(detail, "is starting") {
		t.Errorf("%d %s", code, detail)
	}
	if code, detail, _ = post(Position{Now: at(3400), Next: 3401}, 3000); code != 503 || !strings.Contains(detail, "no frame has left") {
		t.Errorf("%d %s", code, detail)
	}
}

// A process that does not generate compares its clock with the newest record, and says what it can't know.
func TestClockOfTheRecords(t *testing.T) {
	for name, c := range map[string]struct {
		step   time.Duration
		detail string
	}{
		"set back": {-time.Hour, "1h0m0.334s ahead of"},
		"ahead":    {time.Hour, "59m59.666s behind"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.append(markers.Batch{Frames: frames(2900, 3010)})
			var v clocksView
			if f.ok("/clocks", &v); v.Clock != clockRecords || !v.Live {
				t.Fatalf("%+v", v)
			}
			f.clock.add(c.step)
			v = clocksView{}
			if f.ok("/clocks", &v); v.Clock != clockUnknown || v.Live || !strings.Contains(v.ClockDetail, c.detail) ||
				!strings.Contains(v.ClockDetail, "does not run") {
				t.Errorf("%+v", v)
			}
			if w := f.post("{}"); w.Code != http.StatusServiceUnavailable || !strings.Contains(detailOf(t, w.Body.Bytes()), c.detail) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			// Frames are seen to come: it is live, and the newest record says where it is.
			f.append(markers.Batch{Frames: frames(3011, 3020)})
			v = clocksView{}
			if f.ok("/clocks", &v); v.Clock != clockUnknown || !v.Live || !strings.Contains(v.ClockDetail, "more come") {
				t.Errorf("%+v", v)
			}
			if m := f.planned("{}"); m.Frame != quiet(t, 3020+30+14, 60) {
				t.Errorf("planned at %d", m.Frame)
			}
			// They came a minute ago.
			f.clock.add(time.Minute)
			f.append(markers.Batch{Frames: frames(3021, 3021)})
			v = clocksView{}
			if f.ok("/clocks", &v); v.Live {
				t.Errorf("live, though nobody looked for a minute: %+v", v)
			}
		})
	}
	f := newFixture(t)
	var v clocksView
	if f.ok("/clocks", &v); v.Clock != clockUnknown || v.Live || !strings.Contains(v.ClockDetail, "no frame yet") {
		t.Errorf("%+v", v)
	}
}

// A trigger waits a moment for a frame, where clocks don't say whether the channel is live.
func TestTriggerWaitsForAFrame(t *testing.T) {
	f := newFixture(t)
	f.append(markers.Batch{Frames: frames(2900, 3010)})
	f.clock.add(-time.Hour)
	next := int64(3011)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
				f.append(markers.Batch{Frames: frames(next, next)})
				next++
			}
		}
	}()
	m := f.planned("{}")
	close(stop)
	<-done
	if m.Frame < 3011+30+14 || m.Frame > quiet(t, next+30+14, 60) {
		t.Errorf("planned at %d, the newest frame is %d", m.Frame, next-1)
	}
}
