package playlists

import (
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// finder is what one fault is found by.
type finder struct {
	fault string
	// gaps are all kinds of what recorder/gaps finds.
	gaps string
	// hls is the error of hls.js, and newest the segment that it stops at, where it has not followed the stream to its end.
	hls, newest string
	// ffmpeg are its complaints, where it is asked: it takes seconds.
	ffmpeg string
	// refused: there are versions that a strict reader refuses.
	refused bool
}

const (
	last    = "seg-0000000023.ts" // of the stream
	before  = "seg-0000000011.ts" // the segment before the faults'
	first   = "seg-0000000012.ts"
	back    = "Media sequence changed unexpectedly"
	skipped = "segments ahead, expired from playlists"
	failed  = "Failed to reload playlist"
	none    = "none"
)

// No reader that is not ours finds a wrong EXTINF, EXT-X-TARGETDURATION or EXT-X-PROGRAM-DATE-TIME: their kinds have no oracle.
var found = []finder{
	{"", "", "", last, none, false},
	{"do: playlist.stale", "gap", "playlistUnchangedError", before, "", false},
	{"do: playlist.stale, for: {segments: 1}", "gap", "", last, "", false},
	{"do: playlist.stale, for: {segments: 9}", "gap sequence_jump", "playlistUnchangedError", before, "", false},
	{"do: playlist.late", "gap", "playlistUnchangedError", before, "", false},
	{"do: playlist.late, with: {by: 4}", "gap", "playlistUnchangedError", before, "", false},
	{"do: playlist.older", "gap stale", "", last, back, false},
	{"do: playlist.older, for: {segments: 4}, with: {by: 9}", "gap sequence_back sequence_jump stale", "", last, "", false},
	{"do: playlist.sequence", "segment_changed sequence_back", "levelParsingError", first, "", false},
	{"do: playlist.sequence, with: {by: 10}", "gap sequence_back sequence_jump stale", "", last, skipped, false},
	{"do: playlist.sequence, with: {by: -1}", "segment_changed", "levelParsingError", first, "", false},
	{"do: playlist.sequence, with: {by: -3}", "segment_changed sequence_back", "levelParsingError", first, "", false},
	{"do: playlist.sequence, with: {by: -7}", "sequence_back sequence_jump", "", last, "", false},
	{"do: playlist.history", "segment_changed", "levelParsingError", first, "", false},
	{"do: playlist.history, with: {what: duration}", "pdt_jump segment_changed", "", last, "", false},
	{"do: playlist.history, with: {what: gone}", "extinf gap pdt_jump segment_changed", "levelParsingError", first, "", false},
	{"do: playlist.extinf", "extinf pdt_jump segment_changed", "", last, "", false},
	{"do: playlist.extinf, with: {by: -1500ms}", "extinf pdt_jump segment_changed", "", last, "", false},
	{"do: playlist.extinf, with: {by: 1s}", "extinf pdt_jump segment_changed target_duration", "", last, "", false},
	{"do: playlist.targetduration", "target_duration", "", last, none, false},
	{"do: playlist.targetduration, with: {by: -1}", "gap target_duration", "", last, "", false},
	{"do: playlist.pdt_offset", "pdt_jump", "", last, "", false},
	{"do: playlist.pdt_offset, with: {by: -200ms}", "pdt_jump", "", last, "", false},
	{"do: playlist.pdt_jump, with: {by: -24h}", "pdt_jump", "", last, none, false},
	{"do: playlist.pdt_drift, with: {by: 20000}, for: {segments: 8}", "pdt_jump", "", last, "", false},
	{"do: playlist.discontinuity", "segment_changed", "levelParsingError", "seg-0000000015.ts", "", false},
	{"do: playlist.discontinuity, with: {tag: sequence}", "discontinuity_sequence", "", last, "", false},
	{"do: playlist.endlist", "", "", first, "", false}, // our recorder stops there too
	{"do: playlist.empty", "gap playlist_unparsable", "levelParsingError", before, failed, true},
	{"do: playlist.cut", "gap stale", "", last, "", false},
	{"do: playlist.cut, with: {at: 99%}", "segment_changed segment_missing", "levelParsingError", "seg-0000000", failed, false},
	{"do: playlist.cut, with: {at: 5%}", "gap playlist_empty sequence_back target_duration", "levelParsingError", before, "", true},
	{"do: playlist.html", "gap playlist_unparsable", "levelParsingError", before, failed, true},
	{"decoy: playlist.zone", "", "", last, none, false},
	{"decoy: playlist.zone, with: {minutes: -570}", "", "", last, "", false},
	{"decoy: playlist.comments", "", "", last, none, false},
}

// Our reader and those that are not ours find each kind, and nothing in the clean stream and the decoys.
func TestFound(t *testing.T) {
	t.Parallel()
	clean, broken := write(t), write(t, 7, 13)
	var streams []live
	oracles := map[string]bool{}
	for _, c := range found {
		stream := clean
		if c.fault != "" {
			f := plan(t, "{at: {msn: 12}, "+c.fault+"}").Between(0, 1<<40)[0]
			if f.Kind.Name == "playlist.discontinuity" {
				stream = broken
			}
			if stream = done(t, f, c.fault, stream); c.hls != "" || c.newest != last || c.ffmpeg != "" && c.ffmpeg != none {
				oracles[f.Kind.Name] = true
			}
		}
		streams = append(streams, stream)
	}
	for _, k := range Kinds() {
		if oracles[k.Name] != (k.Oracle != "") {
			t.Errorf("%s names the oracle %q; found by one: %t", k.Name, k.Oracle, oracles[k.Name])
		}
	}
	t.Run("hls.js", func(t *testing.T) {
		t.Parallel()
		for i, p := range play(t, append(streams, broken)) {
			c := append(found, finder{newest: last})[i]
			if p.Newest != c.newest || strings.Join(p.Errors, " ") != c.hls {
				t.Errorf("%s: hls.js found %q, up to %s", c.fault, p.Errors, p.Newest)
			}
		}
	})
	for i, c := range found {
		t.Run(c.fault, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(find(t, streams[i]), " "); got != c.gaps {
				t.Errorf("gaps finds %q, want %q", got, c.gaps)
			}
			refused := slices.ContainsFunc(streams[i].takes, func(v take) bool { return strict(v.text) != nil })
			if refused != c.refused {
				t.Errorf("a strict reader refuses it: %t", refused)
			}
			if c.ffmpeg == "" {
				return
			}
			if got := strings.Join(ffprobe(t, streams[i]), ", "); !strings.Contains(got, c.ffmpeg) && (c.ffmpeg != none || got != "") {
				t.Errorf("ffmpeg finds %q, want %q", got, c.ffmpeg)
			}
		})
	}
}

