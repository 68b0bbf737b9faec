package flv

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/format/flv/amf0"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// fiCase is an onFI as somebody may write it.
type fiCase struct {
	name   string
	values []any
	want   FI
	time   string // RFC 3339, empty where it can't be told
	tc     string // empty where it can't be told
}

func properties(pairs ...any) []amf0.Property {
	var out []amf0.Property
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, amf0.Property{Name: pairs[i].(string), Value: pairs[i+1]})
	}
	return out
}

func fiCases() []fiCase {
	full := properties("sd", "31-12-2026", "st", "23:59:59.999", "tc", "23:59:59:24", "tz", "+00:00")
	f := FI{Date: "31-12-2026", Clock: "23:59:59.999", Timecode: "23:59:59:24", Zone: "+00:00"}
	const at = "2026-12-31T23:59:59.999Z"
	of := func(pairs ...any) []any { return []any{"onFI", amf0.Object(properties(pairs...))} }
	return []fiCase{
		{"as written here", NewFI(time.Date(2026, 12, 31, 23, 59, 59, 999_999_999, time.UTC), "23:59:59:24").Values(), f, at, "23:59:59:24"},
		{"plain", []any{"onFI", amf0.Object(full)}, f, at, "23:59:59:24"},
		{"ECMA array", []any{"onFI", amf0.Array(full)}, f, at, "23:59:59:24"},
		{"wrapped", []any{"@setDataFrame", "onFI", amf0.Object(full)}, f, at, "23:59:59:24"},
		{"wrapped array and more", []any{"@setDataFrame", "onFI", amf0.Array(full), nil, 1.0}, f, at, "23:59:59:24"},
		{"two-digit year", of("sd", "05-01-26", "st", "1:02:03.5"), FI{Date: "05-01-26", Clock: "1:02:03.5"}, "2026-01-05T01:02:03.5Z", ""},
		{"zone", of("sd", "05-01-2026", "st", "01:02:03", "tz", "+05:30"), FI{Date: "05-01-2026", Clock: "01:02:03", Zone: "+05:30"}, "2026-01-05T01:02:03+05:30", ""},
		{"zone to the west", of("sd", "05/01/2026", "st", "01:02:03.1234567891", "tz", "-0800"), FI{Date: "05/01/2026", Clock: "01:02:03.1234567891", Zone: "-0800"}, "2026-01-05T01:02:03.123456789-08:00", ""},
		{"Z", of("sd", "05.01.2026", "st", "01:02:03.", "tz", "Z"), FI{Date: "05.01.2026", Clock: "01:02:03.", Zone: "Z"}, "2026-01-05T01:02:03Z", ""},
		{"timecode only", of("tc", "01:00:00;02"), FI{Timecode: "01:00:00;02"}, "", "01:00:00;02"},
		{"timecode with a point", of("tc", "01:00:00.02"), FI{Timecode: "01:00:00.02"}, "", "01:00:00;02"},
		{"timecode of 120 frames/s", of("tc", "01:00:00:007"), FI{Timecode: "01:00:00:007"}, "", "01:00:00:007"},
		{"date without a clock", of("sd", "05-01-2026"), FI{Date: "05-01-2026"}, "", ""},
		{"clock without a date", of("st", "01:02:03"), FI{Clock: "01:02:03"}, "", ""},
		{"wrong types", of("sd", 5.0, "st", nil, "tc", true, "tz", amf0.Undefined{}), FI{}, "", ""},
		{"no object", []any{"onFI"}, FI{}, "", ""},
		{"another value", []any{"onFI", 5.0}, FI{}, "", ""},
		{"no such day", of("sd", "31-06-2026", "st", "01:02:03"), FI{Date: "31-06-2026", Clock: "01:02:03"}, "", ""},
		{"no such month", of("sd", "01-13-2026", "st", "01:02:03"), FI{Date: "01-13-2026", Clock: "01:02:03"}, "", ""},
		{"no such hour", of("sd", "01-06-2026", "st", "24:00:00"), FI{Date: "01-06-2026", Clock: "24:00:00"}, "", ""},
		{"no such second", of("sd", "01-06-2026", "st", "23:00:60"), FI{Date: "01-06-2026", Clock: "23:00:60"}, "", ""},
		{"garbage", of("sd", "today", "st", "-1:00:00", "tc", "1:2:3", "tz", "ß"), FI{"today", "-1:00:00", "ß", "1:2:3"}, "", ""},
		{"bad decimals", of("sd", "01-06-2026", "st", "23:00:00.-5"), FI{Date: "01-06-2026", Clock: "23:00:00.-5"}, "", ""},
		{"bad zone", of("sd", "01-06-2026", "st", "23:00:00", "tz", "+99:00"), FI{Date: "01-06-2026", Clock: "23:00:00", Zone: "+99:00"}, "", ""},
		{"too many numbers", of("sd", "01-06-2026-1", "st", "23:00:00", "tc", "01:02:03:04:05"), FI{Date: "01-06-2026-1", Clock: "23:00:00", Timecode: "01:02:03:04:05"}, "", ""},
		{"no such timecode", of("tc", "24:00:00:00"), FI{Timecode: "24:00:00:00"}, "", ""},
	}
}

