package playlists

import (
	"fmt"
	"strings"

	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// entries is the kinds of entries that are wrong: EXTINF, or one that changes after it was published (RFC 8216bis, 4.4.4.1, 6.2.1).
func entries() []kind {
	return []kind{
		{
			Kind: scenario.Kind{
				Name: "playlist.extinf", Property: "durations", Doc: "EXTINF of its segments is too long or too short.",
				Params: []scenario.Param{by("how much longer, a negative time shorter", scenario.Length, "500ms", -60e9, 60e9)},
				Alarms: []string{"extinf", "segment_duration"}, Expects: []string{"extinf"},
				Tolerates: []string{"pdt_jump", "segment_changed", "segment_content", "target_duration"}, Check: notZero,
			},
			change: func(f scenario.Fault, v *version) string {
				return v.edit(func(p playlist) (why string) {
					why = "none of its segments has an EXTINF that stays above 0"
					p.within(v, f.First, f.Last, func(i int) {
						if p.setDuration(i, p.Segments[i].Duration+media.Seconds(f.Params["by"].N)) {
							why = ""
						}
					})
					return why
				})
			},
		},
		{
			Kind: scenario.Kind{
				Name: "playlist.history", Property: "history",
				Doc: "The entry before its first segment is not what it was when it was published, as long as the playlist has it.",
				Params: []scenario.Param{{
					Name: "what", Type: scenario.Word, Default: "order", Words: []string{"order", "duration", "gone"},
					Doc: "what is changed: its URI is in the place of the one before it, its EXTINF is half as long, or the entry is gone",
				}},
				Alarms: []string{"history", "playlist_content", "segment_continuity"}, Expects: []string{"segment_changed"},
				Tolerates: []string{"extinf", "pdt_jump", "gap"}, Oracle: "hls.js, but for a duration",
			},
			change: func(f scenario.Fault, v *version) string {
				return v.edit(func(p playlist) string { return p.rewrite(v.r.clock.MSN(f.First)-1, f.Params["what"].Text) })
			},
		},
	}
}

// setDuration gives EXTINF of segment i another duration; ok is false where it has none, or the duration is not above 0.
func (p playlist) setDuration(i int, d media.Seconds) (ok bool) {
	line := p.find(i, tagInf)
	if line < 0 || d <= 0 {
		return false
	}
	_, title, _ := strings.Cut(content(p.lines[line]), ",")
	p.set(line, tagInf+":"+d.String()+","+title)
	return true
}

// rewrite changes the entry of segment msn, or returns why it can't.
func (p playlist) rewrite(msn int64, what string) (why string) {
	i := int(msn - p.MediaSequence - p.Skipped)
	if i < 0 || i >= len(p.Segments) {
		return fmt.Sprintf("the version has no entry of segment %d", msn)
	}
	uri := p.Segments[i].Line - 1
	switch {
	case what == "duration":
		if !p.setDuration(i, p.Segments[i].Duration/2) {
			return fmt.Sprintf("segment %d has no EXTINF to be shortened", msn)
		}
	case what == "gone":
		p.lines[uri] = ""
		for _, tag := range []string{tagInf, tagDate, tagGap} { // other tags are in force for the segments behind it too
			if line := p.find(i, tag); line >= 0 {
				p.lines[line] = ""
			}
		}
	case i == 0:
		return fmt.Sprintf("the version has no entry before that of segment %d", msn)
	default:
		other := p.Segments[i-1].Line - 1
		a, b := content(p.lines[uri]), content(p.lines[other])
		p.set(uri, b)
		p.set(other, a)
	}
	return ""
}
