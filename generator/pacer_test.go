package generator

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/refstream/refstream/internal/pause"
	"github.com/refstream/refstream/media"
)

// fakeClock is a wall clock that can be stepped and a monotonic clock that can't. time.Time can't be made with a
// monotonic reading, so its times are wall times, which is the harder case: only sleeps tell the Pacer of progress.
type fakeClock struct {
	wall   time.Time
	slept  []time.Duration
	during func() // called in each sleep, before it ends
	err    error
}

func (c *fakeClock) now() time.Time { return c.wall }

func (c *fakeClock) sleep(_ context.Context, d time.Duration) error {
	c.slept = append(c.slept, d)
	c.wall = c.wall.Add(d)
	if c.during != nil {
		c.during()
	}
	return c.err
}

func newTestPacer(t *testing.T, c *fakeClock, epoch time.Time, rate media.FrameRate) *Pacer {
	t.Helper()
	p, err := NewPacer(epoch, rate, c.now, c.sleep)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func testEpoch() time.Time { return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) }

// TestPacerDeadlines runs ten minutes of each rate: every frame is due at exactly epoch + n/fps, whatever the
// consumer takes, and a late consumer is told how late.
func TestPacerDeadlines(t *testing.T) {
	for _, rate := range media.FrameRates() {
		c := &fakeClock{wall: testEpoch().Add(-time.Second)}
		p := newTestPacer(t, c, testEpoch(), rate)
		frames := 600 * rate.Base()
		for n := range frames {
			late, err := p.Wait(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			due := testEpoch().Add(time.Duration(rate.Nanos(n)))
			if got := c.wall.Sub(due); got != late {
				t.Fatalf("%s: frame %d came %v late, reported %v", rate, n, got, late)
			}
			slow := n%1000 == 0 && n > 0
			if after := (n%1000) <= 7 && n > 1000; late != 0 && !after {
				t.Fatalf("%s: frame %d is %v late", rate, n, late)
			}
			c.wall = c.wall.Add(3 * time.Millisecond) // work
			if slow {
				c.wall = c.wall.Add(100 * time.Millisecond)
			}
		}
		if len(c.slept) > int(frames) {
			t.Errorf("%s: %d sleeps for %d frames", rate, len(c.slept), frames)
		}
	}
}

// TestPacerWallClockSteps steps the wall clock while the Pacer sleeps: the stream goes on at its rate, one sleep a
// frame at most.
func TestPacerWallClockSteps(t *testing.T) {
	rate := media.FrameRate{Num: 25, Den: 1}
	c := &fakeClock{wall: testEpoch()}
	p := newTestPacer(t, c, testEpoch(), rate)
	for n := range int64(10) {
		if _, err := p.Wait(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	c.during = func() { c.wall = c.wall.Add(-time.Hour); c.during = nil }
	c.slept = nil
	for n := int64(10); n < 40; n++ {
		late, err := p.Wait(t.Context(), n)
		if err != nil || late != 0 {
			t.Fatalf("after a step back, frame %d: late %v, %v", n, late, err)
		}
	}
	if len(c.slept) != 30 {
		t.Errorf("after a step back, %d sleeps for 30 frames", len(c.slept))
	}
	for i, d := range c.slept {
		if d != 40*time.Millisecond {
			t.Errorf("after a step back, sleep %d takes %v, want 40ms", i, d)
		}
	}
	if got, want := p.Now(), testEpoch().Add(39*40*time.Millisecond); !got.Equal(want) {
		t.Errorf("the Pacer's clock shows %v, want %v", got, want)
	}
	if got := p.Offset(); got != -time.Hour {
		t.Errorf("Offset() = %v, want -1h", got)
	}
	if got := p.Resync(); got != -time.Hour {
		t.Errorf("Resync() = %v, want -1h", got)
	}
	if got := p.Offset(); got != 0 {
		t.Errorf("Offset() after Resync = %v, want 0", got)
	}
	// The step is slept out, in one go.
	c.slept = nil
	late, err := p.Wait(t.Context(), 40)
	if err != nil || late != 0 || len(c.slept) != 1 || c.slept[0] != time.Hour+40*time.Millisecond {
		t.Errorf("after Resync: late %v, %v, sleeps %v", late, err, c.slept)
	}
	// A step forward shows as lateness.
	c.wall = c.wall.Add(time.Minute)
	if late, err := p.Wait(t.Context(), 41); err != nil || late != time.Minute-40*time.Millisecond {
		t.Errorf("after a step forward: late %v, %v", late, err)
	}
}

// TestPacerMonotonic takes real times, which have a monotonic reading, through the system's sleep.
func TestPacerMonotonic(t *testing.T) {
	start := time.Now()
	epoch := start.Add(50 * time.Millisecond)
	p, err := NewPacer(epoch, media.FrameRate{Num: 60, Den: 1}, time.Now, pause.For)
	if err != nil {
		t.Fatal(err)
	}
	for n := range int64(6) {
		late, err := p.Wait(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		if ran := time.Since(start); ran < 50*time.Millisecond+time.Duration(n)*16_666_666 || late < 0 {
			t.Errorf("frame %d came after %v, late %v", n, ran, late)
		}
	}
	if late, err := p.Wait(t.Context(), 0); err != nil || late < 5*16_666_666 {
		t.Errorf("frame 0 again: late %v, %v", late, err)
	}
}

func TestPacerErrors(t *testing.T) {
	if _, err := NewPacer(testEpoch(), media.FrameRate{}, time.Now, pause.For); err == nil {
		t.Error("NewPacer without a rate: no error")
	}
	c := &fakeClock{wall: testEpoch()}
	p := newTestPacer(t, c, testEpoch(), media.FrameRate{Num: 24000, Den: 1001})
	for _, n := range []int64{-1, math.MinInt64, math.MaxInt64, MaxFrame + 1, 100_000_000_000} {
		if _, err := p.Wait(t.Context(), n); err == nil {
			t.Errorf("Wait(%d): no error", n)
		}
	}
	if len(c.slept) != 0 {
		t.Errorf("slept %v for frames that are refused", c.slept)
	}
	// The farthest frame that is accepted doesn't overflow.
	if _, err := p.Wait(t.Context(), maxPacedSeconds*24000/1001); err != nil || c.slept[0] < 126*365*24*time.Hour {
		t.Errorf("farthest frame: slept %v, %v", c.slept, err)
	}

	c = &fakeClock{wall: testEpoch(), err: context.Canceled}
	p = newTestPacer(t, c, testEpoch(), media.FrameRate{Num: 30, Den: 1})
	if _, err := p.Wait(t.Context(), 5); !errors.Is(err, context.Canceled) {
		t.Errorf("sleep cancelled: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Wait(ctx, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before, frame due: %v", err)
	}
}

// Others read the clock while Wait sleeps: that moves it no further than the time that passes.
func TestPacerReadWhileItSleeps(t *testing.T) {
	c := &fakeClock{wall: testEpoch()}
	rate := media.FrameRate{Num: 25, Den: 1}
	var p *Pacer
	sleep := func(_ context.Context, d time.Duration) error {
		for range 4 {
			c.wall = c.wall.Add(d / 4)
			p.Now()
		}
		return nil
	}
	p, err := NewPacer(testEpoch(), rate, c.now, sleep)
	if err != nil {
		t.Fatal(err)
	}
	for n := int64(1); n < 100; n++ {
		if late, err := p.Wait(t.Context(), n); err != nil || late != 0 || p.Offset() != 0 {
			t.Fatalf("frame %d: %v late, clock %v off, %v", n, late, p.Offset(), err)
		}
	}
}
