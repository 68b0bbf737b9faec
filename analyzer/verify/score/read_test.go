package score

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/refstream/refstream/media"
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
		"labels":         {CSV, "", "10.01,cyan\n20.02,\"cyan, again\"\n"},
		"starts":         {CSV, "", "label,Start,End\na,10.01,12\nb,20.02,22\n"},
		"start frames":   {CSV, Frame, "start,end\n300,359\n600,659\n"},
		"frames alone":   {CSV, Frame, "300,359\n600,659\n"},
		"starts alone":   {CSV, "", "10.01,12.0,a\n20.02,22.0,b\n"},
		"tabs":           {CSV, "", "10.010000\t12.000000\tcyan, on\n20.020000\t22.000000\tcyan\n"}, // Audacity's labels
		"clock times":    {CSV, "", "time,label\n00:00:10.010,a\n0:20.02,b\n"},
		"clock times 2":  {JSON, "", `["00:00:10.010", "00:00:20.020"]`},
		"instants alone": {CSV, "", "2026-03-01T12:00:10.01Z,a\n2026-03-01T12:00:20.02Z,b\n"},
		"blackdetect": {FFmpeg, "", "Input #0, mpegts, from 'x':\n[blackdetect @ 0x5581] black_start:10.01 black_end:12 black_duration:1.99\n" +
			"frame=  300 fps=0.0 q=-0.0 size=N/A\r[blackdetect @ 0x5581] black_start:20.02 black_end:22 black_duration:1.98\n"},
		"freezedetect": {FFmpeg, Time, "[freezedetect @ 0x1] lavfi.freezedetect.freeze_start: 10.01\n[freezedetect @ 0x1] lavfi.freezedetect.freeze_end: 12\n" +
			"[freezedetect @ 0x1] lavfi.freezedetect.freeze_start: 20.02\n"},
		"scdet":        {FFmpeg, "", "[Parsed_scdet_0 @ 0x1] lavfi.scd.score: 12.500, lavfi.scd.time: 10.01\nlavfi.scd.time=20.02\n"},
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
		if got, want := fmt.Sprint(l.At), fmt.Sprint([]media.Seconds{10_010_000_000, 20_020_000_000}); got != want {
			t.Errorf("%s: %s on %s, want %s", name, got, l.Clock, want)
		}
	}
}

func TestReadNothing(t *testing.T) {
	for _, f := range []Format{JSON, CSV, FFmpeg} {
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
		"no JSON number":   {JSON, "", `[1, "two"]`, "detection 2: time"},
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
		"tabs":             {CSV, UTC, "id\tutc\na\tb\n", "detection 1: utc"},
		"one or two":       {CSV, "", "1,5\n2,5\n", "a start and an end, or one number with a comma"},
		"no header":        {CSV, "", "begins\n1\n", "no column that names a clock or start"},
		"time is second":   {CSV, "", "cyan,10.01\n", "does not begin with an instant"},
		"timecode":         {CSV, "", "time\n00:00:10:15\n", "timecode with frames"},
		"drop-frame":       {CSV, "", "time\n00:00:10;15\n", "timecode with frames"},
		"90 s of a minute": {CSV, "", "time\n00:00:90\n", "not a time such as"},
		"much later":       {CSV, "", "time\n9999999:00:00\n", "not a time such as"},
		"log and clock":    {FFmpeg, Frame, "", "leave the clock out"},
		"two filters":      {FFmpeg, "", "black_start:1\nfreeze_start: 2\n", "black_start and freeze_start"},
		"no number":        {FFmpeg, "", "black_start:1.2.3\n", "detection 1"},
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
		if _, err := (Reading{Format: FFmpeg, Channel: testChannel()}).Read(bytes.NewReader(data)); err != nil && len(data) == 0 {
			t.Fatal(err)
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

// The format is known by how a list begins.
func TestFormatOf(t *testing.T) {
	for text, want := range map[string]Format{
		"": JSON, "[1, 2]": JSON, ` [{"time": 1}]`: JSON, "{}": JSON, "1.5\n2": CSV, "time,label\n": CSV,
		"\uFEFF\"time\"\n": CSV, "Scene Number,Start Frame": CSV, "start,end\n": CSV,
		"ffmpeg version 5.1.9 Copyright": FFmpeg, "Input #0, mpegts, from 'x'": FFmpeg,
		"[blackdetect @ 0x5581] black_start:1": FFmpeg, "[Parsed_scdet_0 @ 0x1] lavfi.scd.score: 1": FFmpeg,
		"black_start:1 black_end:2": FFmpeg, "lavfi.scd.time=4": FFmpeg, "lavfi.freezedetect.freeze_start: 2": FFmpeg,
	} {
		if got := FormatOf(bufio.NewReader(strings.NewReader(text))); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
