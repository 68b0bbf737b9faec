package markers_test

import (
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

func TestPlan(t *testing.T) {
	epoch := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c := markers.Channel{
		Name: "main", Run: 2, Epoch: epoch, Rate: media.FrameRate{Num: 30000, Den: 1001}, FramesPerSegment: 60,
		PTSOrigin: markers.PTSOrigin,
	}
	box, block := markers.Box{Y: 20, Width: 320, Height: 40}, markers.Box{X: 300, Y: 20, Width: 40, Height: 40}
	plain := markers.Event{
		Kind: markers.KindScheduled, Number: 7, Scheduled: 300, First: 310, Last: 359, Band: box, Block: block, Roll: 4,
	}
	got := markers.Plan(c, plain)
	want := markers.Marker{
		ID: "main-e7", Channel: "main", Run: 2, Kind: "scheduled", Text: "Marker 7",
		Time: 10_343_666_666, EndTime: 11_978_633_333, Frame: 310, LastFrame: 359, ScheduledFrame: 300,
		PTS: 90000 + 930930, LastPTS: 90000 + 1078077, Timecode: "00:00:10:10", UTC: epoch.Add(10_343_666_666),
		MSN: 5, Offset: 10, Box: box, Block: markers.Block{Box: block, Roll: 4}, Color: "#00ffff",
	}
	if got != want {
		t.Errorf("planned\n%+v, want\n%+v", got, want)
	}
	if !got.GenTime.IsZero() || got.RecordID() != (markers.ID{Frame: 300, Sub: 1}) {
		t.Errorf("GEN time %v, id %v", got.GenTime, got.RecordID())
	}

	c.Audio = true
	want.Sample, want.LastSample = markers.Number{Value: 496_496, Set: true}, markers.Number{Value: 576_575, Set: true}
	if got := markers.Plan(c, plain); got != want { // 310 and 360 times 1601.6
		t.Errorf("with sound\n%+v, want\n%+v", got, want)
	}

	manual := plain
	manual.Kind = markers.KindManual
	if m := markers.Plan(c, manual); m.ID != "main-t300" || m.Text != "Manual marker" {
		t.Errorf("a triggered event: %s %q", m.ID, m.Text)
	}
	manual.Text = "a"
	if m := markers.Plan(c, manual); m.Text != "a" {
		t.Errorf("text %q, want a", m.Text)
	}

	gen := epoch.Add(10_500_000_001).In(time.FixedZone("", 3600))
	if m := got.At(gen, epoch); m.GenTime != gen.UTC() || m.GenSeconds != 10_500_000_001 {
		t.Errorf("GEN %v, %v", m.GenTime, m.GenSeconds)
	}
}
