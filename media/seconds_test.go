package media

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestSeconds(t *testing.T) {
	for _, c := range []struct {
		text string
		want Seconds
		back string // when it is not text
	}{
		{"0", 0, ""}, {"1.5", 1500000000, ""}, {"-0.5", -500000000, ""}, {"0.000000001", 1, ""},
		{"12.0", 12000000000, "12"}, {".5", 500000000, "0.5"}, {"5.", 5000000000, "5"}, {"-0", 0, "0"},
		{"1.9999999999", 1999999999, "1.999999999"}, {"007", 7000000000, "7"},
		{"9223372036.854775807", math.MaxInt64, ""}, {"-9223372036.854775808", math.MinInt64, ""},
		{"1e3", 1000000000000, "1000"}, {"1e-05", 10000, "0.00001"}, {"1E+3", 1000000000000, "1000"}, {"-2.5e-9", -2, "-0.000000002"},
		{"1e-10", 0, "0"}, {"1.25e1", 12500000000, "12.5"}, {"123456789e-9", 123456789, "0.123456789"}, {"1e0", 1000000000, "1"},
		{"9.223372036854775807e9", math.MaxInt64, "9223372036.854775807"}, {"92233720368547758070e-10", math.MaxInt64, "9223372036.854775807"},
		{"0e99999999999999999999", 0, "0"}, {"0.0E-0", 0, "0"}, {"1e-99999999999999999999", 0, "0"}, {"5.e1", 50000000000, "50"},
		{"0." + strings.Repeat("0", 200) + "1e201", 1000000000, "1"},
	} {
		got, err := ParseSeconds(c.text)
		if err != nil || got != c.want {
			t.Errorf("%q is %d, %v, want %d", c.text, got, err, c.want)
		}
		back := c.back
		if back == "" {
			back = c.text
		}
		if got.String() != back {
			t.Errorf("%d is written %q, want %q", got, got.String(), back)
		}
	}
	for _, bad := range []string{"", "-", ".", "-.", "+1", "--1", "1e", "e3", "1e+", "1e1.5", "1ee1", "1e+-1", "1e 3", "-e1", ".e1", "1e3x", "1e19", "1e10", "1e99999999999999999999", "1.2.3", " 1", "0x10", "NaN", "1_0", "٣", "null",
		"9223372036.854775808", "99999999999999999999"} {
		if got, err := ParseSeconds(bad); err == nil {
			t.Errorf("%q is taken as %d", bad, got)
		}
	}
}

func FuzzParseSeconds(f *testing.F) {
	for _, s := range []string{"0", "-1.5", "12.000000001", "9223372036.854775807", "1e5", "12.5e-3", "1E+9", "-.", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := ParseSeconds(text)
		if err != nil {
			return
		}
		if again, err := ParseSeconds(v.String()); err != nil || again != v {
			t.Fatalf("%q is %d, written %q, which is %d, %v", text, v, v, again, err)
		}
		b, err := json.Marshal(v)
		var back Seconds
		if err != nil || json.Unmarshal(b, &back) != nil || back != v {
			t.Fatalf("%d as JSON is %s, %v, which is %d", v, b, err, back)
		}
	})
}

func TestNearestSeconds(t *testing.T) {
	for ticks, want := range map[int64]Seconds{
		0: 0, 1: 11111, -1: -11111, 5: 55556, -5: -55556, 9: 100000, -9: -100000, 90000: 1e9,
	} {
		if got := NearestSeconds(ticks); got != want {
			t.Errorf("%d ticks are %d ns, want %d", ticks, got, want)
		}
	}
	if a, b := NearestSeconds(math.MaxInt64), NearestSeconds(math.MinInt64); a < 198*365*86400*1e9 || b != -a {
		t.Errorf("the longest times are %d and %d", a, b)
	}
}
