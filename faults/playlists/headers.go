package playlists

import (
	"fmt"
	"strconv"
	"time"

	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// headers is the kinds of wrong tags that apply to the whole playlist (RFC 8216bis, 4.4.3).
func headers() []kind {
	return []kind{
		{
			Kind: scenario.Kind{
				Name: "playlist.targetduration", Property: "target duration", Doc: "EXT-X-TARGETDURATION is another number, which may be too small for the segments.",
				Params: []scenario.Param{by("how many seconds longer, a negative number shorter", scenario.Whole, "1", -3600, 3600)},
				Alarms: []string{"target_duration"}, Expects: []string{"target_duration"}, Tolerates: []string{"gap"}, Check: notZero,
			},
			change: func(f scenario.Fault, v *version) string {
				return v.edit(func(p playlist) string {
					line, is := p.find(-1, tagTargetDuration), p.TargetDuration+media.Seconds(f.Params["by"].N*int64(time.Second))
					if line < 0 || is < media.Seconds(time.Second) {
						return fmt.Sprintf("EXT-X-TARGETDURATION would be %v s", is)
					}
					p.set(line, tagTargetDuration+":"+is.String())
					return ""
				})
			},
		},
		{
			Kind: scenario.Kind{
				Name: "playlist.sequence", Property: "sequence", Doc: "EXT-X-MEDIA-SEQUENCE is another number, so that its segments have other ones than they had.",
				Params: []scenario.Param{by("by how many it jumps, a negative number back", scenario.Whole, "3", -1_000_000, 1_000_000)},
				Alarms: []string{"media_sequence", "sequence", "levelParsingError"}, Expects: []string{"sequence_jump", "sequence_back", "segment_changed"},
				Tolerates: []string{"stale", "gap"}, Oracle: "hls.js, for less than the playlist has; ffmpeg", Check: notZero,
			},
			change: func(f scenario.Fault, v *version) string {
				return v.edit(func(p playlist) string {
					line, is := p.find(-1, tagMediaSequence), p.MediaSequence+f.Params["by"].N
					if line < 0 || is < 0 {
						return fmt.Sprintf("EXT-X-MEDIA-SEQUENCE would be %d", is)
					}
					p.set(line, tagMediaSequence+":"+strconv.FormatInt(is, 10))
					return ""
				})
			},
		},
		{
			Kind: scenario.Kind{
				Name: "playlist.endlist", Property: "end", Doc: "EXT-X-ENDLIST is there while the stream goes on, and is withdrawn afterwards.",
				Alarms: []string{"endlist", "ended"}, Oracle: "hls.js, which stops there",
			},
			change: func(_ scenario.Fault, v *version) string {
				return v.edit(func(p playlist) string {
					if p.End {
						return "the clean version has an EXT-X-ENDLIST"
					}
					last := len(p.lines) - 1 // is empty where the one before it has an end
					if p.lines[last] != "" {
						p.lines[last] += "\n"
					}
					p.lines[last] += tagEnd + "\n"
					return ""
				})
			},
		},
	}
}
