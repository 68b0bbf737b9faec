package h264

import (
	"bytes"
	"strings"
	"testing"
)

func TestUserData(t *testing.T) {
	id := UUID([]byte(UUIDX264))
	if got, want := id.String(), "dc45e9bd-e6d9-48b7-962c-d820d923eeef"; got != want {
		t.Errorf("UUID is %s, want %s", got, want)
	}
	u := UserData{UUID: id, Data: []byte("x264 - core 164")}
	payload := u.Append([]byte("-"))[1:]
	if want := UUIDX264 + "x264 - core 164"; string(payload) != want {
		t.Errorf("wrote %q, want %q", payload, want)
	}
	got, ok := ParseUserData(payload)
	if !ok || got.UUID != id || !bytes.Equal(got.Data, u.Data) {
		t.Errorf("read %+v, %v", got, ok)
	}
	if got, ok = ParseUserData(payload[:16]); !ok || len(got.Data) != 0 {
		t.Errorf("only a UUID: %+v, %v", got, ok)
	}
	for n := range 16 {
		if got, ok := ParseUserData(payload[:n]); ok {
			t.Errorf("%d bytes are user data: %+v", n, got)
		}
	}
}

func misbCases() []struct {
	name, payload string
	want          MISBTime
	ok            bool
} {
	// 2026-01-01T00:00:20Z in microseconds is 1767225620000000 = 0x0006474847516D00.
	const at, body = uint64(0x0006474847516D00), "\x00\x06\xff\x47\x48\xff\x47\x51\xff\x6d\x00"
	return []struct {
		name, payload string
		want          MISBTime
		ok            bool
	}{
		{"locked", UUIDMISBTime + "\x1f" + body, MISBTime{0x1F, at}, true},
		{"not locked", UUIDMISBTime + "\x9f" + body, MISBTime{0x9F, at}, true},
		{"an odd status", UUIDMISBTime + "\x00" + body, MISBTime{0, at}, true},
		{"the largest time", UUIDMISBTime + "\x1f" + strings.Repeat("\xff", 11), MISBTime{0x1F, 1<<64 - 1}, true},
		{"empty", "", MISBTime{}, false},
		{"too short", UUIDMISBTime + "\x1f" + body[:10], MISBTime{}, false},
		{"another UUID", "MISPnanosectime " + "\x1f" + body, MISBTime{}, false},
		{"x264", UUIDX264 + "\x1f" + body, MISBTime{}, false},
		{"no separator", UUIDMISBTime + "\x1f\x00\x06\xff\x47\x48\xfe\x47\x51\xff\x6d\x00", MISBTime{}, false},
	}
}

func TestMISBTime(t *testing.T) {
	for _, c := range misbCases() {
		got, ok := ParseMISBTime([]byte(c.payload))
		if got != c.want || ok != c.ok {
			t.Errorf("%s: read %+v, %v, want %+v, %v", c.name, got, ok, c.want, c.ok)
		}
		if !c.ok {
			continue
		}
		if got := c.want.Append([]byte("-")); string(got) != "-"+c.payload {
			t.Errorf("%s: wrote % x, want % x", c.name, got[1:], c.payload)
		}
		if got, ok := ParseMISBTime([]byte(c.payload + "more")); got != c.want || !ok {
			t.Errorf("%s, longer: read %+v, %v", c.name, got, ok)
		}
	}
}

func FuzzMISBTime(f *testing.F) {
	for _, c := range misbCases() {
		f.Add([]byte(c.payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if u, ok := ParseUserData(payload); ok && !bytes.Equal(u.Append(nil), payload) {
			t.Fatalf("% x: user data %+v", payload, u)
		}
		if m, ok := ParseMISBTime(payload); ok && !bytes.HasPrefix(payload, m.Append(nil)) {
			t.Fatalf("% x: time %+v", payload, m)
		}
	})
}
