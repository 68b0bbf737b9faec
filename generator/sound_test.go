package generator

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/refstream/refstream/media"
)

// channels renders a stretch and parts it.
func channels(first, length int64, beeps ...Beep) (left, right []int16) {
	pcm := make([]int16, SoundChannels*length)
	RenderSamples(pcm, first, beeps)
	for i := 0; i < len(pcm); i += SoundChannels {
		left, right = append(left, pcm[i]), append(right, pcm[i+1])
	}
	return left, right
}

func TestSine(t *testing.T) {
	for p := range uint32(1 << 12) {
		if want := math.Sin(2 * math.Pi * float64(p) / (1 << 12)); math.Abs(float64(sine(p<<20))/(1<<30)-want) > 1.0/200_000 {
			t.Fatalf("sine of %d/4096 turns is %d/2^30, want %f", p, sine(p<<20), want)
		}
	}
}

// TestSamples: the sound is the same on every machine and in any pieces, with silence before the first sample.
func TestSamples(t *testing.T) {
	beeps := []Beep{{-100, 400}, {30_000, 50_000}}
	whole := make([]int16, SoundChannels*100_000)
	RenderSamples(whole, -1000, beeps)
	sum := fnv.New64a()
	for _, v := range whole {
		sum.Write([]byte{byte(v), byte(v >> 8)})
	}
	if got := sum.Sum64(); got != 0x8ed65185beb7884c {
		t.Errorf("the samples hash to %#x", got)
	}
	if slices.ContainsFunc(whole[:SoundChannels*1000], func(v int16) bool { return v != 0 }) {
		t.Error("there is sound before sample 0")
	}
	for at := 0; at < len(whole); {
		n := min(SoundChannels*(1+at%777), len(whole)-at)
		part := make([]int16, n)
		RenderSamples(part, int64(at/SoundChannels)-1000, beeps)
		if !slices.Equal(part, whole[at:at+n]) {
			t.Fatalf("the piece of %d values from %d on differs", n, at)
		}
		at += n
	}
}

func TestReadSampleCodes(t *testing.T) {
	for _, c := range []struct {
		name          string
		first, length int64
		want          []SampleCode
	}{
		{"from the start", 0, 150_000, []SampleCode{{24_000, 24_000}, {72_000, 72_000}, {120_000, 120_000}}},
		{"one, whole", 24_000, codeLength, []SampleCode{{0, 24_000}}},
		{"its start is missing", 24_001, codeLength, nil},
		{"its end is missing", 24_000, codeLength - 1, nil},
		{"26 h after the epoch", 26*3600*48_000 - 777, 48_000, []SampleCode{{24_777, 26*3600*48_000 + 24_000}}},
		{"over the end of a block", 24_000 - (blockLength - 5), 200_000, []SampleCode{{blockLength - 5, 24_000}, {blockLength + 47_995, 72_000}}},
		{"200 years", 200*365*86_400*48_000 + 1, 48_000, []SampleCode{{23_999, 200*365*86_400*48_000 + 24_000}}},
	} {
		left, right := channels(c.first, c.length, Beep{c.first, c.first + c.length})
		if got := ReadSampleCodes(left); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if got := ReadSampleCodes(right); got != nil {
			t.Errorf("%s: %v in the right channel", c.name, got)
		}
		for i := range left { // quieter, inverted, with noise
			left[i] = -left[i]/3 + int16(rand.IntN(400)-200)
		}
		if got := ReadSampleCodes(left); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s, with noise: %v, want %v", c.name, got, c.want)
		}
	}
	for second := range int64(60) { // whatever the bits
		left, _ := channels(second*media.SampleRate+codeStart-50, codeLength+100)
		if got := ReadSampleCodes(left); !reflect.DeepEqual(got, []SampleCode{{50, second*media.SampleRate + codeStart}}) {
			t.Errorf("second %d: %v", second, got)
		}
		for i := range bitLength { // one bit of the other tone
			left[50+30*bitLength+i] = level(uint32(i*(1<<32/zeroPeriod)), codeLevel) + level(uint32(i*(1<<32/onePeriod)), codeLevel)
		}
		if got := ReadSampleCodes(left); got != nil {
			t.Errorf("second %d, damaged: %v", second, got)
		}
	}
	noise := make([]int16, 20*media.SampleRate)
	for i := range noise {
		noise[i] = int16(rand.IntN(1 << 16))
	}
	if got := ReadSampleCodes(noise); got != nil {
		t.Errorf("%v in noise", got)
	}
}

func TestFindBeeps(t *testing.T) {
	for _, c := range []struct {
		name  string
		beeps []Beep
		want  []int
	}{
		{"none", nil, nil},
		{"at the start", []Beep{{0, 9000}}, []int{0}},
		{"two", []Beep{{777, 9001}, {9802, 20_000}}, []int{777, 9802}},
		{"of a frame at 59.94", []Beep{{5000, 5800}, {7000, 7801}}, []int{5000, 7000}},
		{"long", []Beep{{12_345, 99_000}}, []int{12_345}},
		{"its head is cut off", []Beep{{-400, 9000}}, nil},
		{"its first sample is cut off", []Beep{{-1, 9000}}, nil},
		{"at the end", []Beep{{100_000 - headLength, 200_000}}, []int{100_000 - headLength}},
	} {
		left, right := channels(0, 100_000, c.beeps...)
		if len(c.beeps) > 0 && c.beeps[0].First < 0 { // before sample 0 there is none
			left, right = channels(-c.beeps[0].First, 90_000, Beep{0, 9000})
		}
		if got := FindBeeps(right); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if got := FindBeeps(left); got != nil {
			t.Errorf("%s: %v in the left channel", c.name, got)
		}
		for i := range right {
			right[i] = -right[i]/3 + int16(rand.IntN(400)-200)
		}
		if got := FindBeeps(right); !slices.Equal(got, c.want) {
			t.Errorf("%s, with noise: %v, want %v", c.name, got, c.want)
		}
	}
}
