package outputs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"

	"github.com/refstream/refstream/markers"
)

// HLSRelay is a relay to ffmpeg's own hls muxer: index.m3u8 and its segments in dir, which is made. Each segment is one of
// the channel's, one GOP long, and as many are listed as the channel's window has; as many more are kept until they are
// deleted. Files appear under their names when they are whole. segmentType is mpegts or fmp4. Time stamps are the stream's.
//
// A run of ffmpeg that follows another one, also after a restart of the service, goes on with the list that is there and
// its numbers, which count segments written and are not the channel's media sequence numbers. The muxer writes neither
// date-times, because its are those of the machine, nor the number of discontinuities.
func HLSRelay(dir, segmentType string, c markers.Channel) (RelaySpec, error) {
	ext, more := ".ts", tsOptions("-hls_segment_options", tsSegmentOptions)
	switch segmentType {
	case "mpegts":
	case "fmp4":
		ext, more = ".m4s", videoOptions("-hls_fmp4_init_filename", "init.mp4", "-hls_segment_options", mp4SegmentOptions)
	default:
		return RelaySpec{}, fmt.Errorf("HLS relay: segment type %q is not known: use mpegts or fmp4", segmentType)
	}
	if err := checkPreset(dir, c); err != nil {
		return RelaySpec{}, fmt.Errorf("HLS relay: %w", err)
	}
	list := filepath.Join(dir, "index.m3u8")
	return RelaySpec{
		Name: shown(list), output: list, dir: dir, muxer: "hls", fmp4: segmentType == "fmp4",
		options: append(more, "-hls_segment_type", segmentType, "-hls_time", segmentSeconds(c),
			"-hls_list_size", fmt.Sprint(c.Window), "-hls_delete_threshold", fmt.Sprint(c.Window),
			"-hls_segment_filename", filepath.Join(dir, "seg-%08d"+ext),
			"-hls_flags", "append_list+delete_segments+omit_endlist+temp_file"),
	}, nil
}

// DASHRelay is a relay to ffmpeg's dash muxer: manifest.mpd and its segments in dir, which is made. Segments, window and
// whole files are as with HLSRelay. Time counts from the DTS of the unit that the run of ffmpeg began with, because the
// muxer's manifests can't say that it begins elsewhere; the names of the run's files hold that DTS in ticks, so that runs
// don't write over each other's. The files of the run before are deleted at the start of the next one but one.
func DASHRelay(dir string, c markers.Channel) (RelaySpec, error) {
	if err := checkPreset(dir, c); err != nil {
		return RelaySpec{}, fmt.Errorf("DASH relay: %w", err)
	}
	manifest := filepath.Join(dir, "manifest.mpd")
	return RelaySpec{
		Name: shown(manifest), output: manifest, dir: dir, muxer: "dash",
		options: videoOptions("-tag:v", "avc1", "-format_options", mp4SegmentOptions, "-use_timeline", "1", "-use_template", "1",
			"-init_seg_name", "init-"+startMark+"-$RepresentationID$.m4s",
			"-media_seg_name", "chunk-"+startMark+"-$RepresentationID$-$Number%08d$.m4s",
			"-seg_duration", segmentSeconds(c), "-window_size", fmt.Sprint(c.Window), "-extra_window_size", fmt.Sprint(c.Window)),
	}, nil
}

// mp4SegmentOptions are those of the MP4 muxer within another one. With frag_discont the first time is told as well.
const mp4SegmentOptions = "movflags=+frag_discont:video_track_timescale=90000"

// checkPreset checks what the presets need. ffmpeg would take a folder's name for a pattern or an address.
func checkPreset(dir string, c markers.Channel) error {
	switch {
	case dir == "":
		return errors.New("no folder is named")
	case regexp.MustCompile(`[%$:?]|^-`).MatchString(dir):
		return fmt.Errorf("folder %q: ffmpeg can't take a name with one of %%$:? or with - at its beginning", dir)
	case c.Rate.Num <= 0 || c.Rate.Den <= 0 || c.FramesPerSegment <= 0 || c.Window <= 0:
		return errors.New("the channel has no frame rate, segment length or window")
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() || errors.Is(err, syscall.ENOTDIR) {
		return fmt.Errorf("%q is, or lies in, a file: name a folder", dir)
	}
	return nil
}

// segmentSeconds is the segment length for ffmpeg, in seconds: half a frame less than it is, so that its rounding can't
// make it longer and miss the key frame.
func segmentSeconds(c markers.Channel) string {
	micros := (2*c.FramesPerSegment - 1) * c.Rate.Den * 1e6 / (2 * c.Rate.Num)
	return fmt.Sprintf("%d.%06d", micros/1e6, micros%1e6)
}

// removeLeftovers deletes the segments in a folder of DASH of all runs but the newest. What it can't delete stays.
func removeLeftovers(dir string) {
	name := regexp.MustCompile(`^(?:init|chunk)-(-?\d+)-.*\.m4s(?:\.tmp)?$`)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	runs := map[int64][]string{}
	var newest, run int64
	for _, e := range entries {
		match := name.FindStringSubmatch(e.Name())
		if match == nil {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue
		}
		start, err := strconv.ParseInt(match[1], 10, 64)
		if err != nil {
			continue
		}
		runs[start] = append(runs[start], e.Name())
		if t := info.ModTime().UnixNano(); t >= newest {
			newest, run = t, start
		}
	}
	for start, names := range runs {
		if start == run {
			continue
		}
		for _, n := range names {
			os.Remove(filepath.Join(dir, n))
		}
	}
}
