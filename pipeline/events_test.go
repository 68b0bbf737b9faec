package pipeline

import (
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

func testEvents(t *testing.T) (*events, *scenario.Scenario) {
	t.Helper()
	s, err := scenario.New(markers.Channel{
		Name: "main", Width: 320, Height: 180, Rate: media.FrameRate{Num: 30, Den: 1}, Epoch: time.Unix(1_700_000_000, 0).UTC(),
		Seed: 7, EventEvery: 600, EventLength: 60,
	})
	if err != nil {
		t.Fatal(err)
	}
	return newEvents(s), s
}

// quiet finds a frame after which no scheduled event begins for the given number of frames.
func quiet(s *scenario.Scenario, from, frames int64) int64 {
	for n := from; ; n++ {
		if len(s.Between(n-1, n+frames)) == 0 {
			return n
		}
	}
}

// A trigger is checked like a POST before its place is looked for: one that lasts for ever once took all memory there.
func TestTriggersThatNoPostMakes(t *testing.T) {
	e, s := testEvents(t)
	n := quiet(s, 100, 100)
	longest := int64(markers.MaxEventSeconds * 30)
	for want, trigger := range map[string]markers.Trigger{
		"is not in 0 to":         {Frame: n, LastFrame: 1_000_000_000_000},
		"is too long":            {Frame: n, LastFrame: n + longest},
		"it ends with frame":     {Frame: n, LastFrame: n - 1},
		"the control character":  {Frame: n, LastFrame: n + 1, Text: "a\nb"},
		"it touches a scheduled": {Frame: n, LastFrame: n + longest - 1},
	} {
		if refused := e.add(trigger); !strings.Contains(refused, want) {
			t.Errorf("%+v: %q, want %q", trigger, refused, want)
		}
	}
	allocated := testing.AllocsPerRun(10, func() { e.add(markers.Trigger{Frame: n, LastFrame: n + longest - 1}) })
	if allocated > 10 {
		t.Errorf("%v allocations for one trigger", allocated)
	}
}

func TestTriggers(t *testing.T) {
	e, s := testEvents(t)
	first := quiet(s, 100, 100)
	ev := s.Next(0)
	cases := []struct {
		name   string
		t      markers.Trigger
		accept bool
	}{
		{"backwards", markers.Trigger{Frame: first, LastFrame: first - 1}, false},
		{"in a quiet stretch", markers.Trigger{Frame: first + 10, LastFrame: first + 29, Text: "hello"}, true},
		{"the same again", markers.Trigger{Frame: first + 10, LastFrame: first + 29}, false},
		{"right behind it", markers.Trigger{Frame: first + 30, LastFrame: first + 39}, false},
		{"one quiet frame behind it", markers.Trigger{Frame: first + 31, LastFrame: first + 39}, true},
		{"of one frame", markers.Trigger{Frame: first + 42, LastFrame: first + 42}, true},
		{"right before it", markers.Trigger{Frame: first, LastFrame: first + 9}, false},
		{"inside a scheduled event", markers.Trigger{Frame: ev.First + 1, LastFrame: ev.First + 2}, false},
		{"right behind a scheduled event", markers.Trigger{Frame: ev.Last + 1, LastFrame: ev.Last + 2}, false},
	}
	for _, c := range cases {
		if refused := e.add(c.t); (refused == "") != c.accept {
			t.Errorf("%s: refused %q, want accepted %v", c.name, refused, c.accept)
		}
	}
	got, ok := e.render(first + 15)
	if !ok || got.Kind != markers.KindManual || got.Scheduled != first+10 || got.First != first+15 || got.Last != first+29 || got.Text != "hello" {
		t.Errorf("event at %d is %+v, %v", first+15, got, ok)
	}
	if refused := e.add(markers.Trigger{Frame: first + 15, LastFrame: first + 16}); refused == "" {
		t.Error("a trigger for a frame that was rendered is accepted")
	}
	if _, ok := e.at(first + 30); ok {
		t.Error("the quiet frame between two events shows one")
	}
	if got, ok := e.render(first + 35); !ok || got.Scheduled != first+31 {
		t.Errorf("event at %d is %+v, %v", first+35, got, ok)
	}
	if e.render(first + 43); len(e.manual) > 0 {
		t.Errorf("events that are over are kept: %+v", e.manual)
	}
	for n := ev.First; n <= ev.Last; n++ {
		if got, ok := e.at(n); !ok || got.Kind != markers.KindScheduled || got.Number != ev.Number {
			t.Fatalf("frame %d of scheduled event %d shows %+v, %v", n, ev.Number, got, ok)
		}
	}
}
