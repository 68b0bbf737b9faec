package clips

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/scenario"
)

// TestConstantRate writes clips at constant bit rates: ffprobe counts the bytes of each segment's pictures within 1 % of the rate,
// its parser of NAL units finds the filler data well formed, and without it ffmpeg decodes the same pictures.
//
// BANDWIDTH and AVERAGE-BANDWIDTH are those of the files, where the sound has its own the sum of both.
func TestConstantRate(t *testing.T) {
	t.Parallel()
	for bitrate, c := range map[int64]struct {
		noise   int
		segment time.Duration
	}{500_000: {0, time.Second / 2}, 3_000_000: {12, time.Second}, 8_000_000: {0, 2 * time.Second}, 20_000_000: {0, time.Second / 2}} {
		if testing.Short() && bitrate != 500_000 && bitrate != 3_000_000 {
			continue
		}
		noise, segment := c.noise, c.segment
		t.Run(fmt.Sprint(bitrate), func(t *testing.T) {
			t.Parallel()
			s := scenario.DefaultSettings()
			s.Width, s.Height, s.Rate, s.Segment, s.Noise = 320, 180, media.FrameRate{Num: 30, Den: 1}, segment, noise
			s.Audio = true
			s.Epoch, s.Seed = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 1
			c, err := s.Channel()
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "out")
			_, err = Write(t.Context(), dir, Options{
				Channel: c, Frames: 3 * c.FramesPerSegment, Containers: packager.Containers(), Formats: []string{"ts"},
				Encoder: encoder.Options{
					Width: c.Width, Height: c.Height, Rate: c.Rate, GOP: c.FramesPerSegment, Bitrate: bitrate, Constant: true, BFrames: 2, PTSOrigin: c.PTSOrigin,
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			perSecond := func(bytes int) int64 { // bit/s of what lasts a segment, rounded up
				return (int64(bytes)*8*30 + c.FramesPerSegment - 1) / c.FramesPerSegment
			}
			var inTS, inFMP4, sound []int // bytes of the segments
			for msn := range int64(3) {
				name := filepath.Join(dir, packager.TS.SegmentFile(msn))
				got := 0
				for _, size := range strings.Fields(output(t, "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=size", "-of", "csv=p=0", name)) {
					n, err := strconv.Atoi(strings.Trim(size, ","))
					if err != nil {
						t.Fatal(err)
					}
					got += n
				}
				if want := int(bitrate / 8 * c.FramesPerSegment / 30); got < want*99/100 || got > want*101/100 {
					t.Errorf("segment %d has %d bytes of pictures, want %d", msn, got, want)
				}
				// The same bytes but for delimiters and parameter sets, in a box that no reader looks into.
				fmp4 := fileSize(t, filepath.Join(dir, packager.FMP4.SegmentFile(msn)))
				if fmp4 < got*98/100 || fmp4 > got*104/100 {
					t.Errorf("segment %d has %d bytes in fMP4 and %d of pictures", msn, fmp4, got)
				}
				inTS, inFMP4 = append(inTS, fileSize(t, name)), append(inFMP4, fmp4)
				sound = append(sound, fileSize(t, filepath.Join(dir, packager.FMP4.RenditionFile(markers.SoundRendition, msn))))
			}
			mean := func(bytes []int) int64 { return perSecond((bytes[0] + bytes[1] + bytes[2] + 2) / 3) }
			for master, files := range map[string][][]int{"master.m3u8": {inTS}, "master-fmp4.m3u8": {inFMP4, sound}} {
				var peak, average, together int64
				for _, list := range files {
					peak, average = peak+perSecond(slices.Max(list)), average+mean(list)
				}
				for i := range 3 {
					bytes := 0
					for _, list := range files {
						bytes += list[i]
					}
					together = max(together, perSecond(bytes))
				}
				var got [2]int64
				text, err := os.ReadFile(filepath.Join(dir, master))
				if _, stated, _ := strings.Cut(string(text), "STREAM-INF:"); err == nil {
					_, err = fmt.Sscanf(stated, "BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d", &got[0], &got[1])
				}
				// The files of a slot together come near the peaks of both.
				if err != nil || got[0] != peak || got[1] > average || got[1] < average-100 || together > peak || together < peak*98/100 {
					t.Errorf("%s says %d, want peak %d, mean %d; a slot has up to %d (%v)", master, got, peak, average, together, err)
				}
			}
			file := filepath.Join(dir, "stream.ts")
			if noise > 0 { // there is little of it: each byte makes a line
				trace := output(t, "ffmpeg", "-i", file, "-map", "0:v", "-c", "copy", "-bsf:v", "trace_headers", "-f", "null", "-")
				if strings.Count(trace, "Filler Data") < 3 || strings.Contains(trace, "rror") {
					t.Errorf("trace_headers: %d NAL units of filler data\n%.2000s", strings.Count(trace, "Filler Data"), trace)
				}
			}
			bare := filepath.Join(dir, "bare.ts")
			output(t, "ffmpeg", "-v", "error", "-i", file, "-map", "0:v", "-c", "copy", "-bsf:v", "filter_units=remove_types=12", bare)
			decoded := func(name string) string {
				return output(t, "ffmpeg", "-v", "error", "-i", name, "-map", "0:v", "-f", "framemd5", "-")
			}
			if want := decoded(bare); decoded(file) != want || strings.Count(want, "\n") < int(3*c.FramesPerSegment) || fileSize(t, bare) >= fileSize(t, file) {
				t.Error("with filler data it decodes to other pictures")
			}
			if got := decoded(filepath.Join(dir, "index-fmp4.m3u8")); strings.Count(got, "\n") != strings.Count(decoded(bare), "\n") {
				t.Errorf("fMP4 decodes to %s", got)
			}
		})
	}
}

func fileSize(t *testing.T, name string) int {
	t.Helper()
	i, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return int(i.Size())
}

// output is what a program prints on both of its outputs.
func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, args, err, out)
	}
	return string(out)
}
