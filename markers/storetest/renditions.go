package storetest

import (
	"reflect"
	"slices"

	"github.com/refstream/refstream/markers"
)

// testRenditions has the segments of three renditions come each at its own pace: each log takes in its own, whatever the others hold, and
// is read, waited on and trimmed alone. The names are those that the files and keys of a store could mix up.
func (s *suite) testRenditions() {
	names := []string{"", "hd", "hd-0000000000000000001"}
	kind := func(i int) markers.Kind { return markers.Segments.Of(names[i]) }
	want := make([][]markers.SegmentRecord, len(names))
	add := func(i int, msns ...int64) {
		s.Helper()
		for _, n := range msns {
			want[i] = append(want[i], Rendition(names[i], n))
			s.append("main", markers.Batch{Segments: want[i][len(want[i])-1:]})
		}
	}
	check := func() {
		s.Helper()
		for i := range names {
			got, err := s.Read(s.ctx, "main", kind(i), markers.Range{})
			s.ok(err)
			if b := kind(i).Batch(got); !reflect.DeepEqual(b.Segments, want[i]) {
				s.Fatalf("%s\n%+v, want\n%+v", kind(i), b.Segments, want[i])
			}
			s.last("main", kind(i), want[i][len(want[i])-1].RecordID())
		}
		s.kinds("main", append(markers.Kinds(), kind(1), kind(2))...)
	}
	slow := s.waiting(s.ctx, "main", kind(2), markers.ID{}) // the log is not there yet
	add(0, 0, 1, 2)
	add(1, 1, 2)
	s.kinds("main", append(markers.Kinds(), kind(1))...)
	s.stillWaiting(slow)
	add(2, 0)
	s.ok(<-slow)
	check()
	s.restart()
	check()
	add(2, 1)
	add(1, 5)
	add(0, 3, 4)
	s.late("main", markers.Batch{Segments: []markers.SegmentRecord{Rendition("hd", 3)}})
	s.append("main", markers.Batch{Segments: slices.Concat(want...)})
	// One batch may hold several.
	mixed := []markers.SegmentRecord{Rendition(names[2], 2), Segment(6), Rendition(names[2], 3)}
	s.append("main", markers.Batch{Segments: mixed})
	want[0], want[2] = append(want[0], mixed[1]), append(want[2], mixed[0], mixed[2])
	check()
	s.ok(s.Trim(s.ctx, "main", kind(1), markers.AtFrame(120)))
	want[1] = want[1][1:]
	check()
	s.restart()
	check()
}
