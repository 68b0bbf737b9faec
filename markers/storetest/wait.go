package storetest

import (
	"context"
	"errors"
	"sync"

	"github.com/refstream/refstream/markers"
)

// waiting starts to wait for a record and returns where the result comes.
func (s *suite) waiting(ctx context.Context, channel string, k markers.Kind, after markers.ID) <-chan error {
	result := make(chan error, 1)
	store := s.Store
	go func() { result <- store.Wait(ctx, channel, k, after) }()
	return result
}

// stillWaiting checks that nobody who waits has got a result.
func (s *suite) stillWaiting(results ...<-chan error) {
	s.Helper()
	for _, r := range results {
		select {
		case err := <-r:
			s.Fatalf("wait returned %v before there was a record", err)
		default:
		}
	}
}

func (s *suite) testWait() {
	s.append("main", markers.Batch{Markers: []markers.Marker{Marker(10)}})
	s.ok(s.Wait(s.ctx, "main", markers.Markers, markers.ID{}))
	s.ok(s.Wait(s.ctx, "main", markers.Markers, markers.AtFrame(10)))

	// Many wait; a record of another kind or an earlier one does not wake them, the next does.
	var results []<-chan error
	for range 50 {
		results = append(results, s.waiting(s.ctx, "main", markers.Markers, markers.ID{Frame: 10, Sub: 1}))
	}
	ctx, cancel := context.WithCancel(s.ctx)
	cancelled := s.waiting(ctx, "main", markers.Markers, markers.ID{Frame: 10, Sub: 1})
	later := s.waiting(s.ctx, "main", markers.Markers, markers.EndOfFrame(20))
	s.late("main", markers.Batch{Frames: Frames(11, 12), Markers: []markers.Marker{Marker(9)}})
	s.stillWaiting(append(results, cancelled)...)
	cancel()
	if err := <-cancelled; !errors.Is(err, context.Canceled) {
		s.Fatalf("a cancelled wait returned %v", err)
	}
	s.append("main", markers.Batch{Markers: []markers.Marker{Marker(20)}})
	for _, r := range results {
		s.ok(<-r)
	}
	s.stillWaiting(later)
	s.append("main", markers.Batch{Markers: []markers.Marker{Marker(30)}})
	s.ok(<-later)

	// One by one, as a follower does it.
	after := markers.ID{Frame: 30, Sub: 1}
	for f := int64(31); f < 60; f++ {
		r := s.waiting(s.ctx, "main", markers.Markers, after)
		s.append("main", markers.Batch{Markers: []markers.Marker{Marker(f)}})
		s.ok(<-r)
		after = markers.ID{Frame: f, Sub: 1}
	}
}

func (s *suite) testWaitChannel() {
	r := s.waiting(s.ctx, "new", markers.Frames, markers.ID{})
	s.append("other", markers.Batch{Frames: Frames(0, 1)})
	s.append("new", markers.Batch{Frames: Frames(0, 1)})
	s.ok(<-r)
}

func (s *suite) testWaitTrimmed() {
	s.append("main", markers.Batch{Frames: Frames(0, 5)})
	s.ok(s.Trim(s.ctx, "main", markers.Frames, markers.AtFrame(100)))
	r := s.waiting(s.ctx, "main", markers.Frames, markers.AtFrame(2))
	s.stillWaiting(r)
	s.append("main", markers.Batch{Frames: Frames(5, 6)})
	s.ok(<-r)
	s.frames("main", markers.Range{}, 5)
}

// testConcurrent has several writers of the same stream, readers and a trimmer at work at once.
func (s *suite) testConcurrent() {
	const n, writers = 300, 3
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for f := range int64(n) {
				err := s.Append(s.ctx, "main", markers.Batch{Frames: Frames(f, f+1), Markers: []markers.Marker{Marker(f)}})
				if err != nil && (!errors.Is(err, markers.ErrLate) || f > n/2) { // others came first, and the trimmer
					s.Errorf("append frame %d: %v", f, err)
					return
				}
			}
		})
	}
	for range 2 {
		group.Go(func() {
			after := markers.ID{}
			for after.Frame < n-1 {
				if err := s.Wait(s.ctx, "main", markers.Markers, after); err != nil {
					s.Errorf("wait after %s: %v", after, err)
					return
				}
				recs, err := s.Markers(s.ctx, "main", markers.Range{From: after.Next()})
				if err != nil {
					s.Errorf("read after %s: %v", after, err)
					return
				}
				for _, m := range recs {
					if id := (markers.ID{Frame: after.Frame + 1, Sub: 1}); after != (markers.ID{}) && m.RecordID() != id {
						s.Errorf("after %s comes %s", after, m.RecordID())
					}
					after = m.RecordID()
				}
			}
		})
	}
	group.Go(func() {
		for f := int64(0); f <= n/2; f += 10 {
			if err := s.Wait(s.ctx, "main", markers.Frames, markers.AtFrame(f)); err != nil {
				s.Errorf("wait for frame %d: %v", f, err)
			}
			if err := s.Trim(s.ctx, "main", markers.Frames, markers.AtFrame(f)); err != nil {
				s.Errorf("trim to %d: %v", f, err)
			}
		}
	})
	group.Wait()
	s.restart()
	var want []int64
	for f := int64(n / 2); f < n; f++ {
		want = append(want, f)
	}
	s.frames("main", markers.Range{}, want...)
	all, err := s.Markers(s.ctx, "main", markers.Range{})
	s.ok(err)
	if len(all) != n {
		s.Fatalf("%d markers, want %d", len(all), n)
	}
}
