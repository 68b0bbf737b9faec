package mp4

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/codec/h264"
)

// TestFFmpeg reads files of all kinds that ffmpeg makes, as a file and as a stream that can't seek, and compares each
// sample with what ffprobe says, and the byte stream with the one that ffmpeg makes.
func TestFFmpeg(t *testing.T) {
	t.Parallel()
	// Where offsets from decoding to presentation are negative, ffmpeg moves DTS back in files with an index, so that they
	// are before PTS, and PTS forward in fragments, away from what the file says: by the longest of them, two pictures.
	moved := map[string][2]int64{"negative CTTS": {0, 2002}, "CMAF": {-2002, 0}}
	for name, args := range map[string][]string{
		"index at the end":      {},
		"index at the start":    {"-movflags", "faststart"},
		"no B-frames":           {"-bf", "0", "-movflags", "faststart"},
		"timescale 1000":        {"-video_track_timescale", "1000"},
		"25 fps":                {"-r", "25"},
		"several slices":        {"-x264-params", "slices=4"},
		"interlaced":            {"-x264-params", "tff=1"},
		"fragments":             {"-movflags", "frag_keyframe+empty_moov"},
		"fragments, moof bases": {"-movflags", "frag_keyframe+empty_moov+default_base_moof"},
		"fragments, edit list":  {"-movflags", "frag_keyframe+delay_moov+default_base_moof"},
		"CMAF":                  {"-an", "-movflags", "cmaf"},
		"DASH":                  {"-movflags", "dash", "-frag_duration", "500000"},
		"first one in moov":     {"-movflags", "frag_keyframe"},
		"starts late":           {"-output_ts_offset", "2.5"},
		"negative CTTS":         {"-movflags", "negative_cts_offsets"},
		"avc3":                  {"-tag:v", "avc3", "-x264-params", "repeat-headers=1", "-flags:v", "-global_header", "-an"},
		"video alone":           {"-an"},
		"QuickTime":             {"-f", "mov"},
	} {
		if testing.Short() && !slices.Contains([]string{"timescale 1000", "several slices", "fragments", "CMAF", "first one in moov",
			"negative CTTS", "avc3", "QuickTime"}, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := make3s(t, "a.mp4", args...)
			packets := probe(t, path)
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			units := readAll(t, NewReader(f))
			compare(t, units, packets, moved[name][0], moved[name][1])
			stream := readAll(t, NewReader(onlyReader{bytes.NewReader(mustRead(t, path))}))
			compare(t, stream, packets, moved[name][0], moved[name][1])

			// ffmpeg puts parameter sets after SEI, where they come too late (H.264, 7.4.1.2.3): the order of the others counts.
			want := h264.SplitAnnexB(run(t, ".", "ffmpeg", "-v", "error", "-i", path, "-map", "0:v:0", "-c", "copy",
				"-bsf:v", "h264_mp4toannexb", "-f", "h264", "-"))
			var got [][]byte
			for _, u := range units {
				got = append(got, u.NALs...)
			}
			want, wantSets := withoutSets(want)
			got, gotSets := withoutSets(got)
			if gotSets != wantSets {
				t.Errorf("%d parameter sets, ffmpeg has %d", gotSets, wantSets)
			}
			for i := range max(len(got), len(want)) {
				if i >= len(got) || i >= len(want) || !bytes.Equal(got[i], want[i]) {
					t.Fatalf("NAL unit %d of %d is not ffmpeg's of %d: %s, %s", i, len(got), len(want), kinds(got, i), kinds(want, i))
				}
			}
		})
	}
}

// withoutSets takes the parameter sets out, and says how many there were.
func withoutSets(nals [][]byte) (rest [][]byte, sets int) {
	for _, n := range nals {
		if kind := h264.TypeOf(n); kind == h264.NALSPS || kind == h264.NALPPS {
			sets++
		} else {
			rest = append(rest, n)
		}
	}
	return rest, sets
}

// kinds are the types of some NAL units.
func kinds(nals [][]byte, from int) string {
	var b strings.Builder
	for _, n := range nals[min(from, len(nals)):min(from+5, len(nals))] {
		fmt.Fprintf(&b, "%v (%d) ", h264.TypeOf(n), len(n))
	}
	return b.String()
}

// TestSegments reads HLS segments with their initialization section.
func TestSegments(t *testing.T) {
	t.Parallel()
	path := make3s(t, "index.m3u8", "-f", "hls", "-hls_segment_type", "fmp4", "-hls_time", "1", "-hls_list_size", "0")
	dir := filepath.Dir(path)
	init := mustRead(t, filepath.Join(dir, "init.mp4"))
	names, _ := filepath.Glob(filepath.Join(dir, "*.m4s"))
	if len(names) != 3 {
		t.Fatalf("segments: %q", names)
	}
	for _, name := range names {
		segment := mustRead(t, name)
		whole := name + ".mp4"
		if err := os.WriteFile(whole, append(bytes.Clone(init), segment...), 0o600); err != nil {
			t.Fatal(err)
		}
		units := readAll(t, NewSegmentReader(init, bytes.NewReader(segment)))
		for i := range units {
			units[i].Offset += int64(len(init))
		}
		compare(t, units, probe(t, whole), 0, 0)
		if !units[0].Key || h264.TypeOf(units[0].NALs[0]) != h264.NALSPS {
			t.Errorf("%s begins with %s", name, kinds(units[0].NALs, 0))
		}
	}
}
