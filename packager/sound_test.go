package packager

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/internal/soundtest"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

// TestSound publishes real pictures in two sizes and real sound, and has other readers take it apart: every time stamp is that of the
// ledger, each unit of sound is in one segment, and the sound decodes to the samples that it was made of.
func TestSound(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		rate    media.FrameRate
		bframes int
		wrap    bool
	}{{ntsc, 2, false}, {pal, 0, true}, {media.FrameRate{Num: 60000, Den: 1001}, 3, true}} {
		t.Run(fmt.Sprintf("%v-%d-%v", tc.rate, tc.bframes, tc.wrap), func(t *testing.T) {
			if testing.Short() && tc.rate.Base() == 60 {
				return
			}
			t.Parallel()
			const slots = 3
			ch := testChannel(tc.rate, 2*tc.rate.Base())
			ch.Audio, ch.Ladder = true, []markers.Rendition{{Name: "96x54"}}
			c := ch.Clock()
			first := int64(3)
			if tc.wrap {
				n, _ := tc.rate.FrameAtTicks(1<<33 - markers.PTSOrigin)
				first = c.MSN(n) - 1
			}
			n, frames := c.FirstFrame(first), slots*ch.FramesPerSegment
			from := (c.Rate.Sample(n) + 1023) / 1024 * 1024
			beeps := []generator.Beep{{First: from + 5000, End: from + 30_000}, {First: from + 100_001, End: from + 150_000}}
			sound := soundtest.Units(t, from, int((c.Rate.Sample(n+frames)-from+1023)/1024), beeps...)
			a, b := encode(t, c, n, frames, tc.bframes), ofRung(encodeSize(t, c, "96x54", n, frames, tc.bframes), "96x54")
			dir := t.TempDir()
			w := mustNew(t, trackedOptions(dir, ch, 0, TS, FMP4))
			recs, errs := writeAll(w, merge(a, b, sound))
			if _, err := w.Close(); err != nil || len(errs) > 0 || len(recs) != slots {
				t.Fatalf("%d records, %v, %v", len(recs), errs, err)
			}
			for name, units := range map[string][]media.Unit{
				"index.m3u8": a, "index-96x54.m3u8": b, "index-fmp4.m3u8": a, "index-96x54-fmp4.m3u8": b,
			} {
				var want []probed
				for _, u := range units {
					want = append(want, probed{u.PTS & media.PTSMask, u.Key})
				}
				slices.SortFunc(want, func(a, b probed) int { return int((a.pts-b.pts+1<<32)&media.PTSMask - 1<<32) })
				if got := probe(t, filepath.Join(dir, name)); !slices.Equal(got, want) {
					t.Errorf("%s: ffprobe reads %d frames, want %d", name, len(got), len(want))
				}
			}
			var ticks, samples []int64
			for _, u := range sound {
				ticks, samples = append(ticks, u.PTS*15/8&media.PTSMask), append(samples, u.PTS&media.PTSMask)
			}
			for name, pts := range map[string][]int64{"index.m3u8": ticks, "index-96x54.m3u8": ticks, "master-fmp4.m3u8": samples} {
				if got := soundPackets(t, filepath.Join(dir, name)); !slices.Equal(got, pts) {
					t.Errorf("%s: ffprobe reads %d units of sound from %v, want %d from %v", name, len(got), got[:min(3, len(got))], len(pts), pts[:3])
				}
			}
			if sizes := resolutions(t, filepath.Join(dir, "master.m3u8")); sizes != "160x90 96x54" {
				t.Errorf("ffprobe finds pictures of %s", sizes)
			}
			checkSoundBoxes(t, dir, recs, sound)
			var inTS, inFMP4 []byte
			for i, r := range recs {
				inTS = append(inTS, readFile(t, dir, r.URI)...)
				for _, f := range soundFiles(r) {
					if i == 0 {
						inFMP4 = []byte(readFile(t, dir, f.Init))
					}
					inFMP4 = append(inFMP4, readFile(t, dir, f.URI)...)
				}
			}
			soundtest.Check(t, inTS, "mpegts", from, beeps...)
			soundtest.Check(t, inFMP4, "mp4", from, beeps...)
			checkBandwidth(t, dir, recs, c)
		})
	}
}

func soundFiles(r markers.SegmentRecord) (list []markers.RenditionFile) {
	return slices.DeleteFunc(slices.Clone(r.Renditions), func(f markers.RenditionFile) bool { return f.Name != markers.SoundRendition })
}

// soundPackets are the PTS of the units of sound that ffprobe reads.
func soundPackets(t *testing.T, path string) (list []int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	out := run(ctx, t, "ffprobe", "-v", "fatal", "-select_streams", "a", "-show_entries", "packet=pts", "-of", "csv=p=0", path)
	r := csv.NewReader(bytes.NewReader(out))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		pts, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, pts&media.PTSMask)
	}
	return list
}

// resolutions are the sizes of pictures that ffprobe finds, with the sound in each program.
func resolutions(t *testing.T, path string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	out := run(ctx, t, "ffprobe", "-v", "fatal", "-select_streams", "v", "-show_entries", "stream=width,height", "-of", "csv=p=0:s=x", path)
	var list []string
	for size := range strings.FieldsSeq(string(out)) {
		if size = strings.Trim(size, "x"); !slices.Contains(list, size) {
			list = append(list, size)
		}
	}
	return strings.Join(list, " ")
}

