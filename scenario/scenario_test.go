package scenario

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

func testChannel() markers.Channel {
	return markers.Channel{
		Name: "main", Width: 640, Height: 360, Rate: media.FrameRate{Num: 30000, Den: 1001}, Epoch: time.Unix(1_700_000_000, 0).UTC(),
		DropFrame: true, Seed: 9, EventEvery: 100, EventLength: 20, Noise: 3, Block: 40, Roll: 6, FramesPerSegment: 60,
	}
}

func newScenario(t *testing.T) *Scenario {
	t.Helper()
	s, err := New(testChannel())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The description of a channel holds all that its picture depends on.
func TestPicture(t *testing.T) {
	c := testChannel()
	want := generator.Options{Channel: c.Name, Width: c.Width, Height: c.Height, Rate: c.Rate, Epoch: c.Epoch, DropFrame: c.DropFrame,
		Seed: c.Seed, Noise: c.Noise, BlockSide: c.Block, RollStep: c.Roll}
	o := Picture(c)
	if o != want {
		t.Errorf("picture %+v of channel %+v", o, c)
	}
	for i, v := 0, reflect.ValueOf(o); i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("%s is not taken from the channel", v.Type().Field(i).Name)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for want, spoil := range map[string]func(*markers.Channel){
		"channel main: size 7x360":                 func(c *markers.Channel) { c.Width = 7 },
		"channel main: event length of 0 frames":   func(c *markers.Channel) { c.EventLength = 0 },
		"channel main: an event every 600 frames":  func(c *markers.Channel) { c.EventEvery, c.EventLength = 600, math.MaxInt64 },
		"channel main: an event every 61 frames":   func(c *markers.Channel) { c.EventEvery, c.EventLength = 61, 60 },
		"channel main: an event every 4294967297 ": func(c *markers.Channel) { c.EventEvery = 1<<32 + 1 },
	} {
		c := testChannel()
		spoil(&c)
		if _, err := New(c); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// A marker has the block where its picture has it, at the first frame that shows the event.
func TestShow(t *testing.T) {
	s := newScenario(t)
	ev := s.Next(1000)
	e := s.Show(ev, ev.First+3, "")
	if e.Kind != markers.KindScheduled || e.Number != ev.Number || e.Scheduled != ev.First || e.First != ev.First+3 || e.Last != ev.Last ||
		e.Block != markers.Box(s.Picture.BlockAt(ev.First+3)) || e.Band != markers.Box(s.Picture.Band()) || e.Roll != 6 {
		t.Errorf("%+v shows as %+v", ev, e)
	}
	m := s.Marker(Event{First: 7, Last: 12}, "by hand")
	if m.Kind != markers.KindManual || m.Frame != 7 || m.LastFrame != 12 || m.ScheduledFrame != 7 || m.Text != "by hand" || m.ID != "main-t7" {
		t.Errorf("marker %+v", m)
	}
}

// Near is what the pictures say: some frame from one before to one behind shows an event.
func TestNear(t *testing.T) {
	s := newScenario(t)
	for first := int64(1); first < 2000; first++ {
		for _, length := range []int64{1, 2, 19, 60} {
			last, want := first+length-1, int64(0)
			for n := first - 1; n <= last+1 && want == 0; n++ {
				if ev, ok := s.At(n); ok {
					want = ev.Number
				}
			}
			ev, near := s.Near(first, last)
			if near != (want != 0) || near && ev.Number != want {
				t.Fatalf("frames %d to %d: event %d, %v, want %d", first, last, ev.Number, near, want)
			}
		}
	}
}

// Every sample beeps that is in a frame of an event, and no other, whatever stretch is asked for.
func TestBeeps(t *testing.T) {
	s := newScenario(t)
	rate := s.Channel.Rate
	for first := int64(0); first < 400_000; first += 33_333 {
		for _, end := range []int64{first + 1, first + 1602, first + 160_000} {
			beeps := make([]bool, end-first)
			for _, b := range s.Beeps(first, end) {
				if b.First >= end || b.End <= first {
					t.Errorf("samples %d to %d: beep %+v", first, end, b)
				}
				for n := max(b.First, first); n < min(b.End, end); n++ {
					beeps[n-first] = true
				}
			}
			for n := first; n < end; n++ {
				if _, shows := s.At(rate.FrameAtSample(n)); shows != beeps[n-first] {
					t.Fatalf("samples %d to %d: sample %d of frame %d beeps: %t", first, end, n, rate.FrameAtSample(n), !shows)
				}
			}
		}
	}
}
