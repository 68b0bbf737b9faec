package ts

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/internal/soundtest"
	"github.com/refstream/refstream/media"
)

// TestSound packs video and sound, across the wrap of the time stamps too: the sound that ffmpeg decodes begins at its sample, and
// the video is as without.
func TestSound(t *testing.T) {
	video := readAll(t, NewReader(bytes.NewReader(makeStream(t, 100, "-bf", "2"))))
	for name, first := range map[string]int64{"from the epoch": 0, "across the wrap": ((1<<33-90000)/90000*48000 - 2*48000) / 1024 * 1024} {
		beeps := []generator.Beep{{First: first + 5000, End: first + 30_000}, {First: first + 100_001, End: first + 150_000}}
		sound := soundtest.Units(t, first, 190, beeps...)
		units := shift(video, 90000+first*15/8)
		all := slices.Concat(units, sound)
		ticks := func(u media.Unit) int64 {
			if u.Codec() == media.AAC {
				return u.DTS * 15 / 8
			}
			return u.DTS
		}
		slices.SortStableFunc(all, func(a, b media.Unit) int { return cmp.Compare(ticks(a), ticks(b)) })
		var b bytes.Buffer
		w := NewWriter(&b)
		w.SetSound()
		for _, u := range all {
			if err := w.WriteUnit(u); err != nil {
				t.Fatal(err)
			}
		}
		r := NewReader(bytes.NewReader(b.Bytes()))
		sameUnits(t, readAll(t, r), units)
		if s := r.Stats(); s.Gaps+s.Damaged > 0 {
			t.Errorf("%s: %+v", name, s)
		}
		if w := warnings(t, b.Bytes()); w != "" {
			t.Errorf("%s: ffmpeg: %s", name, w)
		}
		if decode(t, b.Bytes()) != decode(t, writeAll(t, units)) {
			t.Errorf("%s: the pictures differ", name)
		}
		out := run(t, b.Bytes(), "ffprobe", "-v", "error", "-select_streams", "a", "-show_packets", "-show_streams", "-of", "json", "-f", "mpegts", "-")
		var doc struct {
			Streams []struct {
				ID, Profile string
				Rate        string `json:"sample_rate"`
				Channels    int
			}
			Packets []struct {
				PTS      int64
				Duration int64
			}
		}
		if err := json.Unmarshal(out, &doc); err != nil || len(doc.Streams) != 1 || len(doc.Packets) != len(sound) {
			t.Fatalf("%s: ffprobe: %v, %d streams, %d packets", name, err, len(doc.Streams), len(doc.Packets))
		}
		if s := doc.Streams[0]; s.ID != "0x102" || s.Profile != "LC" || s.Rate != "48000" || s.Channels != 2 {
			t.Errorf("%s: ffprobe: %+v", name, s)
		}
		for i, p := range doc.Packets {
			if (p.PTS-sound[i].PTS*15/8)&media.PTSMask != 0 || p.Duration != 1920 {
				t.Fatalf("%s: unit %d: ffprobe has PTS %d, want %d", name, i, p.PTS, sound[i].PTS*15/8&media.PTSMask)
			}
		}
		soundtest.Check(t, b.Bytes(), "mpegts", first, beeps...)
	}
}

func TestSoundErrors(t *testing.T) {
	good := soundtest.Units(t, 0, 1)[0]
	other := good
	other.Track = &media.Track{Codec: media.AAC}
	empty := good
	empty.Sound = nil
	for want, u := range map[string]media.Unit{"no AudioSpecificConfig": other, "a unit of 0 bytes": empty} {
		m := NewMuxer()
		m.Sound = true
		if b, err := m.Unit(u); err == nil || !strings.Contains(err.Error(), want) || len(b) > 0 {
			t.Errorf("%d bytes, %v, want %q", len(b), err, want)
		}
	}
	if _, err := NewMuxer().Unit(good); err == nil || !strings.Contains(err.Error(), "the tables have no sound") {
		t.Error(err)
	}
}
