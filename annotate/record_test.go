package annotate

import (
	"crypto/sha1"
	"encoding/json"
	"math"
	"testing"

	"github.com/refstream/refstream/codec/h264"
)

// TestRecordUUIDIsNameBased recomputes the UUID from its namespace and name (RFC 9562, 5.5).
func TestRecordUUIDIsNameBased(t *testing.T) {
	const urlNamespace = "\x6b\xa7\xb8\x11\x9d\xad\x11\xd1\x80\xb4\x00\xc0\x4f\xd4\x30\xc8"
	sum := sha1.Sum([]byte(urlNamespace + RecordName))
	want := h264.UUID(sum[:16])
	want[6] = want[6]&0x0F | 0x50 // version 5
	want[8] = want[8]&0x3F | 0x80 // the variant of RFC 9562
	if got := h264.UUID([]byte(RecordUUID)); got != want {
		t.Errorf("RecordUUID is %v, want %v", got, want)
	}
	if got := want.String(); got != "bb53d2df-cb3f-508b-af64-b4609264511b" {
		t.Errorf("the documented UUID differs: %v", got)
	}
}

func recordCases() []struct {
	name, text string
	want       Record
} {
	return []struct {
		name, text string
		want       Record
	}{
		{
			"an event", `{"frame":600,"channel":"main","run":1,"gen_ns":1767225620000000000,"pts":1890000,"event":"main-e4"}`,
			Record{600, "main", 1, 1767225620000000000, 1890000, "main-e4"},
		},
		{
			"no event", `{"frame":0,"channel":"main","run":2,"gen_ns":0,"pts":90000,"event":null}`,
			Record{0, "main", 2, 0, 90000, ""},
		},
		{
			"the largest numbers",
			`{"frame":9223372036854775807,"channel":"","run":-9223372036854775808,"gen_ns":9223372036854775807,"pts":-1,"event":null}`,
			Record{math.MaxInt64, "", math.MinInt64, math.MaxInt64, -1, ""},
		},
		{
			"a name that needs escaping", `{"frame":1,"channel":"a\"b\\c\n","run":1,"gen_ns":1,"pts":1,"event":"\u003ce\u003e\u0026é\u0001"}`,
			Record{1, "a\"b\\c\n", 1, 1, 1, "<e>&é\x01"},
		},
	}
}

func TestRecord(t *testing.T) {
	for _, c := range recordCases() {
		got, err := ParseRecord([]byte(c.text))
		if err != nil || got != c.want {
			t.Errorf("%s: read %+v, %v, want %+v", c.name, got, err, c.want)
		}
		written := string(c.want.AppendJSON([]byte("x")))
		if !json.Valid([]byte(written[1:])) {
			t.Errorf("%s: wrote %s", c.name, written)
		}
		if again, err := ParseRecord([]byte(written[1:])); err != nil || again != c.want {
			t.Errorf("%s: %s came back as %+v, %v", c.name, written[1:], again, err)
		}
		var viaJSON Record
		b, err := json.Marshal(c.want)
		if err == nil {
			err = json.Unmarshal(b, &viaJSON)
		}
		if err != nil || viaJSON != c.want {
			t.Errorf("%s: encoding/json made %s of it, %v", c.name, b, err)
		}
	}
	for _, c := range recordCases()[:3] {
		if got := string(c.want.AppendJSON(nil)); got != c.text {
			t.Errorf("%s: wrote %s, want %s", c.name, got, c.text)
		}
	}
}

func TestParseRecordToleratesWhatItDoesNotKnow(t *testing.T) {
	got, err := ParseRecord([]byte(` {"pts":5, "fault":{"kind":"frozen"}, "gen_ns":4,"run":3,"channel":"c","frame":1 }` + "\x00\x00"))
	if want := (Record{1, "c", 3, 4, 5, ""}); err != nil || got != want {
		t.Errorf("read %+v, %v, want %+v", got, err, want)
	}
}

func TestParseRecordErrors(t *testing.T) {
	for _, text := range []string{
		"", "{}", "null", "[]", `{"frame":1`, `{"frame":1.5,"channel":"c","run":3,"gen_ns":4,"pts":5}`,
		`{"frame":9223372036854775808,"channel":"c","run":3,"gen_ns":4,"pts":5}`,
		`{"channel":"c","run":3,"gen_ns":4,"pts":5}`, `{"frame":1,"run":3,"gen_ns":4,"pts":5}`,
		`{"frame":1,"channel":"c","gen_ns":4,"pts":5}`, `{"frame":1,"channel":"c","run":3,"pts":5}`,
		`{"frame":1,"channel":"c","run":3,"gen_ns":4}`, `{"frame":1,"channel":"c","run":3,"gen_ns":4,"pts":5}x`,
	} {
		if got, err := ParseRecord([]byte(text)); err == nil || got != (Record{}) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func TestFindRecord(t *testing.T) {
	want := Record{1, "c", 3, 4, 5, "c-e1"}
	message := func(uuid, data string) []byte {
		return h264.AppendSEI(nil, []h264.SEIMessage{
			{Type: h264.SEIRecoveryPoint, Payload: []byte{0xC4}},
			{Type: h264.SEIUserDataUnregistered, Payload: []byte("short")},
			{Type: h264.SEIUserDataUnregistered, Payload: []byte(uuid + data)},
		})
	}
	good := message(RecordUUID, string(want.AppendJSON(nil)))
	other, garbage, slice := message(h264.UUIDX264, "x264"), []byte("\x06\x05\xff\x80"), []byte{0x65, 0x88}
	for _, c := range []struct {
		name    string
		nals    [][]byte
		ok, err bool
	}{
		{"none", nil, false, false},
		{"others only", [][]byte{other, slice}, false, false},
		{"alone", [][]byte{good}, true, false},
		{"after others and garbage", [][]byte{{9, 0xF0}, other, garbage, good, slice}, true, false},
		{"unreadable", [][]byte{message(RecordUUID, "{"), slice}, false, true},
	} {
		got, ok, err := FindRecord(c.nals)
		if ok != c.ok || (err != nil) != c.err || ok && got != want {
			t.Errorf("%s: %+v, %v, %v", c.name, got, ok, err)
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	for _, c := range recordCases() {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseRecord(data)
		if err != nil {
			return
		}
		if again, err := ParseRecord(r.AppendJSON(nil)); err != nil || again != r {
			t.Fatalf("%+v came back as %+v, %v", r, again, err)
		}
	})
}
