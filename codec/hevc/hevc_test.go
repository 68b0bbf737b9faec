package hevc

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/codec/h264"
)

// coded is a time code message written bit by bit.
func coded(bits ...any) []byte {
	w := h264.NewBitWriter(nil)
	for i := 0; i < len(bits); i += 2 {
		w.U(bits[i].(int), uint32(bits[i+1].(int)))
	}
	w.AlignPayload()
	return w.Bytes()
}

func TestParseTimeCode(t *testing.T) {
	for name, c := range map[string]struct {
		in   []byte
		want []h264.ClockTimestamp
		err  string
	}{
		"none":    {coded(2, 0), []h264.ClockTimestamp{}, ""},
		"absent":  {coded(2, 1, 1, 0), []h264.ClockTimestamp{{}}, ""},
		"full":    {coded(2, 1, 1, 1, 1, 1, 5, 4, 1, 1, 1, 0, 1, 1, 9, 300, 6, 59, 6, 58, 5, 23, 5, 0), []h264.ClockTimestamp{{Present: true, FieldBased: true, CountingType: 4, Full: true, CntDropped: true, Frames: 300, Seconds: 59, Minutes: 58, Hours: 23, HasSeconds: true, HasMinutes: true, HasHours: true}}, ""},
		"seconds": {coded(2, 1, 1, 1, 1, 0, 5, 0, 1, 0, 1, 1, 1, 0, 9, 7, 1, 1, 6, 5, 1, 0, 5, 3, 3, 7), []h264.ClockTimestamp{{Present: true, Discontinuity: true, Frames: 7, Seconds: 5, HasSeconds: true, TimeOffset: -1}}, ""},
		"three":   {coded(2, 3, 1, 0, 1, 0, 1, 0), []h264.ClockTimestamp{{}, {}, {}}, ""},
		"nothing": {nil, nil, "EOF"},
		"cut off": {coded(2, 1, 1, 1, 1, 1), nil, "EOF"},
		"hour 24": {coded(2, 1, 1, 1, 1, 1, 5, 4, 1, 1, 1, 0, 1, 1, 9, 0, 6, 0, 6, 0, 5, 24, 5, 0), nil, "hours_value is 24"},
	} {
		got, err := ParseTimeCode(c.in)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
}

func TestParseSEI(t *testing.T) {
	nal := []byte{0x4E, 0x01, 136, 2, 0x40, 0x80, 0x80}
	list, err := ParseSEI(nal)
	if err != nil || len(list) != 1 || list[0].Type != SEITimeCode || !bytes.Equal(list[0].Payload, []byte{0x40, 0x80}) {
		t.Errorf("%+v, %v", list, err)
	}
	for _, bad := range [][]byte{nil, {0x4E}, {0x4E, 0x01}, {0x40, 0x01, 136, 0, 0x80}, {0x4E, 0x01, 136, 9, 0x80}} {
		if _, err := ParseSEI(bad); err == nil {
			t.Errorf("%x is read", bad)
		}
	}
}

func TestParseConfig(t *testing.T) {
	head := append([]byte{1}, make([]byte, 20)...)
	good := append(slices.Clone(head), 0xFF, 2, 0xA0, 0, 1, 0, 2, 0x40, 1, 0xA1, 0, 2, 0, 0, 0, 3, 0x42, 1, 7)
	c, err := ParseConfig(good)
	if err != nil || c.LengthSize != 4 || len(c.Sets) != 2 || TypeOf(c.Sets[0]) != NALVPS || TypeOf(c.Sets[1]) != NALSPS {
		t.Errorf("%+v, %v", c, err)
	}
	for n := range good {
		if _, err := ParseConfig(good[:n]); err == nil {
			t.Errorf("%d bytes are read", n)
		}
	}
	if _, err := ParseConfig(append([]byte{2}, good[1:]...)); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Error(err)
	}
}

// Nothing that comes makes a parser panic, and what it returns lies within what it was given.
func FuzzParse(f *testing.F) {
	f.Add([]byte{0x4E, 0x01, 136, 2, 0x40, 0x80, 0x80})
	f.Add([]byte{0x42, 1, 1, 1, 0x60, 0, 0, 3, 0, 0x90, 0, 0, 3, 0, 0, 3, 0, 0x3C, 0xA0, 0x0A, 8, 0xF1, 0x65})
	f.Add(append(append([]byte{1}, make([]byte, 20)...), 0xFF, 1, 0xA0, 0, 1, 0, 2, 0x40, 1))
	f.Fuzz(func(_ *testing.T, b []byte) {
		if list, err := ParseSEI(b); err == nil {
			for _, m := range list {
				_, _ = ParseTimeCode(m.Payload)
			}
		}
		_, _ = ParseTimeCode(b)
		_, _ = ParseConfig(b)
		_, _ = ParseSPS(b)
		_ = TypeOf(b).String()
	})
}
