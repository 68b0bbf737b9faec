package media

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"
)

// testRates are the common rates, others, and the extremes.
func testRates() []FrameRate {
	return append(FrameRates(), []FrameRate{
		{1, 1}, {10, 1}, {25, 2}, {15, 1}, {15000, 1001}, {48000, 1001}, {48, 1}, {100, 1}, {100001, 1000}, {120000, 1001}, {120, 1},
		{240000, 1001}, {239999, 1000}, {240, 1}, {240000, 239999},
	}...)
}

// floor is floor(n*unit/rate), by the arithmetic of the standard library's big integers.
func floor(n, unit int64, r FrameRate) *big.Int {
	num := new(big.Int).Mul(big.NewInt(n), big.NewInt(unit))
	num.Mul(num, big.NewInt(r.Den))
	// Euclidean division is floor division for a positive divisor.
	return num.Div(num, big.NewInt(r.Num))
}

// frameNumbers are frames around what a clock can trip over: seconds, minutes, hours, days and the 33-bit wrap.
func frameNumbers(r FrameRate) []int64 {
	out := []int64{0, 1, 2, 3, 999, 1000, 1001, 1 << 31, 1 << 32, 1 << 40}
	for _, s := range []int64{1, 60, 600, 3600, 86400, 95443, 95444, 365 * 86400} {
		for d := int64(-2); d <= 2; d++ {
			out = append(out, s*r.Base()+d)
		}
	}
	for _, n := range out {
		out = append(out, -n)
	}
	return out
}

func TestClocksAreExact(t *testing.T) {
	for _, r := range testRates() {
		if err := r.Validate(); err != nil {
			t.Errorf("%v: %v", r, err)
		}
		for _, n := range frameNumbers(r) {
			if got, want := r.Sample(n), floor(n, SampleRate, r); want.Cmp(big.NewInt(got)) != 0 {
				t.Fatalf("%v: Sample(%d) = %d, want %v", r, n, got, want)
			}
			if s := r.Sample(n); floor(n, SampleRate, r).IsInt64() && (r.FrameAtSample(s) != n || r.FrameAtSample(s-1) != n-1) {
				t.Fatalf("%v: sample %d of frame %d is in frame %d, and the one before in %d", r, s, n, r.FrameAtSample(s), r.FrameAtSample(s-1))
			}
			if got, want := r.Ticks(n), floor(n, 90000, r); want.Cmp(big.NewInt(got)) != 0 {
				t.Errorf("%v: frame %d is at %d ticks, want %v", r, n, got, want)
			}
			if got, want := r.Nanos(n), floor(n, 1_000_000_000, r); want.IsInt64() && want.Int64() != got {
				t.Errorf("%v: frame %d is at %d ns, want %v", r, n, got, want)
			}
			if got, off := r.FrameAtTicks(r.Ticks(n)); got != n || off != 0 {
				t.Errorf("%v: the ticks of frame %d lead to %d, %d off", r, n, got, off)
			}
			if ns := r.Nanos(n); floor(n, 1_000_000_000, r).IsInt64() && r.FrameAtNanos(ns) != n {
				t.Errorf("%v: the time of frame %d leads to %d", r, n, r.FrameAtNanos(ns))
			}
		}
	}
}

// A length of time is so many whole frames: at most half a frame is left over.
func TestFrames(t *testing.T) {
	for _, r := range testRates() {
		for _, ns := range []int64{0, 1, 16_000_000, 33_333_333, 1_000_000_000, 3_600_000_000_000, 86_399_999_999_999} {
			n := r.Frames(ns)
			over := new(big.Int).Sub(floor(n, 1e9, r), big.NewInt(ns))
			if over.Lsh(over.Abs(over), 1).Cmp(new(big.Int).Add(floor(1, 1e9, r), big.NewInt(2))) > 0 {
				t.Errorf("%v: %d ns are %d frames", r, ns, n)
			}
		}
	}
}

// TestNoDrift follows a day of frames: every step is one of the two nearest whole numbers of ticks, and a second of
// frames is exactly a second, or 1.001.
func TestNoDrift(t *testing.T) {
	for _, r := range testRates() {
		step := TicksPerSecond * r.Den / r.Num
		for n := int64(0); n < 86400; n++ {
			if d := r.Ticks(n+1) - r.Ticks(n); d != step && d != step+1 {
				t.Fatalf("%v: frame %d lasts %d ticks", r, n, d)
			}
		}
		for _, k := range []int64{1, 1000, 1 << 24} {
			if got, want := r.Ticks(k*r.Num), k*r.Den*TicksPerSecond; got != want {
				t.Errorf("%v: %d frames take %d ticks, want %d", r, k*r.Num, got, want)
			}
		}
	}
}

func TestFrameAtTicksOff(t *testing.T) {
	r := FrameRate{30000, 1001} // 3003 ticks a frame
	for _, c := range []struct{ ticks, frame, off int64 }{
		{0, 0, 0}, {1, 0, 1}, {-1, 0, -1}, {3003, 1, 0}, {3002, 1, -1}, {1501, 0, 1501}, {1502, 1, -1501}, {-3003, -1, 0},
	} {
		if n, off := r.FrameAtTicks(c.ticks); n != c.frame || off != c.off {
			t.Errorf("%d ticks: frame %d, %d off, want %d, %d", c.ticks, n, off, c.frame, c.off)
		}
	}
}