func TestParseFI(t *testing.T) {
	for _, c := range fiCases() {
		t.Run(c.name, func(t *testing.T) {
			got, ok := ParseFI(c.values)
			if !ok || got != c.want {
				t.Errorf("%+v, %t, want %+v", got, ok, c.want)
			}
			at, ok := got.Time()
			if text := at.Format(time.RFC3339Nano); ok != (c.time != "") || ok && text != c.time {
				t.Errorf("the time is %s, %t, want %q", text, ok, c.time)
			}
			tc, ok := got.FrameTimecode()
			if ok != (c.tc != "") || ok && tc.String() != c.tc {
				t.Errorf("the timecode is %v, %t, want %q", tc, ok, c.tc)
			}
			// The same through the bytes of a tag.
			tag, err := scriptTag(5, c.values...)
			if err != nil {
				t.Fatal(err)
			}
			name, args, err := ParseScript(tag.Body)
			if err != nil || name != "onFI" || len(args) > 3 {
				t.Errorf("script %q with %d values, %v", name, len(args), err)
			}
			values, _ := amf0.Parse(tag.Body)
			if again, ok := ParseFI(values); !ok || again != c.want {
				t.Errorf("through bytes: %+v, %t", again, ok)
			}
		})
	}
	for name, values := range map[string][]any{
		"nothing": nil, "wrapped nothing": {"@setDataFrame"}, "another name": {"onMetaData", amf0.Object{}},
		"no name": {1.0, "onFI"}, "wrapped twice": {"@setDataFrame", "@setDataFrame", "onFI"},
	} {
		if f, ok := ParseFI(values); ok {
			t.Errorf("%s: %+v", name, f)
		}
		if c, ok := ParseCuePoint(values); ok {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// TestFIOfEachZone: whatever the zone of the time that is given, it is told in UTC.
func TestFIOfEachZone(t *testing.T) {
	f := NewFI(time.Date(2027, 1, 1, 1, 0, 0, 7_900_000, time.FixedZone("", 2*3600)), "x")
	if want := (FI{Date: "31-12-2026", Clock: "23:00:00.007", Zone: "+00:00", Timecode: "x"}); f != want {
		t.Errorf("%+v, want %+v", f, want)
	}
}

func TestScriptName(t *testing.T) {
	for body, want := range map[string]string{
		"": "", "\x02\x00": "", "\x02\x00\x04onF": "", "\x02\x00\x04onFI": "onFI", "\x02\x00\x04onFI\x03": "onFI",
		"\x03\x00\x04onFI": "", "\x02\x00\x00": "", "\x02\x01\x00" + strings.Repeat("a", 256): "",
		"\x02\x00\x0d@setDataFrame\x02\x00\x04onFI": "@setDataFrame",
	} {
		if got := ScriptName([]byte(body)); got != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
	}
}

// TestParseScriptWithARest: what some writers leave behind the values is an error, and the values are there all the same.
func TestParseScriptWithARest(t *testing.T) {
	tag, err := scriptTag(0, NewFI(time.Time{}, "00:00:00:01").Values()...)
	if err != nil {
		t.Fatal(err)
	}
	name, args, err := ParseScript(append(tag.Body, 0, 0, 9))
	if err == nil || !strings.HasPrefix(err.Error(), "read script tag: read AMF0: at byte ") {
		t.Errorf("error %v", err)
	}
	if f, ok := ParseFI(append([]any{name}, args...)); !ok || f.Timecode != "00:00:00:01" {
		t.Errorf("%q: %+v, %t", name, f, ok)
	}
}

func TestCuePoint(t *testing.T) {
	c := CuePoint{Name: "test-e1", Seconds: 4000000.123, Type: "event", Parameters: amf0.Object{{Name: "frame", Value: 9.0}, {Name: "text", Value: "ß"}}}
	tag, err := scriptTag(7, c.Values()...)
	if err != nil {
		t.Fatal(err)
	}
	values, err := amf0.Parse(tag.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range [][]any{values, append([]any{"@setDataFrame"}, values...)} {
		if got, ok := ParseCuePoint(v); !ok || !reflect.DeepEqual(got, c) {
			t.Errorf("%+v, %t", got, ok)
		}
	}
	foreign, ok := ParseCuePoint([]any{"onCuePoint", amf0.Array(properties("name", "x", "time", "1", "type", "navigation",
		"parameters", amf0.Array(properties("marker", "{"))))})
	if !ok || foreign.Name != "x" || foreign.Seconds != 0 || len(foreign.Parameters) != 1 {
		t.Errorf("%+v, %t", foreign, ok)
	}
}

func FuzzScript(f *testing.F) {
	for _, c := range fiCases() {
		b, err := amf0.Append(nil, c.values...)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	u := labelled{Markers: []markers.Marker{markerAt(clockOf(25, 1, 25), 99)}}
	b, err := amf0.Append(nil, u.scripts().Cues[0].Values()...)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		name, args, _ := ParseScript(b)
		values := append([]any{name}, args...)
		if fi, ok := ParseFI(values); ok {
			at, okTime := fi.Time()
			if _, offset := at.Zone(); okTime && at.Format("15:04:05") != NewFI(at.Add(time.Duration(offset)*time.Second), "").Clock[:8] {
				t.Fatalf("%+v is %v", fi, at)
			}
			if tc, ok := fi.FrameTimecode(); ok && tc.Hours > 23 {
				t.Fatalf("%+v is %+v", fi, tc)
			}
		}
		_, _ = ParseCuePoint(values)
		_ = ScriptName(b)
	})
}

// TestMillis compares with rounding by the definition.
func TestMillis(t *testing.T) {
	for ticks := int64(-1000); ticks < 1000; ticks++ {
		want := int64(math.Floor((float64(ticks)*1000 + 45000) / 90000))
		if got := millis(ticks); got != want {
			t.Errorf("%d ticks are %d ms, want %d", ticks, got, want)
		}
	}
	r := media.FrameRate{Num: 30, Den: 1}
	for n, want := range []int64{0, 33, 67, 100, 133, 167} {
		if got := millis(r.Ticks(int64(n))); got != want {
			t.Errorf("frame %d is at %d ms, want %d", n, got, want)
		}
	}
	for ticks, want := range map[int64]int64{math.MaxInt64: 102481911520608620, math.MinInt64: -102481911520608620} {
		if got := millis(ticks); got != want {
			t.Errorf("%d ticks are %d ms, want %d", ticks, got, want)
		}
	}
}
