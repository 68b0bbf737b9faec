package encoder

import (
	"fmt"
	"strings"
	"testing"

	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/internal/soundtest"
	"github.com/refstream/refstream/internal/testunix"
	"github.com/refstream/refstream/media"
)

// sound encodes stretches of samples of a length, of which the first units begin with the samples at, and returns the units.
func sound(t *testing.T, o SoundOptions, at []int64, length int64, beeps ...generator.Beep) (units []media.Unit) {
	t.Helper()
	s, err := NewSound(o)
	if err != nil {
		t.Fatal(err)
	}
	running := make(chan error, 1)
	go func() {
		running <- s.Run(testContext(t), func(u media.Unit) error {
			units = append(units, u)
			return nil
		})
	}()
	for _, first := range at {
		for at := first - SoundLead; at < first+length; {
			pcm := make([]int16, 2*min(1601, first+length-at))
			generator.RenderSamples(pcm, at, beeps)
			if err := s.Write(testContext(t), at, pcm); err != nil {
				t.Fatal(err)
			}
			at += int64(len(pcm) / 2)
		}
	}
	s.CloseInput()
	if err := <-running; err != nil {
		t.Fatal(err)
	}
	return units
}

// TestSound: decoded by ffmpeg, every beep begins at its sample, and every sample code is right, at all bit rates, and where
// an encoder continues what another one has begun, or begins anew further on.
func TestSound(t *testing.T) {
	for i, c := range []struct {
		bitrate int64
		rate    media.FrameRate
		hours   int64
	}{
		{48_000, media.FrameRate{Num: 25, Den: 1}, 0},
		{64_000, media.FrameRate{Num: 30000, Den: 1001}, 26},
		{128_000, media.FrameRate{Num: 30, Den: 1}, 5},
		{192_000, media.FrameRate{Num: 60000, Den: 1001}, 26},
	} {
		t.Run(fmt.Sprintf("%d bit/s at %v", c.bitrate, c.rate), func(t *testing.T) {
			if testing.Short() && i != 1 {
				return
			}
			t.Parallel()
			o := SoundOptions{Bitrate: c.bitrate, Origin: 48000, Rendition: "sound", Stall: limit}
			start := c.hours * 3600 * 48000 / 1024 * 1024
			first := start * c.rate.Num / (48000 * c.rate.Den)
			var beeps []generator.Beep
			for n := first + 7; n < first+12*c.rate.Base(); n += c.rate.Base()*3/2 + 1 { // some at the end of a unit, some in the middle
				beeps = append(beeps, generator.Beep{First: c.rate.Sample(n), End: c.rate.Sample(n + c.rate.Base()/2)})
			}
			units := sound(t, o, []int64{start}, 6*48000, beeps...)
			units = append(units, sound(t, o, []int64{units[len(units)-1].Frame + 1024}, 6*48000+500, beeps...)...)
			for i, u := range units {
				if u.Frame != start+int64(i)*1024 || u.PTS != u.Frame+48000 || u.DTS != u.PTS || !u.Key || u.Codec() != media.AAC ||
					u.Track.Rendition != "sound" || len(u.NALs) > 0 || u.Size() == 0 {
					t.Fatalf("unit %d: %+v", i, u)
				}
			}
			if n := (12*48000 + 500) / 1024; len(units) != n && len(units) != n-1 {
				t.Errorf("%d units, want %d", len(units), n)
			}
			var adts []byte
			for _, u := range units {
				var err error
				if adts, err = aac.AppendUnit(adts, u); err != nil {
					t.Fatal(err)
				}
			}
			soundtest.Check(t, adts, "aac", start, beeps...)
		})
	}
}

// TestSoundStretches: an encoder that leaves samples out continues as one that begins there.
func TestSoundStretches(t *testing.T) {
	o := SoundOptions{Bitrate: 128_000, Origin: 48000, Stall: limit}
	beep := generator.Beep{First: 150*1024 - 7, End: 180 * 1024}
	far := int64(26*3600) * 48000 / 1024 * 1024
	late := generator.Beep{First: far + 30_000, End: far + 60_000}
	units := sound(t, o, []int64{0, 100 * 1024, far}, 90*1024, beep, late)
	var adts [3][]byte
	for i, u := range units {
		part, at := i/90, int64(i%90*1024)
		if want := []int64{0, 100 * 1024, far}[part] + at; u.Frame != want || u.PTS != want+48000 {
			t.Fatalf("unit %d: sample %d with PTS %d, want %d", i, u.Frame, u.PTS, want)
		}
		var err error
		if adts[part], err = aac.AppendUnit(adts[part], u); err != nil {
			t.Fatal(err)
		}
	}
	if len(units) != 3*90 {
		t.Errorf("%d units", len(units))
	}
	soundtest.Check(t, adts[1], "aac", 100*1024, beep)
	soundtest.Check(t, adts[2], "aac", far, late)
}

func TestSoundOptions(t *testing.T) {
	for want, o := range map[string]SoundOptions{
		"use 48000 to 320000": {Bitrate: 47_999}, "320001 bit/s": {Bitrate: 320_001},
		"is negative": {Bitrate: 64_000, Stall: -1},
	} {
		if _, err := NewSound(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
}

// TestSoundFails: what can't be encoded is refused, and an ffmpeg that ends or makes something else is an error.
func TestSoundFails(t *testing.T) {
	s, err := NewSound(SoundOptions{Bitrate: 64_000, Stall: limit})
	if err != nil {
		t.Fatal(err)
	}
	running := make(chan error, 1)
	go func() { running <- s.Run(testContext(t), func(media.Unit) error { return nil }) }()
	for _, w := range []struct {
		first  int64
		values int
		want   string
	}{
		{1025, 2, "use a multiple of 1024"}, {1024, 3, "not whole samples"}, {1024, 2048, ""}, {2047, 2, "use a multiple of 1024"},
		{1024, 2, "ends with sample 2047: that must be earlier"}, {2048, 2, ""}, {4096, 2, "ends with sample 2048"},
	} {
		err := s.Write(testContext(t), w.first, make([]int16, w.values))
		if (err == nil) != (w.want == "") || err != nil && !strings.Contains(err.Error(), w.want) {
			t.Errorf("sample %d, %d values: %v", w.first, w.values, err)
		}
	}
	s.CloseInput()
	if err := <-running; err != nil {
		t.Errorf("without input: %v", err)
	}
	check := noLeaks(t)
	program, pid := watched(t)
	for want, program := range map[string]string{
		"no syncword": script(t, "yes hello"), "unexpected EOF": script(t, "printf 'a'; cat >/dev/null"), "exit status 3": script(t, "exit 3"),
		"it has mp4a.40.2, 44100 Hz":       script(t, `exec ffmpeg -v error -f lavfi -i sine=r=44100:d=1 -ac 2 -c:a aac -f adts -`),
		"ended without 10 of the frames":   script(t, "cat >/dev/null"),
		"signal: killed":                   program,
		"handle frame 0: the disk is full": "ffmpeg",
	} {
		s, err := NewSound(SoundOptions{FFmpeg: program, Bitrate: 64_000, Stall: limit})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			running <- s.Run(testContext(t), func(media.Unit) error {
				switch want {
				case "signal: killed":
					return testunix.Send(pid(), testunix.Kill)
				case "handle frame 0: the disk is full":
					return fmt.Errorf("the disk is full")
				}
				return nil
			})
		}()
		for at := int64(-SoundLead); at < 10*1024; at += 1024 {
			if s.Write(testContext(t), at, make([]int16, 2048)) != nil {
				break
			}
		}
		s.CloseInput()
		if err := <-running; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	check(pid())
}