func TestParseFrameRate(t *testing.T) {
	for text, want := range map[string]FrameRate{
		"24000/1001": {24000, 1001}, "23.976": {24000, 1001}, "23.98": {24000, 1001}, "24": {24, 1}, "24/1": {24, 1},
		"25": {25, 1}, "30000/1001": {30000, 1001}, "29.97": {30000, 1001}, "30": {30, 1}, "50": {50, 1},
		"60000/1001": {60000, 1001}, "59.94": {60000, 1001}, "60": {60, 1}, "60/1": {60, 1},
		"1": {1, 1}, "240": {240, 1}, "10": {10, 1}, "12.5": {25, 2}, "25/2": {25, 2}, "15": {15, 1}, "48": {48, 1},
		"47.952": {48000, 1001}, "119.88": {120000, 1001}, "120000/1001": {120000, 1001}, "240000/1001": {240000, 1001},
		"25.0": {25, 1}, "30000/1000": {30, 1}, "7.125": {57, 8}, "100.5": {201, 2}, "2997/100": {2997, 100}, "015": {15, 1},
		"23.9": {239, 10}, "240000/239999": {240000, 239999},
	} {
		got, err := ParseFrameRate(text)
		if err != nil || got != want {
			t.Errorf("%q is %v, %v, want %v", text, got, err, want)
		}
		b, err := json.Marshal(got)
		var back FrameRate
		if err != nil || json.Unmarshal(b, &back) != nil || back != want {
			t.Errorf("%v as JSON is %s, %v, which is %v", got, b, err, back)
		}
	}
	for _, bad := range []string{
		"", "0", "-25", "+25", "1/0", "0/1", "25 ", "abc", "1e2", "0.5", "1/2", "241", "240.001", "240001/1000", "25/", "/2", "25/2/1",
		"30/1.001", "1.5/1", ".5", "12.", "12.5000", "1_0", "0x10", "99999999999", "1/99999999999", "Inf", "NaN",
	} {
		if got, err := ParseFrameRate(bad); err == nil || !strings.Contains(err.Error(), "1 to 240") {
			t.Errorf("%q is %v, %v: want an error that says what is supported", bad, got, err)
		}
	}
	// Which of two is meant can't be known.
	for bad, fractions := range map[string][2]string{
		"29.970": {"30000/1001", "2997/100"}, "14.985": {"15000/1001", "2997/200"}, "239.76": {"240000/1001", "5994/25"},
		"23.98/1": {"1 to 240", ""}, "59.940": {"60000/1001", "2997/50"}, "11.99": {"12000/1001", "1199/100"},
	} {
		got, err := ParseFrameRate(bad)
		if err == nil || !strings.Contains(err.Error(), fractions[0]) || !strings.Contains(err.Error(), fractions[1]) {
			t.Errorf("%q is %v, %v: want an error that names %v", bad, got, err, fractions)
		}
	}
}

func TestValidateRate(t *testing.T) {
	for _, bad := range []FrameRate{
		{}, {0, 1}, {1, 0}, {-25, 1}, {-25, -1}, {1, 2}, {241, 1}, {50, 2}, {240001, 1000}, {240001, 1001}, {240001, 240000},
		{math.MaxInt64, 1}, {math.MaxInt64, math.MaxInt64}, {math.MinInt64, -1}, {480, 2},
	} {
		if err := bad.Validate(); err == nil {
			t.Errorf("%d/%d is taken", bad.Num, bad.Den)
		}
	}
}

func TestDropFrameRates(t *testing.T) {
	for _, r := range testRates() {
		want := r == FrameRate{30000, 1001} || r == FrameRate{60000, 1001}
		if r.DropFrame() != want {
			t.Errorf("%v: drop-frame %v", r, r.DropFrame())
		}
	}
}

func FuzzFrameRate(f *testing.F) {
	for _, n := range []int64{0, -1, 17982, math.MaxInt64, math.MinInt64, math.MinInt64 + 1, 1 << 40} {
		f.Add(n, uint8(3))
	}
	f.Fuzz(func(t *testing.T, n int64, which uint8) {
		r := testRates()[int(which)%len(testRates())]
		for unit, at := range map[int64]func(int64) int64{90000: r.Ticks, 1_000_000_000: r.Nanos} {
			want := floor(n, unit, r)
			nearest := want.Int64()
			if !want.IsInt64() {
				nearest = math.MaxInt64
				if want.Sign() < 0 {
					nearest = math.MinInt64
				}
			}
			if got := at(n); got != nearest {
				t.Fatalf("%v: frame %d is at %d/%d s, want %d", r, n, got, unit, nearest)
			}
		}
		// n as a time: the frame that is shown starts at or before it, and the next one after it.
		if k := r.FrameAtNanos(n); floor(k, 1_000_000_000, r).Cmp(big.NewInt(n)) > 0 ||
			floor(k+1, 1_000_000_000, r).Cmp(big.NewInt(n)) <= 0 {
			t.Fatalf("%v: at %d ns frame %d is shown", r, n, k)
		}
		if n > math.MinInt64/2 && n < math.MaxInt64/2 {
			k, off := r.FrameAtTicks(n)
			if r.Ticks(k)+off != n || 2*max(off, -off) > TicksPerSecond*r.Den/r.Num+1 {
				t.Fatalf("%v: at %d ticks is frame %d, %d off", r, n, k, off)
			}
		}
		_ = TimecodeAt(n, r, which&128 != 0)
	})
}
