package packager

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

const probeTimeout = 60 * time.Second

// encode makes a real H.264 stream with ffmpeg and numbers its access units from frame first on.
func encode(t *testing.T, c markers.Clock, first, frames int64, bframes int) []media.Unit {
	t.Helper()
	return encodeSize(t, c, "160x90", first, frames, bframes)
}

func encodeSize(t *testing.T, c markers.Clock, size string, first, frames int64, bframes int) []media.Unit {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	gop := fmt.Sprint(c.FramesPerSegment)
	rate := fmt.Sprintf("%d/%d", c.Rate.Num, c.Rate.Den)
	out := run(ctx, t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size="+size+":rate="+rate,
		"-frames:v", fmt.Sprint(frames), "-c:v", "libx264", "-preset", "veryfast", "-threads", "1",
		"-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-bf", fmt.Sprint(bframes), "-flags", "+cgop",
		"-muxdelay", "0", "-muxpreload", "0", "-f", "mpegts", "-")
	var units []media.Unit
	r := ts.NewReader(bytes.NewReader(out))
	origin := int64(1) << 62
	for {
		au, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		origin = min(origin, au.PTS)
		units = append(units, au)
	}
	if int64(len(units)) != frames {
		t.Fatalf("ffmpeg made %d access units, want %d", len(units), frames)
	}
	for i := range units {
		au := &units[i]
		n, _ := c.Rate.FrameAtTicks(au.PTS - origin)
		delay := au.PTS - au.DTS
		au.Frame = first + n
		au.PTS = c.PTS(au.Frame)
		au.DTS = au.PTS - delay
	}
	return units
}

func run(ctx context.Context, t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(ctx, name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, stderr.String())
	}
	return out
}

// probed is one frame as ffprobe decoded it.
type probed struct {
	pts int64 // modulo 2^33
	key bool
}

func probe(t *testing.T, path string) (frames []probed) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	out := run(ctx, t, "ffprobe", "-v", "fatal", "-select_streams", "v", "-show_entries", "frame=key_frame,pts",
		"-of", "csv=p=0", path)
	// A frame with side data has a further, empty field.
	r := csv.NewReader(bytes.NewReader(out))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		pts, err := strconv.ParseInt(row[1], 10, 64)
		if err != nil {
			t.Fatalf("ffprobe: %v", err)
		}
		frames = append(frames, probed{pts & media.PTSMask, row[0] == "1"})
	}
	return frames
}

// TestFFprobe plays real H.264 through the playlist: every frame of the published slots is decoded, with its PTS, and
// none else; key frames begin the slots.
func TestFFprobe(t *testing.T) {
	t.Parallel()
	// The slot in which the PTS passes 2^33, after 26.5 hours less the origin of a second.
	c60, c25 := testChannel(ntsc, 60).Clock(), testChannel(pal, 25).Clock()
	wrap, _ := c25.Rate.FrameAtTicks(1<<33 - markers.PTSOrigin)
	for _, tc := range []struct {
		name    string
		clock   markers.Clock
		first   int64 // slot
		slots   int64
		bframes int
		skip    []int64
		master  bool
	}{
		{"29.97", c60, 0, 4, 2, nil, false},
		{"without B-frames, by the master", c60, 7, 3, 0, nil, true},
		{"gap", c25, 3, 6, 3, []int64{5, 6}, false},
		{"PTS wrap", c25, wrap/25 - 1, 4, 2, nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ch := testChannel(tc.clock.Rate, tc.clock.FramesPerSegment)
			w := mustNew(t, testOptions(dir, ch, 20))
			var want []probed
			for _, au := range encode(t, tc.clock, tc.clock.FirstFrame(tc.first), tc.slots*tc.clock.FramesPerSegment, tc.bframes) {
				if slices.Contains(tc.skip, tc.clock.MSN(au.Frame)) {
					continue
				}
				if _, err := w.Write(stream.Unit{Unit: au}); err != nil {
					t.Fatal(err)
				}
				want = append(want, probed{au.PTS, au.Key})
			}
			if _, err := w.Close(); err != nil {
				t.Fatal(err)
			}
			slices.SortFunc(want, func(a, b probed) int { return int(a.pts - b.pts) })
			path := filepath.Join(dir, MediaPlaylist)
			if tc.master {
				path = filepath.Join(dir, MultivariantPlaylist)
			}
			got := probe(t, path)
			for i := range max(len(got), len(want)) {
				if i >= len(got) || i >= len(want) || got[i] != (probed{want[i].pts & media.PTSMask, want[i].key}) {
					t.Fatalf("frame %d of %d, ffprobe found %d: %v", i, len(want), len(got), got[min(i, len(got)-1)])
				}
			}
			v := readVariant(t, dir)
			if v.Resolution != "160x90" || !strings.HasPrefix(v.Codecs, "avc1.64") {
				t.Errorf("%+v", v.VariantParams)
			}
		})
	}
}
