package score

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
)

// The same two instants, 10.01 s and 20.02 s (frames 300 and 600), in every way that they may be told.
func lists() map[string]struct {
	format Format
	clock  Clock
	text   string
} {
	return map[string]struct {
		format Format
		clock  Clock
		text   string
	}{
		"numbers":         {JSON, "", `[10.01, 20.02]`},
		"exponents":       {JSON, "", `[1.001e1, 2002E-2]`},
		"objects":         {JSON, "", `[{"time": 10.01}, {"time": 20.02, "label": "x"}]`},
		"frames":          {JSON, "", `[{"frame": 300}, {"frame": 600}]`},
		"frame numbers":   {JSON, Frame, `[300, 600.0]`},
		"ticks":           {JSON, PTS, `[990900, 1891800]`},
		"instants":        {JSON, UTC, `["2026-03-01T12:00:10.01Z", "2026-03-01T13:00:20.02+01:00"]`},
		"in an object":    {JSON, "", `{"tool": "x", "detections": [10.01, 20.02]}`},
		"lines":           {JSON, "", "{\"time\":10.01}\n{\"time\":20.02}\n"},
		"lines of frames": {JSON, Frame, "300\n600\n"},
		"choice of clock": {JSON, Frame, `[{"time": 1, "frame": 300}, {"frame": 600, "time": 2}]`},
		"column":          {CSV, "", "10.01\n20.02\n"},
		"header":          {CSV, "", "id,time\na,10.01\nb,20.02\n"},
		"spreadsheet":     {CSV, "", "\uFEFFframe,id\r\n300,a\r\n600,b\r\n"},
		"quoted header":   {CSV, "", "\"id\",\"time\"\n\"a\",\"10.01\"\nb,20.02\n"},
		"marked quotes":   {CSV, "", "\uFEFF\"time\",\"id\"\r\n10.01,a\r\n20.02,b\r\n"},
		"marked JSON":     {JSON, "", "\uFEFF[10.01, 20.02]"},
		"chosen column":   {CSV, UTC, "time,utc\n1,2026-03-01T12:00:10.01Z\n2,2026-03-01T12:00:20.02Z\n"},
		"frame column":    {CSV, Frame, "300\n600"},
		"scenes": {CSV, "", "Timecode List:,00:00:10.010,00:00:20.020\nScene Number,Start Frame,Start Timecode,Start Time (seconds),End Frame\n" +
			"1,1,00:00:00.000,0.000,300\n2,301,00:00:10.010,10.01,600\n3,601,00:00:20.020,20.02,900\n"},
		"scenes alone": {CSV, Time, "Scene Number,Start Frame,Start Timecode,Start Time (seconds)\n1,1,0,0\n2,301,x,10.01\n3,601,x,20.02\n"},
	}
}

func TestRead(t *testing.T) {
	for name, c := range lists() {
		l, err := Reading{c.format, testChannel(), c.clock}.Read(strings.NewReader(c.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, want := fmt.Sprint(l.At), fmt.Sprint([]markers.Seconds{10_010_000_000, 20_020_000_000}); got != want {
			t.Errorf("%s: %s on %s, want %s", name, got, l.Clock, want)
		}
	}
}

func TestReadNothing(t *testing.T) {
	for _, f := range []Format{JSON, CSV} {
		if l, err := (Reading{f, testChannel(), ""}).Read(strings.NewReader("")); err != nil || len(l.At) != 0 || l.Clock != Time {
			t.Errorf("%s: %+v, %v", f, l, err)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		format Format
		clock  Clock
		text   string
		want   string
	}{
		"no JSON":          {JSON, "", `[1, 2`, "at byte 5"},
		"no number":        {JSON, "", `[1, "two"]`, "detection 2: time"},
		"null":             {JSON, "", `[null]`, "detection 1"},
		"half a frame":     {JSON, Frame, `[1.5]`, "whole number"},
		"mixed":            {JSON, "", `[{"time": 1}, {"frame": 2}]`, "detection 2: there is no member time"},
		"no clock":         {JSON, "", `[{"start": 1}]`, "use time, frame, pts, utc, gen_time"},
		"not an array":     {JSON, "", `{"detections": 5}`, "not an array"},
		"too large":        {JSON, "", `[1e40]`, "range"},
		"no instant":       {JSON, UTC, `["yesterday"]`, "not an instant"},
		"no column":        {CSV, "", "a,b\n1,2\n", "use time"},
		"not that column":  {CSV, UTC, "a,time\n1,2\n", "no column utc"},
		"no scenes":        {CSV, "", "Timecode List:\n", "no scenes"},
		"short row":        {CSV, "", "id,time\na\n", "line 2 has no column time"},
		"too many":         {JSON, "", "[" + strings.Repeat("1,", MaxDetections) + "1]", "more than 100000"},
		"marked no JSON":   {JSON, "", "\uFEFF[1, 2", "at byte 8"},
		"semicolons":       {CSV, "", "id;time\na;1,5\n", "separate columns by commas"},
		"semicolon rows":   {CSV, "", "1,5;a\n", "separated by semicolons"},
		"tabs":             {CSV, UTC, "id\tutc\na\tb\n", "separated by tabs"},
		"no lines":         {CSV, "", "time\n" + strings.Repeat("\x00", maxLine+1), "line 2 has more than"},
		"quote in the row": {CSV, "", "time\n\"1", "quote"},
	} {
		if l, err := (Reading{c.format, testChannel(), c.clock}).Read(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %d detections, %v: want an error with %q", name, len(l.At), err, c.want)
		}
	}
}

func TestDecimal(t *testing.T) {
	for _, c := range []struct {
		text   string
		places int
		want   int64
	}{
		{"0", 9, 0}, {"12.5", 9, 12_500_000_000}, {"-0.000000001", 9, -1}, {"0.0000000019", 9, 1}, {"1e-5", 9, 10_000},
		{"1.25e2", 0, 125}, {".5", 9, 500_000_000}, {"5.", 0, 5}, {"-7", 0, -7}, {"0e60", 0, 0},
	} {
		if got, err := decimal(c.text, c.places); err != nil || got != c.want {
			t.Errorf("%s: %d, %v, want %d", c.text, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "-", ".", "--1", "+1", "1e", "1e999999999999", "0x10", "9223372036854775807", "1_0", "NaN"} {
		if got, err := decimal(bad, 0); err == nil {
			t.Errorf("%q is read as %d", bad, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, c := range lists() {
		f.Add([]byte(c.text), c.format == CSV, string(c.clock))
	}
	f.Add([]byte(`{"detections":[[]]}`), false, "time")
	f.Add([]byte("\"\n,"), true, "")
	marks := plan(0, 300, 600)
	f.Fuzz(func(t *testing.T, data []byte, isCSV bool, clock string) {
		r := Reading{Format: JSON, Channel: testChannel(), Clock: Clock(clock)}
		if _, err := ParseClock(clock); err != nil {
			r.Clock = ""
		}
		if isCSV {
			r.Format = CSV
		}
		l, err := r.Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		got, err := Compute(l, marks, Options{Tolerance: MaxTolerance})
		if err != nil {
			t.Fatal(err)
		}
		if got.Matched+got.Spurious != len(l.At) || got.Matched+got.Missed != len(marks) {
			t.Fatalf("%d detections: %+v", len(l.At), got)
		}
	})
}