// checkSoundBoxes reads the sound's fragmented MP4 with mp4box.js.
func checkSoundBoxes(t *testing.T, dir string, recs []markers.SegmentRecord, units []media.Unit) {
	t.Helper()
	var names []string
	for _, r := range recs {
		for _, f := range soundFiles(r) {
			if len(names) == 0 {
				names = append(names, filepath.Join(dir, f.Init))
			}
			names = append(names, filepath.Join(dir, f.URI))
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	var got boxes
	if err := json.Unmarshal(run(ctx, t, "node", append([]string{"testdata/boxes.mjs"}, names...)...), &got); err != nil {
		t.Fatal(err)
	}
	if got.Codec != "mp4a.40.2" || got.Timescale != 48000 || got.Edits || len(got.Samples) != len(units) || len(got.Events) > 0 {
		t.Fatalf("mp4box.js: %s, timescale %d, edits %v, %d samples, want %d", got.Codec, got.Timescale, got.Edits, len(got.Samples), len(units))
	}
	for i, s := range got.Samples {
		if s.PTS != units[i].PTS || s.DTS != s.PTS || s.Duration != 1024 || !s.Key {
			t.Fatalf("mp4box.js: sample %d: %+v, want PTS %d", i, s, units[i].PTS)
		}
	}
}

// checkBandwidth compares the multivariant playlists of a VOD with its files.
func checkBandwidth(t *testing.T, dir string, recs []markers.SegmentRecord, c markers.Clock) {
	t.Helper()
	files := func(suffix, rendition string) (peak, average int64) {
		total := int64(0)
		for _, r := range recs {
			list := append([]markers.RenditionFile{{SegmentFile: markers.SegmentFile{URI: r.URI, Bytes: r.Bytes}}, {SegmentFile: r.Also}}, r.Renditions...)
			for _, f := range list {
				if f.Name == rendition && strings.HasSuffix(f.URI, suffix) {
					total += f.Bytes
					peak = max(peak, bitrate(c, f.Bytes))
				}
			}
		}
		return peak, ceilDiv(8*total*c.Rate.Num, int64(len(recs))*c.FramesPerSegment*c.Rate.Den)
	}
	soundPeak, soundAverage := files(".m4s", markers.SoundRendition)
	for master, suffix := range map[string]string{"master.m3u8": ".ts", "master-fmp4.m3u8": ".m4s"} {
		p, err := m3u8.Parse(strings.NewReader(readFile(t, dir, master)))
		if err != nil || p.Multivariant == nil || len(p.Multivariant.Variants) != 2 || len(p.Warnings) > 0 {
			t.Fatalf("%s: %v", master, err)
		}
		m, second := p.Multivariant, ""
		if suffix == ".m4s" {
			second = "-fmp4"
			if r := m.Renditions; len(r) != 1 || r[0].Type != "AUDIO" || r[0].URI != "index-audio-fmp4.m3u8" || !r[0].Default || !r[0].Autoselect {
				t.Errorf("%s: %+v", master, r)
			}
		} else if len(m.Renditions) > 0 {
			t.Errorf("%s: %+v", master, m.Renditions)
		}
		for i, name := range []string{"", "96x54"} {
			v, uri, size, group := m.Variants[i], "index"+second+".m3u8", "160x90", ""
			if name != "" {
				uri, size = "index-96x54"+second+".m3u8", name
			}
			peak, average := files(suffix, name)
			if suffix == ".m4s" {
				peak, average, group = peak+soundPeak, average+soundAverage, m.Renditions[0].GroupID
			}
			if v.Bandwidth != peak || v.AverageBandwidth != average || v.URI != uri || fmt.Sprintf("%dx%d", v.Width, v.Height) != size || v.Audio != group ||
				!strings.HasPrefix(v.Codecs, "avc1.") || !strings.HasSuffix(v.Codecs, ",mp4a.40.2") || v.FrameRate == "" {
				t.Errorf("%s: %+v, want bandwidth %d, average %d", master, v, peak, average)
			}
		}
	}
}

// TestSoundAfterGap abandons a slot: the sound before and after the gap is as it was made.
func TestSoundAfterGap(t *testing.T) {
	t.Parallel()
	ch := testChannel(ntsc, 60)
	ch.Audio = true
	c := ch.Clock()
	dir := t.TempDir()
	w := mustNew(t, trackedOptions(dir, ch, 10, TS))
	var want []int64
	for _, run := range [][2]int64{{5, 6}, {8, 9}} {
		n, frames := c.FirstFrame(run[0]), (run[1]-run[0]+1)*60
		from := (c.Rate.Sample(n) + 1023) / 1024 * 1024
		sound := soundtest.Units(t, from, int((c.Rate.Sample(n+frames)-from+1023)/1024))
		for _, u := range sound {
			if u.Frame < c.Rate.Sample(c.FirstFrame(run[1])) { // the last slot is given up
				want = append(want, u.PTS*15/8)
			}
		}
		for _, u := range merge(encode(t, c, n, frames-1, 2), sound) {
			if _, err := w.Write(stream.Unit{Unit: u}); err != nil {
				t.Fatal(err)
			}
		}
		w.Abandon()
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := soundPackets(t, filepath.Join(dir, MediaPlaylist)); !slices.Equal(got, want) {
		t.Errorf("ffprobe reads %d units of sound, want %d", len(got), len(want))
	}
}
