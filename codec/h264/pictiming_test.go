package h264

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// zeros24 is a time_offset of 0 without HRD parameters.
const zeros24 = "000000000000000000000000"

func timingSPS(hrd *HRD, picStruct bool) *SPS {
	return &SPS{VUI: &VUI{NALHRD: hrd, PicStructPresent: picStruct}}
}

func picTimingCases() []struct {
	name string
	sps  *SPS
	bits string
	want PicTiming
} {
	plain := timingSPS(nil, true)
	one := func(c ClockTimestamp) PicTiming {
		c.Present = true
		return PicTiming{Timestamps: [3]ClockTimestamp{c}}
	}
	full := func(h, m, s uint8, f uint16) ClockTimestamp {
		return ClockTimestamp{
			Present: true, Full: true, HasSeconds: true, HasMinutes: true, HasHours: true,
			Hours: h, Minutes: m, Seconds: s, Frames: f,
		}
	}
	negative := full(0, 0, 0, 0)
	negative.TimeOffset = -2
	return []struct {
		name string
		sps  *SPS
		bits string
		want PicTiming
	}{
		{
			"without HRD time_offset has 24 bits", plain,
			"0000 1 00 0 00000 1 0 0 00000100 000011 000010 00001 " + zeros24 + "1",
			one(full(1, 2, 3, 4)),
		},
		{
			"drop-frame", plain,
			"0000 1 01 1 00100 1 1 1 00000010 000000 000001 10111 " + zeros24 + "1",
			one(ClockTimestamp{
				ScanType: 1, FieldBased: true, CountingType: 4, Full: true, Discontinuity: true, CntDropped: true, Frames: 2,
				HasSeconds: true, HasMinutes: true, HasHours: true, Minutes: 1, Hours: 23,
			}),
		},
		{
			"delays, no time_offset", timingSPS(&HRD{CPBRemovalDelayLength: 13, DPBOutputDelayLength: 7}, true),
			"0000000000101 1111111 0000 1 00 0 00000 1 0 0 11111111 111011 111011 10111 1",
			PicTiming{CPBRemovalDelay: 5, DPBOutputDelay: 127, Timestamps: [3]ClockTimestamp{full(23, 59, 59, 255)}},
		},
		{
			"delays of 32 bits, time_offset of 5", timingSPS(&HRD{
				CPBRemovalDelayLength: 32, DPBOutputDelayLength: 1, TimeOffsetLength: 5,
			}, true),
			strings.Repeat("1", 32) + "0 0000 1 00 0 00000 1 0 0 00000000 000000 000000 00000 11110 1",
			PicTiming{CPBRemovalDelay: 1<<32 - 1, Timestamps: [3]ClockTimestamp{negative}},
		},
		{
			"negative time_offset of 24 bits", plain,
			"0000 1 00 0 00000 1 0 0 00000000 000000 000000 00000 111111111111111111111110 1",
			one(negative),
		},
		{"no pic_struct: delays only", timingSPS(&HRD{CPBRemovalDelayLength: 8, DPBOutputDelayLength: 6}, false),
			"00000111 000011 10", PicTiming{CPBRemovalDelay: 7, DPBOutputDelay: 3}},
		{"neither", timingSPS(nil, false), "", PicTiming{}},
		{"no VUI", &SPS{}, "", PicTiming{}},
		{"as x264 writes it", plain, "0000 0 100", PicTiming{}},
		{"two absent timestamps", plain, "0011 0 0 10", PicTiming{PicStruct: 3}},
		{
			"three, the second present", plain, "0110 0 1 00 0 00000 0 0 0 00001001 0 " + zeros24 + "0 1",
			PicTiming{PicStruct: 6, Timestamps: [3]ClockTimestamp{1: {Present: true, Frames: 9}}},
		},
		{
			"seconds only", plain, "0000 1 00 0 00000 0 0 0 00000001 1 000101 0 " + zeros24,
			one(ClockTimestamp{Frames: 1, HasSeconds: true, Seconds: 5}),
		},
		{
			"seconds and minutes", plain, "0000 1 10 0 00001 0 0 0 00000001 1 000101 1 000110 0 " + zeros24 + "1",
			one(ClockTimestamp{ScanType: 2, CountingType: 1, Frames: 1, HasSeconds: true, Seconds: 5, HasMinutes: true, Minutes: 6}),
		},
		{
			"all three by their flags", plain, "0000 1 00 0 00000 0 0 0 00000001 1 000101 1 000110 1 00111 " + zeros24 + "1",
			one(ClockTimestamp{
				Frames: 1, HasSeconds: true, Seconds: 5, HasMinutes: true, Minutes: 6, HasHours: true, Hours: 7,
			}),
		},
	}
}

