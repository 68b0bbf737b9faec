package sounds

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/faults/internal/faultstest"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/internal/soundtest"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

const testUnits = 10 * media.SampleRate / aac.UnitSamples

func testChannel() markers.Channel {
	c := faultstest.Channel(25)
	c.Audio = true
	return c
}

// beeps are in the right channel all the time, so that it is silent nowhere: one a second, with next to nothing between.
func beeps() (list []generator.Beep) {
	for n := range int64(10) {
		list = append(list, generator.Beep{First: n * media.SampleRate, End: (n+1)*media.SampleRate - 2})
	}
	return list
}

// encoded is the clip that the tests share.
var encoded struct {
	once  sync.Once
	units []media.Unit
}

func clip(t testing.TB) []media.Unit {
	encoded.once.Do(func() { encoded.units = soundtest.Units(t, 0, testUnits, beeps()...) })
	return encoded.units
}

// rewrite makes the faulty twin of the clip. It checks that the clip stays as it is, and what is reported: what is the same is not, and
// all else is within the faults.
func rewrite(t testing.TB, entries string) (faulty []media.Unit, done map[int64]bool) {
	t.Helper()
	c := testChannel()
	plan, done := faultstest.Plan(t, c, Kinds(), entries), map[int64]bool{}
	reported := 0
	r := New(plan, c.Clock(), func(c faults.Change) {
		done[c.Frame] = true
		if c.Clean != "" {
			reported++
		}
	})
	for _, u := range clip(t) {
		was, before := u, reported
		was.Sound = bytes.Clone(u.Sound)
		list, err := r.Unit(u)
		if err != nil {
			t.Fatal(err)
		}
		if !same(u, was) {
			t.Fatalf("sample %d of the clean stream was changed", u.Frame)
		}
		if untouched := len(list) == 1 && same(list[0], u); untouched != (before == reported) {
			t.Errorf("sample %d: untouched %v, reported %v", u.Frame, untouched, before != reported)
		}
		faulty = append(faulty, list...)
	}
	for n := range done {
		if len(plan.At(n, scenario.LayerSound)) == 0 {
			t.Errorf("frame %d was changed, and no fault is for it", n)
		}
	}
	return faulty, done
}

func same(a, b media.Unit) bool {
	return a.Frame == b.Frame && a.PTS == b.PTS && a.DTS == b.DTS && a.Track == b.Track && bytes.Equal(a.Sound, b.Sound)
}

