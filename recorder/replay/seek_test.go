package replay

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A clock that is moved, forward and back: what is asked for is what was there then, and the end comes when it is reached.
func TestSeek(t *testing.T) {
	t.Parallel()
	tp := newTape("http://o/live/a.m3u8", 10*time.Second)
	tp.add(tp.url, 0, "one")
	tp.add(tp.url, 4*time.Second, "two")
	tp.add(tp.url, 8*time.Second, "three")
	for _, speed := range []Speed{{1, 1}, {2, 1}} {
		inTime(t, tp, Options{Speed: speed}, func(t *testing.T, p *player) {
			p.expect("/live/a.m3u8", 200, "one")
			for _, c := range []struct {
				to   time.Duration
				body string
			}{{8500 * ms, "three"}, {0, "one"}, {4500 * ms, "two"}} {
				if err := p.s.Seek(c.to); err != nil {
					t.Fatal(err)
				}
				p.expect("/live/a.m3u8", 200, c.body)
				if at := p.s.Position().At; at != c.to {
					t.Errorf("after a seek to %v the replay is at %v", c.to, at)
				}
			}
			for _, to := range []time.Duration{-1, 10 * time.Second, time.Hour} {
				if err := p.s.Seek(to); err == nil {
					t.Errorf("a seek to %v is taken", to)
				}
			}
			from := time.Now()
			<-p.s.Done()
			if took := time.Since(from); took != speed.real(5500*ms) {
				t.Errorf("speed %v: the end came %v after a seek to 4.5 s, want %v", speed, took, speed.real(5500*ms))
			}
			// There is a way back from the end.
			if err := p.s.Seek(time.Second); err != nil {
				t.Fatal(err)
			}
			p.expect("/live/a.m3u8", 200, "one")
		})
	}
}

// Before its clock starts a replay can be moved as well, and one whose dates are moved can't be.
func TestSeekRefused(t *testing.T) {
	t.Parallel()
	tp := newTape("http://o/live/a.m3u8", 10*time.Second)
	tp.add(tp.url, 0, "one")
	s, err := New(context.Background(), tp, Options{Now: time.Now, Wait: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Seek(3 * time.Second); err != nil {
		t.Fatal(err)
	}
	if p := s.Position(); p.Started || p.At != 3*time.Second {
		t.Errorf("position %+v, want 3 s, not started", p)
	}
	if s, err = New(context.Background(), tp, Options{Now: time.Now, Rebase: true}); err != nil {
		t.Fatal(err)
	}
	if err := s.Seek(3 * time.Second); !errors.Is(err, ErrRebased) {
		t.Errorf("with Rebase: %v", err)
	}
}
