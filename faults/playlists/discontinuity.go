package playlists

import "github.com/refstream/refstream/scenario"

// discontinuities is the kind of discontinuities that are not announced (RFC 8216bis, 4.4.4.3, 4.4.3.3). It needs one in the clean
// playlist.
func discontinuities() []kind {
	return []kind{{
		Kind: scenario.Kind{
			Name: "playlist.discontinuity", Property: "discontinuity", Doc: "A discontinuity of the clean playlist is not announced.",
			Params: []scenario.Param{{
				Name: "tag", Type: scenario.Word, Default: "discontinuity", Words: []string{"discontinuity", "sequence"},
				Doc: "what is missing: EXT-X-DISCONTINUITY of its segments, or EXT-X-DISCONTINUITY-SEQUENCE",
			}},
			Alarms: []string{"discontinuity", "discontinuity_sequence"}, Expects: []string{"discontinuity_sequence", "segment_changed"},
			Oracle: "hls.js, but for the sequence",
		},
		change: func(f scenario.Fault, v *version) string {
			if f.Params["tag"].Text == "sequence" {
				return v.edit(func(p playlist) string {
					line := p.find(-1, tagDiscontinuitySequence)
					if line < 0 || p.DiscontinuitySequence == 0 {
						return "no discontinuity has left the clean playlist"
					}
					p.lines[line] = ""
					return ""
				})
			}
			return v.edit(func(p playlist) (why string) {
				why = "none of its segments has an EXT-X-DISCONTINUITY"
				p.within(v, f.First, f.Last, func(i int) {
					for line := p.find(i, tagDiscontinuity); line >= 0; line = p.find(i, tagDiscontinuity) {
						p.lines[line], why = "", ""
					}
				})
				return why
			})
		},
	}}
}
