package mp4

import (
	"math"
	"slices"
	"strings"
)

// IsMP4 reports whether data begins as an MP4 file, segment or stream does.
func IsMP4(data []byte) bool {
	return len(data) >= boxHeaderSize && slices.Contains(strings.Fields(firstBoxes), string(data[4:boxHeaderSize]))
}

// Span is the time of a media segment (ISO/IEC 14496-12, 8.16.2): of the first track of video with samples in it, or else of audio.
// first is the smallest presentation time, end the end of the last sample, in 90 kHz ticks of the media's timeline, rounded down.
// ok is false if there is no such track, or a fragment can't be read.
func Span(initialization, segment []byte) (video bool, first, end int64, ok bool) {
	tracks := tracksOf(initialization)
	if len(tracks) == 0 {
		tracks = tracksOf(segment)
	}
	for _, handler := range []string{"vide", "soun"} {
		for _, t := range tracks {
			if t.handler != handler {
				continue
			}
			first, end, ok, err := t.span(segment)
			if err != nil {
				return false, 0, 0, false
			}
			if ok {
				return handler == "vide", ticks(first+t.shift, t.timescale), ticks(end+t.shift, t.timescale), true
			}
		}
	}
	return false, 0, 0, false
}

// topBoxes calls visit for each whole box of a file.
func topBoxes(file []byte, visit func(box) error) error {
	whole := box{whole: file}
	var failed error
	// A box that is cut off is ignored.
	_ = whole.children(-boxHeaderSize, func(b box) error {
		failed = visit(b)
		return failed
	})
	return failed
}

// tracksOf is the tracks of a file's index, none where that can't be read.
func tracksOf(file []byte) (tracks []*track) {
	_ = topBoxes(file, func(b box) (err error) {
		if b.kind == "moov" && tracks == nil {
			tracks, _, err = parseTracks(b)
		}
		return err
	})
	return tracks
}

// span is the track's, in its own units, in fragments with a decoding time: others continue another segment.
func (t *track) span(segment []byte) (first, end int64, ok bool, err error) {
	const unknown = -maxTime // no decoding time is below 0
	count := 0
	first, end = math.MaxInt64, math.MinInt64
	err = topBoxes(segment, func(b box) error {
		if b.kind != "moof" {
			return nil
		}
		samples, err := parseMoof(b, t, unknown, &count)
		for _, s := range samples {
			if s.dts >= 0 {
				first, end, ok = min(first, s.pts), max(end, s.pts+s.duration), true
			}
		}
		return err
	})
	return first, end, ok, err
}
