package playlists

import (
	"bytes"

	"github.com/refstream/refstream/scenario"
)

// page is the answer of a portal or a cache in place of a playlist.
const page = "<!DOCTYPE html>\n<html><head><title>Service</title></head><body><h1>Please try again later</h1></body></html>\n"

// texts is the kinds of texts that are no whole playlist, and of lines that a reader leaves out.
func texts() []kind {
	base := func(name, doc string, params ...scenario.Param) scenario.Kind {
		return scenario.Kind{
			Name: name, Property: "text", Doc: doc, Params: params, Alarms: []string{"manifest_retrieval", "levelParsingError", "levelEmptyError"},
			Expects: []string{"playlist_unparsable"}, Tolerates: []string{"gap", "sequence_jump"},
			Implies: []string{"playlist.stale"}, Oracle: "hls.js, ffmpeg",
		}
	}
	comments := base("playlist.comments", "There are comments, and tags that nobody knows (RFC 8216bis, 4.1 and 6.3.1).")
	comments.Decoy, comments.Alarms, comments.Expects, comments.Tolerates, comments.Implies, comments.Oracle = true, nil, nil, nil, nil, ""
	cut := base("playlist.cut", "The text ends in the middle of a line.",
		scenario.Param{Name: "at", Doc: "how much of it is left", Type: scenario.Share, Default: "50%", Min: 1, Max: 99})
	// Up to a segment's line it is a whole playlist with fewer segments.
	cut.Expects = []string{"stale", "segment_missing", "playlist_empty", "playlist_unparsable"}
	cut.Tolerates, cut.Oracle = []string{"gap", "sequence_jump", "sequence_back", "segment_changed", "target_duration"}, "hls.js and ffmpeg, but for a cut between segments"
	return []kind{
		{
			Kind: comments,
			change: func(_ scenario.Fault, v *version) string {
				return v.edit(func(p playlist) string {
					p.lines[0] += "# live\n#EXT-X-SITE:NAME=\"east\",RACK=12\n"
					last := len(p.Segments) - 1
					if line := p.find(last, tagInf); line > 0 {
						p.lines[line] = "#\n# newest\n#EXT-X-SOURCE:1\n" + p.lines[line]
					}
					return ""
				})
			},
		},
		{
			Kind: base("playlist.empty", "The answer has no bytes."),
			change: func(_ scenario.Fault, v *version) string {
				v.text = []byte{}
				return ""
			},
		},
		{
			Kind: cut,
			change: func(f scenario.Fault, v *version) string {
				at := max(1, int(int64(len(v.text))*f.Params["at"].N/100))
				for ; at < len(v.text); at++ {
					if v.text[at-1] != '\n' && v.text[at] != '\r' && v.text[at] != '\n' {
						v.text = bytes.Clone(v.text[:at])
						return ""
					}
				}
				return "no line of that part of the text can be cut"
			},
		},
		{
			Kind: base("playlist.html", "The answer is an HTML page, with status 200 and the media type of playlists."),
			change: func(_ scenario.Fault, v *version) string {
				v.text = bytes.Clone([]byte(page))
				return ""
			},
		},
	}
}
