package mp4

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/internal/soundtest"
	"github.com/refstream/refstream/media"
)

// TestSound writes a track of sound, a day after the epoch: ffprobe has the time of each unit, and what ffmpeg decodes begins at its
// sample.
func TestSound(t *testing.T) {
	t.Parallel()
	const first = 26 * 3600 * 48000 / 1024 * 1024
	beeps := []generator.Beep{{First: first + 3333, End: first + 20_000}, {First: first + 70_007, End: first + 90_000}}
	units := soundtest.Units(t, first, 190, beeps...)
	file, err := Init(units[0].Track)
	if err != nil {
		t.Fatal(err)
	}
	var s Segment
	for n, part := range slices.Collect(slices.Chunk(units, 94)) {
		s.Reset(int64(n))
		for _, u := range part {
			if err := s.AddUnit(u); err != nil {
				t.Fatal(err)
			}
		}
		if file, err = s.Append(file, part[len(part)-1].PTS+1024); err != nil {
			t.Fatal(err)
		}
	}
	out := soundtest.Run(t, file, "ffprobe", "-v", "error", "-show_packets", "-show_streams", "-of", "json", "-f", "mp4", "-")
	var doc struct {
		Streams []struct {
			Tag      string `json:"codec_tag_string"`
			Profile  string
			Rate     string `json:"sample_rate"`
			Base     string `json:"time_base"`
			Channels int
		}
		Packets []struct {
			PTS, DTS, Duration int64
			Flags              string
		}
	}
	if err := json.Unmarshal(out, &doc); err != nil || len(doc.Streams) != 1 || len(doc.Packets) != len(units) {
		t.Fatalf("ffprobe: %v, %d streams, %d packets", err, len(doc.Streams), len(doc.Packets))
	}
	if s := doc.Streams[0]; s.Tag != "mp4a" || s.Profile != "LC" || s.Rate != "48000" || s.Base != "1/48000" || s.Channels != 2 {
		t.Errorf("ffprobe: %+v", s)
	}
	for i, p := range doc.Packets {
		if p.PTS != units[i].PTS || p.DTS != units[i].PTS || i > 0 && p.Duration != 1024 || p.Flags[0] != 'K' { // ffprobe has none of the first
			t.Fatalf("unit %d: ffprobe has %+v, want PTS %d", i, p, units[i].PTS)
		}
	}
	soundtest.Check(t, file, "mp4", first, beeps...)
	if _, err := Init(&media.Track{Codec: media.AAC}); err == nil {
		t.Error("an initialization section without AudioSpecificConfig")
	}
}
