package redis

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/storetest"
)

// FuzzDecode reads entries of every kind: what is taken has the entry's ID, is one that a log can hold, and is written as
// it was read.
func FuzzDecode(f *testing.F) {
	late := storetest.Missing(20)
	late.Place = markers.ID{Frame: 40, Sub: 2}
	entries, err := encode(markers.Batch{
		Frames: storetest.Frames(600, 601), Missing: []markers.MissingRecord{storetest.Missing(20), late},
		Markers:  []markers.Marker{storetest.Marker(12)},
		Segments: []markers.SegmentRecord{storetest.Segment(7)}, Triggers: []markers.Trigger{storetest.Trigger(11)},
		Detections: []markers.Detection{storetest.Detection(11)},
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		f.Add(e.id.String(), string(e.json))
	}
	f.Add("5-1", `{"frame":5,"last_frame":1000000000000}`)
	f.Add("0-1", `{}`)
	f.Add("0-1", `null`)
	f.Add("5-1", `{"frame":5,"place":"5-1"}`)
	f.Fuzz(func(t *testing.T, id, text string) {
		m := redis.XMessage{ID: id, Values: map[string]any{field: text}}
		checkDecode[markers.FrameRecord](t, m)
		checkDecode[markers.MissingRecord](t, m)
		checkDecode[markers.Marker](t, m)
		checkDecode[markers.SegmentRecord](t, m)
		checkDecode[markers.Trigger](t, m)
		checkDecode[markers.Detection](t, m)
	})
}

func checkDecode[T record](t *testing.T, m redis.XMessage) {
	rec, err := decode[T](m)
	if err != nil {
		return
	}
	if rec.RecordID().String() != m.ID || rec.Validate() != nil {
		t.Fatalf("entry %s: %+v (%v)", m.ID, rec, rec.Validate())
	}
	var entries []entry
	if err := encodeEach(&entries, markers.Frames, []T{rec}); err != nil {
		return // a time that has no JSON form in UTC
	}
	m.Values = map[string]any{field: string(entries[0].json)}
	again, err := decode[T](m)
	if err != nil {
		t.Fatalf("%+v does not read back: %v", rec, err)
	}
	if err := encodeEach(&entries, markers.Frames, []T{again}); err != nil || string(entries[1].json) != string(entries[0].json) {
		t.Fatalf("%s reads back as %s, %v", entries[0].json, entries[1].json, err)
	}
}
