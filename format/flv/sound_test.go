package flv

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/internal/soundtest"
	"github.com/refstream/refstream/media"
)

// TestSound muxes video and sound: ffprobe has the times of both to the millisecond, and what ffmpeg decodes begins at its sample.
func TestSound(t *testing.T) {
	t.Parallel()
	c := clockOf(25, 1, 25)
	beeps := []generator.Beep{{First: 5000, End: 20_000}, {First: 77_777, End: 100_000}}
	sound := soundtest.Units(t, 0, 188, beeps...)
	video := encode(t, c, 0, 100, 2, "160x90")
	m := NewMuxer(Options{Rate: c.Rate, Sound: sound[0].Track})
	var b bytes.Buffer
	w := NewWriter(&b)
	w.SetSound()
	rest := sound
	for i, u := range video {
		chunk, err := m.Unit(u.Unit, u.scripts())
		if err != nil {
			t.Fatal(err)
		}
		tags := chunk.Tags
		if i == 0 {
			tags = append(chunk.Head, tags...)
		}
		for len(rest) > 0 && rest[0].PTS*15/8 <= u.DTS {
			chunk, err := m.Unit(rest[0], Scripts{})
			if err != nil || len(chunk.Head) > 0 {
				t.Fatal(chunk.Head, err)
			}
			tags, rest = append(tags, chunk.Tags...), rest[1:]
		}
		if err := w.Write(tags...); err != nil {
			t.Fatal(err)
		}
	}
	sound = sound[:len(sound)-len(rest)]
	path := t.TempDir() + "/sound.flv"
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	got := probe(t, path)
	if len(got["audio"]) != len(sound) || len(got["video"]) != len(video) {
		t.Fatalf("ffprobe: %d units of sound and %d of video, want %d and %d", len(got["audio"]), len(got["video"]), len(sound), len(video))
	}
	for i, p := range got["audio"] {
		if p.PTS != (sound[i].PTS+24)/48 || !bytes.Equal(p.bytes(t), sound[i].Sound) {
			t.Fatalf("unit %d: ffprobe has %d ms, want %d", i, p.PTS, (sound[i].PTS+24)/48)
		}
	}
	if len(demux(t, b.Bytes())) != len(video) {
		t.Error("units of video are missing")
	}
	soundtest.Check(t, b.Bytes(), "flv", 0, beeps...)
	_, args, err := ParseScript(m.metadata)
	if get := propertiesOf(args); err != nil {
		t.Error(err)
	} else if has, _ := get("hasAudio"); has != true {
		t.Errorf("hasAudio is %v", has)
	}
}

func TestSoundErrors(t *testing.T) {
	good := soundtest.Units(t, 0, 1)[0]
	rate := media.FrameRate{Num: 25, Den: 1}
	empty, other := good, good
	empty.Sound, other.Track = nil, &media.Track{Codec: media.AAC, Timescale: 44100}
	for want, c := range map[string]struct {
		o Options
		u media.Unit
	}{
		"no track of sound": {Options{Rate: rate}, good},
		"0 bytes":           {Options{Rate: rate, Sound: good.Track}, empty},
		"another track":     {Options{Rate: rate, Sound: good.Track}, other},
	} {
		if chunk, err := NewMuxer(c.o).Unit(c.u, Scripts{}); err == nil || !strings.Contains(err.Error(), want) || chunk.Size() > 0 {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
