package redis

import (
	"encoding/json"
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
	all := storetest.Batch()
	all.Missing = append(all.Missing, late)
	for _, k := range all.Kinds() {
		for _, r := range all.Records(k) {
			data, err := json.Marshal(r)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(r.RecordID().String(), string(data))
		}
	}
	f.Add("5-1", `{"frame":5,"last_frame":1000000000000}`)
	f.Add("0-1", `{}`)
	f.Add("0-1", `null`)
	f.Add("5-1", `{"frame":5,"place":"5-1"}`)
	f.Fuzz(func(t *testing.T, id, text string) {
		m := redis.XMessage{ID: id, Values: map[string]any{field: text}}
		for _, k := range all.Kinds() {
			checkDecode(t, k, m)
		}
	})
}

func checkDecode(t *testing.T, k markers.Kind, m redis.XMessage) {
	rec, err := decode(k, m)
	if err != nil {
		return
	}
	if rec.RecordID().String() != m.ID || rec.Validate() != nil {
		t.Fatalf("entry %s: %+v (%v)", m.ID, rec, rec.Validate())
	}
	data, err := json.Marshal(rec)
	if err != nil {
		return // a time that has no JSON form in UTC
	}
	m.Values = map[string]any{field: string(data)}
	again, err := decode(k, m)
	if err != nil {
		t.Fatalf("%+v does not read back: %v", rec, err)
	}
	if twice, err := json.Marshal(again); err != nil || string(twice) != string(data) {
		t.Fatalf("%s reads back as %s, %v", data, twice, err)
	}
}
