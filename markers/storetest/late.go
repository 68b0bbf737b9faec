package storetest

import (
	"reflect"
	"slices"
	"sync"

	"github.com/refstream/refstream/markers"
)

// missing checks what the log of missing frames holds, in its order.
func (s *suite) missing(want ...markers.MissingRecord) {
	s.Helper()
	got, err := s.Missing(s.ctx, "main", markers.Range{})
	s.ok(err)
	if !slices.Equal(got, want) {
		s.Fatalf("missing\n%+v, want\n%+v", got, want)
	}
}

// testLate has frames found missing when the log holds a record of later ones: the record is there all the same, once,
// and who follows the log gets it.
func (s *suite) testLate() {
	placed := func(n, frame, sub int64) markers.MissingRecord {
		m := Missing(n)
		m.Place = markers.ID{Frame: frame, Sub: sub}
		return m
	}
	s.append("main", markers.Batch{Missing: []markers.MissingRecord{Missing(20), Missing(40)}})
	r := s.waiting(s.ctx, "main", markers.Missing, markers.ID{Frame: 40, Sub: 1})
	s.append("main", markers.Batch{Missing: []markers.MissingRecord{Missing(10), Missing(20), Missing(30), Missing(60)}})
	s.ok(<-r)
	want := []markers.MissingRecord{Missing(20), Missing(40), placed(10, 40, 2), placed(30, 40, 3), Missing(60)}
	s.missing(want...)
	s.restart()
	s.missing(want...)
	s.append("main", markers.Batch{Missing: []markers.MissingRecord{Missing(10), Missing(40), placed(30, 99, 7)}})
	s.missing(want...)
	s.last("main", markers.Missing, want[len(want)-1].RecordID())
	// What another generator lacks, or another reason, is another statement.
	other, again := Missing(20), Missing(20)
	other.Generator, again.Reason = "g-2", markers.ReasonLost
	s.append("main", markers.Batch{Missing: []markers.MissingRecord{other, again, Missing(80)}})
	s.restart()
	all, err := s.Missing(s.ctx, "main", markers.Range{})
	s.ok(err)
	if len(all) != len(want)+3 || !slices.ContainsFunc(all, other.Same) || !slices.ContainsFunc(all, again.Same) {
		s.Fatalf("missing\n%+v, want the records of two generators and of two reasons", all)
	}
	for i := 1; i < len(all); i++ {
		if all[i-1].RecordID().Compare(all[i].RecordID()) >= 0 {
			s.Fatalf("record %s comes after %s", all[i].RecordID(), all[i-1].RecordID())
		}
	}
}

// testFaults has records of a fault follow each other, with places that are taken or passed: each is behind the one before, the same one
// is there once, and another twin's are in a log of their own.
func (s *suite) testFaults() {
	begun, over, moved := Fault("main-x", 20), Fault("main-x", 20), Fault("main-x", 4)
	begun.State = markers.FaultActive
	for n := range int64(2000) { // its record is longer than any other
		over.Done = append(over.Done, markers.Span{Frame: 2 * n, LastFrame: 2 * n})
	}
	s.append("main", markers.Batch{Faults: []markers.FaultRecord{begun, Fault("main-y", 1)}})
	s.append("main", markers.Batch{Faults: []markers.FaultRecord{over, begun, moved}})
	s.restart()
	s.append("main", markers.Batch{Faults: []markers.FaultRecord{begun, over, moved}})
	over.Place.Sub, moved.Place = 2, markers.ID{Frame: begun.Place.Frame, Sub: 3}
	for k, want := range map[markers.Kind][]markers.Record{markers.Faults.Of("x"): {begun, over, moved}, markers.Faults.Of("y"): {Fault("main-y", 1)}} {
		got, err := s.Read(s.ctx, "main", k, markers.Range{})
		s.ok(err)
		if !reflect.DeepEqual(got, want) {
			s.Fatalf("%s\n%+v, want\n%+v", k, got, want)
		}
	}
}

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
