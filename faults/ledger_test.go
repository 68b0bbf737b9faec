package faults

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// A fault that begins later in a changed file, and the one of the same ID that it ends early, have a record each.
func TestLedgerChange(t *testing.T) {
	plan := func(at string) *scenario.Plan {
		kind := &scenario.Kind{Name: "drop", Layer: scenario.LayerUnit, Property: "unit"}
		f, err := scenario.Parse("x", []byte("version: 1\nname: x\nfaults: [{id: a, do: drop, at: {frame: "+at+"}, for: {frames: 20}}]"), []*scenario.Kind{kind})
		if err != nil {
			t.Fatal(err)
		}
		p, err := f.Plan(ledgerChannel())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := plan("10")
	l := NewLedger(p, ledgerChannel())
	for n := int64(10); n <= 35; n++ {
		if n == 20 {
			p.Change(plan("20"), 0, n)
		}
		for _, f := range p.At(n, scenario.LayerUnit) {
			l.Report(Change{Fault: f.Key(), Frame: n, Spoiled: n})
		}
		if n%10 == 9 {
			l.Settle(n)
			l.Forget(n - 9)
		}
	}
	var got []string
	for _, r := range l.Records(0, 99, 35) {
		got = append(got, fmt.Sprintf("%d-%d %s %d-%d", r.Frame, r.LastFrame, r.State, r.Done[0].Frame, r.Done[0].LastFrame))
	}
	if want := []string{"20-39 active 20-35"}; !slices.Equal(got, want) {
		t.Errorf("records %q, want %q", got, want)
	}
}

// While a fault is active its log gets what is new, and a whole record now and then: read from wherever it has one, it is what was done.
func TestLedgerAdds(t *testing.T) {
	kind := &scenario.Kind{Name: "drop", Layer: scenario.LayerUnit, Property: "unit"}
	f, err := scenario.Parse("x", []byte("version: 1\nname: x\nfaults: [{id: a, do: drop, at: {frame: 50}, for: {frames: 5000}}]"), []*scenario.Kind{kind})
	if err != nil {
		t.Fatal(err)
	}
	c := ledgerChannel()
	c.KeepMarkers = media.Seconds(80 * time.Second) // a whole record after 40 s
	p, err := f.Plan(c)
	if err != nil {
		t.Fatal(err)
	}
	l := NewLedger(p, c)
	var log []markers.FaultRecord
	spans, wholes := 0, 0
	for first := int64(0); first < 5100; first += c.FramesPerSegment {
		newest := first + c.FramesPerSegment - 1
		for n := first; n <= newest; n++ {
			if n >= 50 && n < 5050 && n%3 == 0 && (n/1000)%2 == 0 {
				l.Report(Change{Fault: "a 50", Frame: n + 2*(n%2), Spoiled: n + 4, Earlier: 1, Clean: "1", Altered: "2"})
			}
		}
		for _, r := range l.Settle(newest) {
			if log = append(log, r); !r.Adds {
				wholes++
			}
			spans += len(r.Done)
		}
		now := l.Records(0, 6000, newest)
		if got := Newest(log, c.Clock()); !reflect.DeepEqual(got, now) && newest > 50 {
			t.Fatalf("after frame %d the log has\n%+v, not\n%+v", newest, got, now)
		}
	}
	whole := Newest(log, c.Clock())[0]
	if len(log) < 40 || wholes != 4 || whole.Adds || spans > 4*len(whole.Done) || len(whole.Done) < 400 {
		t.Errorf("%d records, %d of them whole, with %d runs of frames for %d", len(log), wholes, spans, len(whole.Done))
	}
	// One that begins later lacks what was before, until it has a whole record.
	late := log[2:]
	if r := Newest(late[:3], c.Clock())[0]; !r.Adds || len(r.Done) == 0 {
		t.Errorf("record %+v", r)
	}
	if r := Newest(late, c.Clock())[0]; !reflect.DeepEqual(r, whole) {
		t.Errorf("record %+v, want %+v", r, whole)
	}
	// What was lost is returned again.
	l.Unsettle()
	if again := l.Settle(5099); len(again) != 1 || !reflect.DeepEqual(again[0], whole) {
		t.Errorf("records %+v", again)
	}
}

func ledgerChannel() markers.Channel {
	return markers.Channel{Name: "main", Width: 320, Height: 180, Rate: media.FrameRate{Num: 25, Den: 1}, Epoch: time.Unix(1_700_000_000, 0).UTC(),
		EventEvery: 100, EventLength: 2, FramesPerSegment: 50}
}

// The record holds what was planned and what was done: runs of frames, and those around that a decoder shows wrongly.
func TestLedger(t *testing.T) {
	kind := &scenario.Kind{Name: "drop", Layer: scenario.LayerUnit, Property: "unit", Alarms: []string{"lost"}, Default: scenario.Span{Frames: 1},
		Params: []scenario.Param{{Name: "of", Type: scenario.Word, Words: []string{"idr"}, Default: "idr"}}}
	text := "version: 1\nname: x\nfaults: [{id: a, do: drop, at: {frame: 10}, for: {frames: 9}}, {id: b, do: drop, at: {frame: 30}}, {id: c, do: drop, at: {frame: 60}}]"
	f, err := scenario.Parse("x", []byte(text), []*scenario.Kind{kind})
	if err != nil {
		t.Fatal(err)
	}
	c := ledgerChannel()
	p, err := f.Plan(c)
	if err != nil {
		t.Fatal(err)
	}
	l := NewLedger(p, c)
	for _, n := range []int64{10, 13, 11, 17} {
		l.Report(Change{Fault: "a 10", Frame: n, Spoiled: 21, Earlier: max(0, 12-n), Clean: Hash([]byte{byte(n)}), Altered: Hash(nil)})
	}
	l.Report(Change{Fault: "b 30", NotDone: "there is no IDR"})
	list := l.Records(0, 99, 99)
	if len(list) != 3 {
		t.Fatalf("%d records", len(list))
	}
	a := list[0]
	if a.State != markers.FaultDone || fmt.Sprint(a.Done) != "[{10 11 0.4 0.48} {13 13 0.52 0.56} {17 17 0.68 0.72}]" ||
		fmt.Sprint(a.Collateral) != "[{8 9 0.32 0.4} {12 12 0.48 0.52} {14 16 0.56 0.68} {18 21 0.72 0.88}]" || len(a.Clean) != 64 || a.Clean == a.Altered ||
		a.Frame != 10 || a.LastFrame != 18 || a.EndTime != media.Seconds(760*time.Millisecond) || a.PTS != 126000 || a.Source != "main" ||
		a.Parameters["of"] != "idr" || !slices.Equal(a.Alarms, []string{"lost"}) {
		t.Errorf("record %+v", a)
	}
	if list[1].State != markers.FaultNotDone || list[1].Reason != "there is no IDR" || list[2].State != markers.FaultNotDone || list[2].Reason == "" {
		t.Errorf("not done: %+v", list[1:])
	}
	if got := l.Records(19, 29, 99); len(got) > 0 {
		t.Errorf("records of frames 19 to 29: %+v", got)
	}
	// What is not over is active, a fault is known until its last frame is forgotten, and then there is no record of it.
	for _, c := range []struct {
		forget, newest int64
		want           string
	}{
		{0, 9, "a planned, b planned, c planned"}, {0, 10, "a active, b planned, c planned"}, {0, 18, "a done, b planned, c planned"},
		{18, 30, "a done, b not_done, c planned"}, {19, 60, "b not_done, c not_done"}, {5, 60, "b not_done, c not_done"},
	} {
		l.Forget(c.forget)
		var got []string
		for _, r := range l.Records(0, 99, c.newest) {
			got = append(got, r.ID+" "+string(r.State))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("with newest frame %d: %q, want %q", c.newest, got, c.want)
		}
	}
}
