package h264

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func seiCases() []struct {
	name     string
	messages []SEIMessage
	nal      string
} {
	x := func(n int) string { return strings.Repeat("x", n) }
	return []struct {
		name     string
		messages []SEIMessage
		nal      string
	}{
		{"one", []SEIMessage{{1, []byte{0x12}}}, "\x06\x01\x01\x12\x80"},
		{"empty payload", []SEIMessage{{6, nil}}, "\x06\x06\x00\x80"},
		{"two", []SEIMessage{{0, []byte{0x44}}, {5, []byte("abc")}}, "\x06\x00\x01\x44\x05\x03abc\x80"},
		{"a payload of the stop bit", []SEIMessage{{5, []byte{0x80}}}, "\x06\x05\x01\x80\x80"},
		{"size 254", []SEIMessage{{5, []byte(x(254))}}, "\x06\x05\xfe" + x(254) + "\x80"},
		{"size 255", []SEIMessage{{5, []byte(x(255))}}, "\x06\x05\xff\x00" + x(255) + "\x80"},
		{"size 600", []SEIMessage{{5, []byte(x(600))}}, "\x06\x05\xff\xff\x5a" + x(600) + "\x80"},
		{"type 300", []SEIMessage{{300, []byte("a")}}, "\x06\xff\x2d\x01a\x80"},
		{"prevention within", []SEIMessage{{5, []byte{0, 0, 1}}}, "\x06\x05\x03\x00\x00\x03\x01\x80"},
		{
			"prevention across messages", []SEIMessage{{5, []byte{0xAA, 0}}, {0, []byte{0}}},
			"\x06\x05\x02\xaa\x00\x00\x03\x01\x00\x80",
		},
		{
			"prevention from type over size", []SEIMessage{{0, nil}, {0, []byte{1}}},
			"\x06\x00\x00\x03\x00\x01\x01\x80",
		},
	}
}

func TestSEI(t *testing.T) {
	for _, c := range seiCases() {
		if got := AppendSEI(nil, c.messages); string(got) != c.nal {
			t.Errorf("%s: wrote % x, want % x", c.name, got, c.nal)
		}
		got, err := ParseSEI([]byte(c.nal))
		if err != nil || !equalMessages(got, c.messages) {
			t.Errorf("%s: read %v, %v, want %v", c.name, got, err, c.messages)
		}
	}
}

func TestParseSEIErrors(t *testing.T) {
	for _, c := range []struct {
		name, nal string
		offset    int
		before    int // messages read before the error
	}{
		{"empty", "", 0, 0},
		{"another type", "\x65\x88\x80", 0, 0},
		{"header only", "\x06", 1, 0},
		{"zeros only", "\x06\x00\x00", 1, 0},
		{"no stop bit", "\x06\x01\x01\x12", 4, 0},
		{"type without end", "\x06\xff\xff\x80", 1, 0},
		{"no size", "\x06\x05\x80", 1, 0},
		{"size without end", "\x06\x05\xff\x80", 1, 0},
		{"payload too short", "\x06\x05\x04abc\x80", 1, 0},
		{"second payload too short", "\x06\x06\x01\xc4\x05\x04abc\x80", 4, 1},
		{"garbage after a message", "\x06\x06\x01\xc4\xff\x80", 4, 1},
	} {
		got, err := ParseSEI([]byte(c.nal))
		if want := fmt.Sprintf("read SEI: byte %d: ", c.offset); err == nil || !strings.HasPrefix(err.Error(), want) || len(got) != c.before {
			t.Errorf("%s: %d messages, %v; want %d and an error at %d", c.name, len(got), err, c.before, c.offset)
		}
	}
}

func TestParseSEIAcceptsTrailingZeros(t *testing.T) {
	got, err := ParseSEI([]byte("\x06\x06\x01\xc4\x80\x00\x00\x03"))
	if err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
}

func equalMessages(a, b []SEIMessage) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Type != b[i].Type || !bytes.Equal(a[i].Payload, b[i].Payload) {
			return false
		}
	}
	return true
}

func FuzzParseSEI(f *testing.F) {
	for _, c := range seiCases() {
		f.Add([]byte(c.nal))
	}
	f.Add([]byte("\x06\x06\x01\xc4\xff\x80"))
	f.Fuzz(func(t *testing.T, nal []byte) {
		messages, err := ParseSEI(nal)
		if err != nil || len(messages) == 0 {
			return
		}
		again, err := ParseSEI(AppendSEI(nil, messages))
		if err != nil || !equalMessages(messages, again) {
			t.Fatalf("% x: %v came back as %v, %v", nal, messages, again, err)
		}
	})
}

func BenchmarkAppendSEI(b *testing.B) {
	sps := &SPS{VUI: &VUI{PicStructPresent: true}}
	p := PicTiming{Timestamps: [3]ClockTimestamp{{Present: true, Full: true, Hours: 10, Minutes: 20, Seconds: 30, Frames: 12}}}
	record := UserData{Data: []byte(`{"frame":600,"channel":"main","run":1,"gen_ns":1767225620000000000,"pts":1890000,"event":null}`)}
	var payloads, nal []byte
	b.ReportAllocs()
	for b.Loop() {
		timing, err := p.Append(payloads[:0], sps)
		if err != nil {
			b.Fatal(err)
		}
		all := MISBTime{Status: MISBLocked, Micros: 1767225620000000}.Append(timing)
		end := len(all)
		all = record.Append(all)
		payloads = all
		nal = AppendSEI(nal[:0], []SEIMessage{
			{SEIPicTiming, timing},
			{SEIUserDataUnregistered, all[len(timing):end]},
			{SEIUserDataUnregistered, all[end:]},
		})
	}
}
