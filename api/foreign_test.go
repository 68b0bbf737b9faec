package api

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
)

// twoGenerators is a server of the segments of ours (empty: it does not know whose they are), on a store that two
// generators write to: frames, markers and segments are the ones' or the others', by turns, and so is what is missing.
func twoGenerators(t *testing.T, ours string) *fixture {
	f := newFixture(t, func(c *Config) { c.Generator = func(string) string { return ours } })
	ch := testChannel("main")
	ch.Generator = "b"
	f.put(ch)
	q := quiet(t, 2900, 60)
	var b markers.Batch
	for i, r := range frames(q, q+9) {
		r.Generator = []string{"a", "b", ""}[i%3]
		b.Frames = append(b.Frames, r)
	}
	b.Frames[4].Event = "main-t" + "1" // b's, which a may have got too late
	for i, generator := range []string{"a", "b"} {
		m := event(int64(i+1), int64(100*i+100), int64(100*i+159))
		m.Generator = generator
		b.Markers = append(b.Markers, m)
		r := lost(int64(1000+10*i), int64(1009+10*i))
		r.Generator = generator
		b.Missing = append(b.Missing, r)
		b.Segments = append(b.Segments, markers.SegmentRecord{
			MSN: int64(i), FirstFrame: int64(60 * i), LastFrame: int64(60*i + 59), Bytes: 5, PublishedAt: testEpoch(), URI: "seg-1.ts",
			Generator: generator,
		})
	}
	f.append(b)
	return f
}

type object map[string]any

// measured lists the members of an object that are null.
func nulls(o object) (list []string) {
	for name, v := range o {
		if v == nil {
			list = append(list, name)
		}
	}
	return list
}

// Two generators write to one store: what a generator measures is answered for its own segments only.
func TestTwoGenerators(t *testing.T) {
	frame := []string{"bytes", "dts", "gen_ns", "mono_ns", "run"}
	marker := []string{"gen_seconds", "gen_time", "run"}
	segment := []string{"bytes", "discontinuity", "discontinuity_sequence", "published_at"}
	for _, ours := range []string{"a", "b", ""} {
		t.Run("serving "+ours, func(t *testing.T) {
			f := twoGenerators(t, ours)
			check := func(what string, o object, want []string) {
				t.Helper()
				if generator, _ := o["generator"].(string); generator == ours && ours != "" {
					want = nil
				}
				got := map[string]bool{}
				for _, name := range nulls(o) {
					got[name] = true
				}
				delete(got, "event")
				for _, name := range want {
					if !got[name] {
						t.Errorf("%s: %s is told: %v", what, name, o)
					}
					delete(got, name)
				}
				if len(got) > 0 {
					t.Errorf("%s: %v are null, want %v", what, got, want)
				}
			}
			var list struct{ Frames, Missing, Markers, Segments, Channels []object }
			f.ok("/frames", &list)
			for _, o := range list.Frames {
				check("/frames", o, frame)
				var one object
				f.ok("/frames/"+jsonNumber(o["frame"]), &one)
				check("/frames/n", one, frame)
			}
			if o := list.Frames[4]; (o["event"] == nil) != (ours != "b") {
				t.Errorf("a triggered event of b: %v", o)
			}
			if o := list.Frames[3]; o["event"] != "" {
				t.Errorf("a frame of a without event: %v", o)
			}
			wantMissing := map[string]int{"a": 1, "b": 1, "": 2}[ours]
			f.ok("/frames?from=0", &list)
			if len(list.Missing) != wantMissing || ours != "" && list.Missing[0]["generator"] != ours {
				t.Errorf("missing %v", list.Missing)
			}
			f.ok("/markers", &list)
			for _, o := range list.Markers {
				check("/markers", o, marker)
			}
			f.ok("/segments", &list)
			for _, o := range list.Segments {
				check("/segments", o, segment)
			}
			f.ok("/channels", &list)
			check("/channels", list.Channels[0], []string{"run"})
			var clocks struct {
				object
				Latest object
			}
			f.ok("/clocks", &clocks.object)
			check("/clocks", clocks.object, []string{"run"})
			f.ok("/clocks", &clocks)
			clocks.Latest["generator"] = "a"
			check("latest frame", clocks.Latest, []string{"gen_seconds", "gen_time"})

			rows, err := csv.NewReader(strings.NewReader(f.get("/markers?format=csv").Body.String())).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			for i, row := range rows[1:] {
				if told := row[2] != "" && row[14] != "" && row[15] != ""; told != (ours == []string{"a", "b"}[i]) {
					t.Errorf("CSV: %q", row)
				}
			}
			var lines []object
			for line := range strings.Lines(f.get("/markers?format=ndjson").Body.String()) {
				var o object
				if err := json.Unmarshal([]byte(line), &o); err != nil {
					t.Fatal(err)
				}
				check("JSON Lines", o, marker)
				lines = append(lines, o)
			}
			if len(lines) != 2 {
				t.Errorf("%d lines", len(lines))
			}
			w := f.do(request(http.MethodPost, "/score?clock=gen_time", `["2026-03-01T12:00:05Z"]`, "Content-Type", "application/json"))
			f.refused(w, http.StatusBadRequest, "clock")
			w = f.do(request(http.MethodPost, "/score?clock=frame", `[100]`, "Content-Type", "application/json"))
			if w.Code != http.StatusOK {
				t.Errorf("score on frames: %d %s", w.Code, w.Body)
			}
			var planned object
			w = f.post("{}")
			if err := json.Unmarshal(w.Body.Bytes(), &planned); err != nil || w.Code != http.StatusAccepted {
				t.Fatalf("trigger: %d %s", w.Code, w.Body)
			}
			check("planned marker", planned, []string{"run"})
		})
	}
}

func jsonNumber(v any) string {
	b, _ := json.Marshal(int64(v.(float64)))
	return string(b)
}

// A process that generates reads its own journal: every record there is its own, one that an earlier version wrote without
// an id too.
func TestOneGenerator(t *testing.T) {
	f := newFixture(t)
	f.append(markers.Batch{Frames: frames(10, 12), Markers: []markers.Marker{event(1, 10, 12)}})
	var list struct{ Frames, Markers []object }
	f.ok("/frames", &list)
	f.ok("/markers", &list)
	for _, o := range append(list.Frames, list.Markers...) {
		if n := nulls(o); len(n) > 0 {
			t.Errorf("%v are null in %v", n, o)
		}
	}
}
