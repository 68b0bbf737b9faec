package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/internal/pause"
	"github.com/refstream/refstream/internal/soundtest"
	"github.com/refstream/refstream/internal/testunix"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/stream"
)

// stretchOf makes a stretch of a channel with ffmpeg, from a segment on, and returns its units by rendition.
func stretchOf(t *testing.T, info markers.Channel, msn, frames int64, change func(*Generate)) (map[string][]media.Unit, *fakeStore) {
	t.Helper()
	r := &rig{t: t, info: info, store: newFakeStore(t), out: &fakeOutput{}}
	clock := info.Clock()
	g := &Generate{First: clock.FirstFrame(msn), Frames: frames, Channel: Channel{
		Info: info, HLS: newFakeSegmenter(clock, nil, nil), Outputs: []reader{r.out}, Store: r.store,
		Logger: slog.New(slog.DiscardHandler), Metrics: NewMetrics(prometheus.NewRegistry(), info.Name), Now: time.Now,
	}}
	g.Encode(encoder.Options{Width: info.Width, Height: info.Height, Rate: info.Rate, GOP: info.FramesPerSegment, Preset: "ultrafast",
		Bitrate: 500_000, BFrames: 2, PTSOrigin: info.PTSOrigin, Stall: time.Minute})
	if change != nil {
		change(g)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := g.Run(ctx); err != nil {
		t.Fatal(err)
	}
	return r.tracks(), r.store
}

func ffmpegInfo(rate media.FrameRate) markers.Channel {
	return markers.Channel{Name: "main", Rate: rate, FramesPerSegment: rate.Base() + 7, Epoch: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		PTSOrigin: markers.PTSOrigin, Seed: 7, Width: 160, Height: 90, EventEvery: 40, EventLength: 9, Window: 6, Bitrate: 500_000}
}

// The sound of a stretch is whole, and each event beeps from the sample on that its marker has.
func TestSoundOfEvents(t *testing.T) {
	for _, rate := range []media.FrameRate{{Num: 25, Den: 1}, {Num: 30000, Den: 1001}, {Num: 60000, Den: 1001}} {
		t.Run(rate.String(), func(t *testing.T) {
			t.Parallel()
			info := ffmpegInfo(rate)
			info.Audio = true
			const frames = 301
			msn := 26 * 3600 * rate.Base() / info.FramesPerSegment
			first := info.Clock().FirstFrame(msn)
			tracks, store := stretchOf(t, info, msn, frames, nil)
			sound := tracks[markers.SoundRendition]
			for i, u := range sound {
				if u.Frame != whole(rate.Sample(first))+int64(i)*aac.UnitSamples {
					t.Fatalf("unit %d begins with sample %d", i, u.Frame)
				}
			}
			if end, last := rate.Sample(first+frames), sound[len(sound)-1].Frame; last >= end || last+aac.UnitSamples < end {
				t.Errorf("the last unit begins with sample %d, the stretch ends before %d", last, end)
			}
			known, err := store.Journal.Markers(t.Context(), "main", markers.Range{})
			if err != nil {
				t.Fatal(err)
			}
			var beeps []generator.Beep
			for _, m := range known {
				beeps = append(beeps, generator.Beep{First: m.Sample.Value, End: m.LastSample.Value + 1})
				if m.Sample.Value != rate.Sample(m.Frame) {
					t.Errorf("marker %+v", m)
				}
			}
			if len(beeps) < 4 {
				t.Fatalf("%d events", len(beeps))
			}
			soundtest.Check(t, adts(t, sound), "aac", sound[0].Frame, beeps...)
		})
	}
}

func adts(t *testing.T, sound []media.Unit) (b []byte) {
	t.Helper()
	for _, u := range sound {
		var err error
		if b, err = aac.AppendUnit(b, u); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// All renditions have the same frames, key frames and time stamps, and each shows the frames' numbers in its own size, also where
// pictures are faulty; with a constant bit rate each fills its own.
func TestLadder(t *testing.T) {
	for _, constant := range []bool{false, true} {
		t.Run(fmt.Sprint("constant ", constant), func(t *testing.T) {
			t.Parallel()
			info := ffmpegInfo(media.FrameRate{Num: 30000, Den: 1001})
			info.Width, info.Height = 480, 270
			info.Ladder = []markers.Rendition{{Name: "320x180", Width: 320, Height: 180, Bitrate: 300_000}, {Name: "160x90", Width: 160, Height: 90, Bitrate: 200_000}}
			frames := 3 * info.FramesPerSegment
			black := fakePictures{frames + 3}
			tracks, _ := stretchOf(t, info, 1, frames, func(g *Generate) {
				g.Pictures = black
				if constant {
					g.Encode(encoder.Options{Width: info.Width, Height: info.Height, Rate: info.Rate, GOP: info.FramesPerSegment, Preset: "ultrafast",
						Bitrate: 500_000, Constant: true, BFrames: 2, PTSOrigin: info.PTSOrigin, Stall: time.Minute})
				}
			})
			for _, r := range append([]markers.Rendition{{Width: info.Width, Height: info.Height, Bitrate: 500_000}}, info.Ladder...) {
				units := tracks[r.Name]
				var stream []byte
				var shown []int64
				bytesOf := map[int64]int64{}
				for _, u := range units {
					if u.Key != (u.Frame%info.FramesPerSegment == 0) || u.PTS != info.Clock().PTS(u.Frame) || u.Track.Width != r.Width || u.Track.Height != r.Height {
						t.Errorf("%q: frame %d, key %v, PTS %d, %dx%d", r.Name, u.Frame, u.Key, u.PTS, u.Track.Width, u.Track.Height)
					}
					for _, nal := range u.NALs {
						stream = append(append(stream, 0, 0, 0, 1), nal...)
						bytesOf[u.Frame/info.FramesPerSegment] += int64(4 + len(nal))
					}
					shown = append(shown, u.Frame)
				}
				slices.Sort(shown)
				grey := soundtest.Run(t, stream, "ffmpeg", "-v", "error", "-xerror", "-f", "h264", "-i", "-", "-fps_mode", "passthrough", "-pix_fmt", "gray", "-f", "rawvideo", "-")
				size := r.Width * r.Height
				if int64(len(units)) != frames || len(grey) != len(units)*size {
					t.Fatalf("%q: %d units, %d bytes of pictures", r.Name, len(units), len(grey))
				}
				for i, n := range shown {
					picture := grey[i*size:][:size]
					code, ok := generator.ReadFrameCode(picture, r.Width, r.Width, r.Height)
					if want := info.FramesPerSegment + int64(i); n != want || ok == (n == black[0]) || ok && code != n {
						t.Errorf("%q: picture %d is frame %d and shows %d, %v", r.Name, i, n, code, ok)
					}
					if n == black[0] && slices.Max(picture) > 20 {
						t.Errorf("%q: frame %d is not black", r.Name, n)
					}
				}
				for msn, n := range bytesOf {
					if want := r.Bitrate / 8 * info.FramesPerSegment * info.Rate.Den / info.Rate.Num; constant && (n > want || n < want-want/200) {
						t.Errorf("%q: segment %d has %d bytes, want %d", r.Name, msn, n, want)
					}
				}
			}
		})
	}
}

// The sound's encoder is killed: its slot is given up, and all begin again with another, whose sound is whole from there on, with every beep
// at its sample.
func TestSoundEncoderKilled(t *testing.T) {
	dir := t.TempDir()
	pid, program := filepath.Join(dir, "pid"), filepath.Join(dir, "ffmpeg")
	if err := os.WriteFile(program, fmt.Appendf(nil, "#!/bin/sh\necho $$ >%s.new && mv %s.new %s && exec ffmpeg \"$@\"\n", pid, pid, pid), 0o755); err != nil {
		t.Fatal(err)
	}
	info := ffmpegInfo(media.FrameRate{Num: 30000, Den: 1001})
	info.Audio, info.FramesPerSegment, info.EventEvery = true, 20, 25
	info.Epoch = time.Now().Add(-time.Hour).UTC().Truncate(time.Millisecond)
	playlist, err := packager.New(packager.Options{Dir: filepath.Join(dir, "hls"), Channel: info, Window: 100, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	pacer, err := generator.NewPacer(info.Epoch, info.Rate, time.Now, pause.For)
	if err != nil {
		t.Fatal(err)
	}
	store, out := newFakeStore(t), make(chan stream.Unit, 100_000)
	live := &Live{Records: store, Pacer: pacer, KeepMarkers: time.Hour, Channel: Channel{
		Info: info, HLS: playlist, Outputs: []reader{sendTo(out)}, Store: store, Logger: slog.New(slog.DiscardHandler),
		Metrics: NewMetrics(prometheus.NewRegistry(), info.Name), Now: time.Now,
	}}
	live.Encode(encoder.Options{Width: info.Width, Height: info.Height, Rate: info.Rate, GOP: info.FramesPerSegment, Preset: "ultrafast",
		Bitrate: 500_000, PTSOrigin: info.PTSOrigin, Stall: time.Minute})
	live.Sound = func() (soundProcess, error) {
		return encoder.NewSound(encoder.SoundOptions{FFmpeg: program, Bitrate: SoundBitrate, Origin: 48000, Rendition: markers.SoundRendition, Stall: time.Minute})
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- live.Run(ctx) }()
	tracks := map[string][]media.Unit{}
	take := func(u stream.Unit) { tracks[rendition(&u.Unit)] = append(tracks[rendition(&u.Unit)], u.Unit) }
	until := func(frames int) {
		for len(tracks[""]) < frames {
			select {
			case u := <-out:
				take(u)
			case <-time.After(time.Minute):
				t.Fatal("no units come")
			}
		}
	}
	until(50)
	text, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || testunix.Send(id, testunix.Kill) != nil {
		t.Fatal(err)
	}
	until(130)
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for len(out) > 0 {
		take(<-out)
	}

	missing, err := store.Journal.Missing(t.Context(), "main", markers.Range{})
	if err != nil || !slices.ContainsFunc(missing, func(m markers.MissingRecord) bool {
		return m.Reason == markers.ReasonEncoder && strings.HasPrefix(m.Detail, "encoder of the sound: ") && strings.Contains(m.Detail, "signal: killed")
	}) {
		t.Errorf("missing %+v, %v", missing, err)
	}
	segments, err := store.Journal.Segments(t.Context(), "main", markers.Range{})
	if err != nil || len(segments) < 3 {
		t.Fatalf("segments %+v, %v", segments, err)
	}
	sound := tracks[markers.SoundRendition]
	for _, s := range segments {
		for at := whole(info.Rate.Sample(s.FirstFrame)); at < info.Rate.Sample(s.LastFrame+1); at += aac.UnitSamples {
			if !slices.ContainsFunc(sound, func(u media.Unit) bool { return u.Frame == at }) {
				t.Errorf("segment %d was published without the unit of sample %d", s.MSN, at)
			}
		}
	}
	known, err := store.Journal.Markers(t.Context(), "main", markers.Range{})
	if err != nil {
		t.Fatal(err)
	}
	runs := 0
	for len(sound) > 0 {
		n := 1
		for n < len(sound) && sound[n].Frame == sound[n-1].Frame+aac.UnitSamples {
			n++
		}
		var beeps []generator.Beep
		for _, m := range known {
			// What the run that was killed still had may be missing, and its marker be that of the next one.
			if b := (generator.Beep{First: m.Sample.Value, End: m.LastSample.Value + 1}); b.End <= sound[n-1].Frame+aac.UnitSamples || n == len(sound) {
				beeps = append(beeps, b)
			}
		}
		soundtest.Check(t, adts(t, sound[:n]), "aac", sound[0].Frame, beeps...)
		sound, runs = sound[n:], runs+1
	}
	if runs < 2 {
		t.Errorf("the sound is in %d pieces", runs)
	}
}

// sendTo is a reader that passes units on.
type sendTo chan<- stream.Unit

func (s sendTo) Write(u stream.Unit) error {
	s <- u
	return nil
}
