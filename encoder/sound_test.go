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

// sound encodes the stretch of samples from first on, and returns the units.
func sound(t *testing.T, o SoundOptions, length int64, beeps ...generator.Beep) (units []media.Unit) {
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
	for at := o.First - SoundLead; at < o.First+length; {
		pcm := make([]int16, 2*min(1601, o.First+length-at))
		generator.RenderSamples(pcm, at, beeps)
		if err := s.Write(testContext(t), at, pcm); err != nil {
			t.Fatal(err)
		}
		at += int64(len(pcm) / 2)
	}
	s.CloseInput()
	if err := <-running; err != nil {
		t.Fatal(err)
	}
	return units
}

// TestSound: decoded by ffmpeg, every beep begins at its sample, and every sample code is right, at all bit rates, and where
// an encoder continues what another one has begun.
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
			o := SoundOptions{Bitrate: c.bitrate, First: c.hours * 3600 * 48000 / 1024 * 1024, Origin: 48000, Rendition: "sound", Stall: limit}
			first := o.First * c.rate.Num / (48000 * c.rate.Den)
			var beeps []generator.Beep
			for n := first + 7; n < first+12*c.rate.Base(); n += c.rate.Base()*3/2 + 1 { // some at the end of a unit, some in the middle
				beeps = append(beeps, generator.Beep{First: c.rate.Sample(n), End: c.rate.Sample(n + c.rate.Base()/2)})
			}
			units := sound(t, o, 6*48000, beeps...)
			restarted := o
			restarted.First = units[len(units)-1].Frame + 1024
			units = append(units, sound(t, restarted, 6*48000+500, beeps...)...)
			for i, u := range units {
				if u.Frame != o.First+int64(i)*1024 || u.PTS != u.Frame+48000 || u.DTS != u.PTS || !u.Key || u.Codec() != media.AAC ||
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
			soundtest.Check(t, adts, "aac", o.First, beeps...)
		})
	}
}

func TestSoundOptions(t *testing.T) {
	for want, o := range map[string]SoundOptions{
		"use 48000 to 320000": {Bitrate: 47_999}, "320001 bit/s": {Bitrate: 320_001}, "use a multiple of 1024": {Bitrate: 64_000, First: 1000},
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
	for first, n := range map[int64]int{0: 2, -SoundLead + 1: 2, -SoundLead: 3} {
		if err := s.Write(testContext(t), first, make([]int16, n)); err == nil || !strings.Contains(err.Error(), "which is at sample -2048") {
			t.Errorf("sample %d, %d values: %v", first, n, err)
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
