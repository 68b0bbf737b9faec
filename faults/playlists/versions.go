package playlists

import (
	"bytes"

	"github.com/refstream/refstream/scenario"
)

// versions is the kinds that show another version than the newest.
func versions() []kind {
	back := by("by how many versions, one for each segment", scenario.Whole, "2", 1, maxBack)
	return []kind{
		{
			Kind: scenario.Kind{
				Name: "playlist.stale", Property: "version", Doc: "The playlist does not change: the version before its first segment stays.",
				Alarms: []string{"stale", "stale_manifest", "playlistUnchangedError"}, Expects: []string{"gap"},
				Tolerates: []string{"sequence_jump"}, Oracle: "hls.js with liveMaxUnchangedPlaylistRefresh",
			},
			change: stale,
		},
		{
			Kind: scenario.Kind{
				Name: "playlist.late", Property: "version",
				Doc:    "Each version is published some versions too late. The newest is there again after the fault.",
				Params: []scenario.Param{back}, Default: scenario.Span{Segments: 6}, Alarms: []string{"late", "playlist_late"}, Expects: []string{"gap"},
				Tolerates: []string{"sequence_jump"}, Implies: []string{"playlist.stale"},
				Oracle: "hls.js with liveMaxUnchangedPlaylistRefresh",
			},
			change: late,
		},
		{
			Kind: scenario.Kind{
				Name: "playlist.older", Property: "version", Doc: "In place of each version there is an older one, which was there before.",
				Params: []scenario.Param{back}, Default: scenario.Span{Segments: 1}, Alarms: []string{"older", "media_sequence"}, Expects: []string{"stale"},
				Tolerates: []string{"gap", "sequence_back", "sequence_jump"}, Implies: []string{"playlist.stale"}, Oracle: "ffmpeg",
			},
			change: func(f scenario.Fault, v *version) string {
				i := len(v.r.kept) - 1 - int(f.Params["by"].N)
				if i < 0 {
					return "there is no version that is so much older"
				}
				v.show(v.r.kept[i])
				return ""
			},
		},
	}
}

// show takes the text of another version.
func (v *version) show(o version) { v.text = bytes.Clone(o.text) }

// before is the index among those kept of the last version before frame n, or of the first of all where there is none.
func (r *Rewriter) before(n int64) (i int) {
	for k := range r.kept {
		if r.kept[k].newest < n {
			i = k
		}
	}
	return i
}

// stale shows the version before the fault, for as long as it lasts: also when that is not kept any more.
func stale(f scenario.Fault, v *version) string {
	if r := v.r; r.holder != f.ID || r.since != f.First {
		r.holder, r.since, r.held = f.ID, f.First, r.kept[r.before(f.First)]
	}
	v.show(v.r.held)
	return ""
}

func late(f scenario.Fault, v *version) string {
	v.show(v.r.kept[max(v.r.before(f.First), len(v.r.kept)-1-int(f.Params["by"].N))])
	return ""
}