func adts(t testing.TB, units []media.Unit) (b []byte) {
	t.Helper()
	for _, u := range units {
		var err error
		if b, err = aac.AppendUnit(b, u); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// decode is what ffmpeg decodes: the samples of the left and the right channel.
func decode(t testing.TB, units []media.Unit) (channels [2][]float32) {
	t.Helper()
	pcm := soundtest.Run(t, adts(t, units), "ffmpeg", "-v", "error", "-xerror", "-f", "aac", "-i", "-", "-f", "f32le", "-")
	all := make([]float32, len(pcm)/4)
	if _, err := binary.Decode(pcm, binary.LittleEndian, all); err != nil {
		t.Fatal(err)
	}
	for i, v := range all {
		channels[i%2] = append(channels[i%2], v)
	}
	return channels
}

// outside reports the largest difference of two sounds outside of the frames that were changed.
func outside(a, b [2][]float32, done map[int64]bool) (most float32) {
	for c := range a {
		for i := range a[c] {
			if d := a[c][i] - b[c][i]; !done[testChannel().Rate.FrameAtSample(int64(i))] {
				most = max(most, d, -d)
			}
		}
	}
	return most
}

// ffmpeg's silencedetect finds the silence where the label has it, within the unit that is faded out and in, and none in the clean clip.
func TestSilence(t *testing.T) {
	detect := func(units []media.Unit) string {
		return string(soundtest.Run(t, adts(t, units), "ffmpeg", "-v", "error", "-f", "aac", "-i", "-", "-af",
			"silencedetect=noise=-70dB:d=0.5,ametadata=print:file=-", "-f", "null", "-"))
	}
	for _, at := range []int64{25, 60, 111} { // at the edge of a segment, and within one
		faulty, done := rewrite(t, fmt.Sprintf("{do: sound.silence, at: {frame: %d}, for: {frames: 40}}", at))
		text := detect(faulty)
		var start, end float64
		for line := range strings.Lines(text) {
			_, _ = fmt.Sscanf(line, "lavfi.silence_start=%f", &start)
			_, _ = fmt.Sscanf(line, "lavfi.silence_end=%f", &end)
		}
		first, last := float64(at)/faultstest.FPS, float64(at+40)/faultstest.FPS
		const unit = float64(aac.UnitSamples) / media.SampleRate
		if strings.Count(text, "silence_start=") != 1 || start < first || start > first+2*unit+0.001 || end > last+0.001 || end < last-2*unit-0.001 {
			t.Errorf("at %d: silence from %f to %f, not %f to %f\n%s", at, start, end, first, last, text)
		}
		clean, got := decode(t, clip(t)), decode(t, faulty)
		// Behind the silence the decoder's random numbers, which replace noise, are others.
		if most := outside(clean, got, done); most > 0.04 {
			t.Errorf("at %d: samples outside differ by %f", at, most)
		}
		for c, begin := range got {
			if before := testChannel().Rate.Sample(at); !slices.Equal(begin[:before], clean[c][:before]) {
				t.Errorf("at %d: samples of channel %d before the silence differ", at, c)
			}
		}
	}
	if text := detect(clip(t)); strings.Contains(text, "silence_start") {
		t.Errorf("the clean clip is silent:\n%s", text)
	}
}

// ffmpeg's astats finds peaks beyond full scale in the left channel where the label has them, the right one stays, and the clean clip has none.
func TestClip(t *testing.T) {
	peaks := func(units []media.Unit, from, to int) (left, right float64) {
		text := soundtest.Run(t, adts(t, units), "ffmpeg", "-v", "error", "-f", "aac", "-i", "-", "-af",
			fmt.Sprintf("atrim=start_sample=%d:end_sample=%d,astats=metadata=1:measure_overall=none,ametadata=print:file=-", from, to), "-f", "null", "-")
		for line := range strings.Lines(string(text)) {
			_, _ = fmt.Sscanf(line, "lavfi.astats.1.Peak_level=%f", &left)
			_, _ = fmt.Sscanf(line, "lavfi.astats.2.Peak_level=%f", &right)
		}
		return left, right
	}
	faulty, done := rewrite(t, "{do: sound.clip, at: 3s, for: 2s}")
	const second = media.SampleRate
	for _, s := range []struct {
		units    []media.Unit
		from, to int
		clips    bool
	}{{faulty, 3 * second, 5 * second, true}, {faulty, 0, 3 * second, false}, {faulty, 5 * second, 9 * second, false}, {clip(t), 0, 9 * second, false}} {
		left, right := peaks(s.units, s.from, s.to)
		if left > 6 != s.clips || !s.clips && left > -4 || right > -1 {
			t.Errorf("samples %d to %d: peaks at %f dB left, %f dB right, want clipping %v", s.from, s.to, left, right, s.clips)
		}
	}
	if most := outside(decode(t, clip(t)), decode(t, faulty), done); most != 0 {
		t.Errorf("samples outside differ by %f", most)
	}
}

// Units are lost, doubled and moved as the label has it, and stay as they are elsewhere.
func TestUnits(t *testing.T) {
	for text, want := range map[string]func(u media.Unit) []media.Unit{
		"do: sound.drop, at: 3s, for: 2s":   func(media.Unit) []media.Unit { return nil },
		"do: sound.repeat, at: 3s, for: 2s": func(u media.Unit) []media.Unit { return []media.Unit{u, u} },
		"do: sound.offset, at: 3s, for: 2s, with: {by: -40ms}": func(u media.Unit) []media.Unit {
			u.PTS, u.DTS = u.PTS-1920, u.DTS-1920
			return []media.Unit{u}
		},
	} {
		faulty, done := rewrite(t, "{"+text+"}")
		var all []media.Unit
		for _, u := range clip(t) {
			if u.Frame >= 3*media.SampleRate && u.Frame+2048 <= 5*media.SampleRate {
				all = append(all, want(u)...)
				continue
			}
			all = append(all, u)
		}
		if !slices.EqualFunc(faulty, all, same) || len(done) != 50 {
			t.Errorf("%s: %d units, want %d; frames %v", text, len(faulty), len(all), done)
		}
	}
}

// A unit that the encoder does not make is an error, and so is a fault that a channel cannot have.
func TestErrors(t *testing.T) {
	if _, err := aac.Louder([]byte{0x20}, 4); err == nil {
		t.Error("a unit that is cut off is taken")
	}
	for _, c := range []struct{ fault, want string }{
		{"do: sound.silence, at: 1s, for: {frames: 1}", "x.yaml:4: sound.silence: no coded unit of sound is heard in so few frames alone: use 64 ms or more"},
		{"do: sound.offset, at: 1s, with: {by: 0s}", "x.yaml:4: sound.offset: by is less than a sample, which changes nothing: use a longer time"},
		{"do: sound.offset, at: 1s, with: {by: -2s}", "x.yaml:4: sound.offset: the time stamps would be before the first of the stream: begin later, or use a shorter time"},
		{"do: sound.clip, at: 1s, with: {gain: 60}", `x.yaml:4: sound.clip: gain: "60" is not possible: use 12 to 36`},
	} {
		f, err := scenario.Parse("x.yaml", []byte("version: 1\nname: x\nfaults:\n- {"+c.fault+"}"), Kinds())
		if err == nil {
			_, err = f.Plan(testChannel())
		}
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %q", c.fault, err, c.want)
		}
	}
	f, err := scenario.Parse("x.yaml", []byte("version: 1\nname: x\nfaults:\n- {do: sound.clip, at: 1s}"), Kinds())
	if err == nil {
		_, err = f.Plan(faultstest.Channel(25))
	}
	if err == nil || err.Error() != "x.yaml:4: sound.clip: channel main has no sound: add --audio, or leave the fault out" {
		t.Errorf("a channel without sound: %v", err)
	}
}

// No unit makes the change panic, and a changed one differs in a byte or two.
func FuzzLouder(f *testing.F) {
	f.Add([]byte{0x21, 0x10, 4, 0x60, 0x8c, 0x1c}, 16)
	f.Add(aac.Silence(), 8)
	f.Fuzz(func(t *testing.T, unit []byte, steps int) {
		out, err := aac.Louder(unit, max(0, steps%100))
		if err != nil {
			return
		}
		differ := 0
		for i := range unit {
			if unit[i] != out[i] {
				differ++
			}
		}
		if len(out) != len(unit) || differ > 2 {
			t.Errorf("%x became %x", unit, out)
		}
	})
}
