package storetest

import (
	"slices"
	"sync"

	"github.com/refstream/refstream/markers"
)

// testDetections has detections come with places that are taken or passed: each is behind the one before, and the same one
// twice is there twice. Many writers at once lose none.
func (s *suite) testDetections() {
	placed := func(n, frame, sub int64) markers.Detection {
		d := Detection(n)
		d.Place = markers.ID{Frame: frame, Sub: sub}
		return d
	}
	s.append("main", markers.Batch{Detections: []markers.Detection{Detection(20), Detection(20), Detection(40)}})
	r := s.waiting(s.ctx, "main", markers.Detections, markers.ID{Frame: 40, Sub: 1})
	s.append("main", markers.Batch{Detections: []markers.Detection{Detection(10), Detection(20)}})
	s.ok(<-r)
	s.append("main", markers.Batch{Detections: []markers.Detection{Detection(50)}})
	s.restart()
	got, err := s.Detections(s.ctx, "main", markers.Range{})
	s.ok(err)
	want := []markers.Detection{
		Detection(20), placed(20, 20, 2), Detection(40), placed(10, 40, 2), placed(20, 40, 3), Detection(50),
	}
	if !slices.Equal(got, want) {
		s.Fatalf("detections\n%+v, want\n%+v", got, want)
	}
	s.ok(s.Trim(s.ctx, "main", markers.Detections, markers.AtFrame(50)))

	const writers, each = 8, 20
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range each {
				if err := s.Append(s.ctx, "other", markers.Batch{Detections: []markers.Detection{Detection(7)}}); err != nil {
					s.Error(err)
				}
			}
		})
	}
	group.Wait()
	s.last("other", markers.Detections, markers.ID{Frame: 7, Sub: writers * each})
	got, err = s.Detections(s.ctx, "other", markers.Range{})
	s.ok(err)
	if len(got) != writers*each {
		s.Fatalf("%d detections, want %d", len(got), writers*each)
	}
}