func TestPicTiming(t *testing.T) {
	for _, c := range picTimingCases() {
		payload := pack(c.bits)
		got, err := ParsePicTiming(payload, c.sps)
		if err != nil || got != c.want {
			t.Errorf("%s: read %+v, %v\nwant %+v", c.name, got, err, c.want)
		}
		written, err := c.want.Append([]byte("x"), c.sps)
		if err != nil || !bytes.Equal(written[1:], payload) || written[0] != 'x' {
			t.Errorf("%s: wrote %08b, %v\nwant %08b", c.name, written[1:], err, payload)
		}
	}
}

func TestParsePicTimingErrors(t *testing.T) {
	plain := timingSPS(nil, true)
	for _, c := range []struct {
		name, bits, message string
	}{
		{"reserved pic_struct", "1001 0000", "pic_struct is 9"},
		{"seconds", "0000 1 00 0 00000 1 0 0 00000100 111100 000010 00001 " + zeros24, "seconds_value is 60"},
		{"minutes", "0000 1 00 0 00000 1 0 0 00000100 000000 111100 00001 " + zeros24, "minutes_value is 60"},
		{"hours", "0000 1 00 0 00000 1 0 0 00000100 000000 000000 11000 " + zeros24, "hours_value is 24"},
	} {
		if _, err := ParsePicTiming(pack(c.bits), plain); err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	whole := pack(picTimingCases()[0].bits)
	for n := range whole {
		if _, err := ParsePicTiming(whole[:n], plain); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
}

func TestAppendPicTimingErrors(t *testing.T) {
	hrd := timingSPS(&HRD{CPBRemovalDelayLength: 4, DPBOutputDelayLength: 4, TimeOffsetLength: 0}, true)
	at := func(c ClockTimestamp) PicTiming { return PicTiming{Timestamps: [3]ClockTimestamp{c}} }
	for _, c := range []struct {
		name string
		p    PicTiming
	}{
		{"removal delay", PicTiming{CPBRemovalDelay: 16}},
		{"output delay", PicTiming{DPBOutputDelay: 16}},
		{"pic_struct", PicTiming{PicStruct: 9}},
		{"scan type", at(ClockTimestamp{Present: true, ScanType: 4})},
		{"counting type", at(ClockTimestamp{Present: true, CountingType: 32})},
		{"seconds", at(ClockTimestamp{Present: true, Full: true, Seconds: 60})},
		{"minutes", at(ClockTimestamp{Present: true, Full: true, Minutes: 60})},
		{"hours", at(ClockTimestamp{Present: true, Full: true, Hours: 24})},
		{"time_offset without room", at(ClockTimestamp{Present: true, TimeOffset: 1})},
	} {
		if got, err := c.p.Append([]byte("x"), hrd); err == nil || string(got) != "x" {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

func TestNumClockTS(t *testing.T) {
	for i, want := range []int{1, 1, 1, 2, 2, 3, 3, 2, 3, 0, 0} {
		if got := NumClockTS(uint8(i)); got != want {
			t.Errorf("pic_struct %d: %d, want %d", i, got, want)
		}
	}
}

func FuzzPicTiming(f *testing.F) {
	for _, c := range picTimingCases() {
		var h HRD
		hrd := c.sps.HRD()
		if hrd != nil {
			h = *hrd
		}
		f.Add(pack(c.bits), hrd != nil, h.CPBRemovalDelayLength, h.DPBOutputDelayLength, h.TimeOffsetLength,
			c.sps.PicStructPresent())
	}
	f.Fuzz(func(t *testing.T, payload []byte, hasHRD bool, cpb, dpb, offset uint8, picStruct bool) {
		var hrd *HRD
		if hasHRD { // the lengths go beyond what an SPS can say
			hrd = &HRD{CPBRemovalDelayLength: cpb, DPBOutputDelayLength: dpb, TimeOffsetLength: offset}
		}
		sps := timingSPS(hrd, picStruct)
		p, err := ParsePicTiming(payload, sps)
		if err != nil {
			return
		}
		written, err := p.Append(nil, sps)
		if err != nil {
			t.Fatalf("%+v was read but can't be written: %v", p, err)
		}
		if again, err := ParsePicTiming(written, sps); err != nil || again != p {
			t.Fatalf("%+v came back as %+v, %v", p, again, err)
		}
	})
}