// done makes a fault, and checks that it is done to all that it is planned for, and that the kind declares what gaps finds.
func done(t *testing.T, f scenario.Fault, text string, clean live) live {
	t.Helper()
	faulty, frames, _ := rewrite(t, plan(t, "{at: {msn: 12}, "+text+"}"), clean)
	start := f.First
	if f.Kind.Name == "playlist.pdt_drift" || f.Kind.Name == "playlist.discontinuity" && f.Params["tag"].Text != "sequence" {
		start += perSegment // the first date is right yet, and the discontinuity is in segment 13
	}
	if int64(len(frames)) != f.Last-start+1 || frames[0] != start {
		t.Errorf("%s: done to %d frames from %d on, want %d from %d on", text, len(frames), frames[0], f.Last-start+1, start)
	}
	i := slices.IndexFunc(found, func(c finder) bool { return c.fault == text })
	confirmed := len(f.Kind.Expects) == 0
	for _, kind := range strings.Fields(found[i].gaps) {
		expected := slices.Contains(f.Kind.Expects, kind)
		if confirmed = confirmed || expected; !expected && !slices.Contains(f.Kind.Tolerates, kind) {
			t.Errorf("%s: %s is neither expected nor tolerated", text, kind)
		}
	}
	if !confirmed {
		t.Errorf("%s is not confirmed", text)
	}
	for i, v := range faulty.takes {
		if out := v.newest < f.First || v.newest > f.Last; out && v != clean.takes[i] {
			t.Errorf("%s: the version of frame %d, outside of the label, is changed", text, v.newest)
		}
	}
	return faulty
}

// The record has the frames of the whole segments whose versions were changed.
func TestRecord(t *testing.T) {
	t.Parallel()
	p := plan(t, "{do: playlist.stale, at: 23s, for: 3s}")
	l := faults.NewLedger(p, channel())
	r := New(p, channel().Clock(), l.Report)
	for _, v := range write(t).takes {
		r.Playlist([]byte(v.text), v.newest)
	}
	list := l.Records(0, length*perSegment, length*perSegment)
	if len(list) != 1 || list[0].State != markers.FaultDone || list[0].Frame != 600 || list[0].LastFrame != 699 || len(list[0].Done) != 1 ||
		list[0].Done[0].Frame != 600 || list[0].Done[0].LastFrame != 699 || list[0].Collateral != nil || list[0].Clean == list[0].Altered {
		t.Errorf("%+v", list)
	}
}
