package gaps

import (
	"fmt"
	"strings"
	"time"

	"github.com/refstream/refstream/recorder"
)

const (
	maxFindings = 1000 // how many findings of one kind and playlist are kept: who reads more needs the database
	maxRows     = 100  // how many rows of each table a finding names
)

// Finding is something that a monitor would flag.
type Finding struct {
	Kind     Kind
	Playlist int64 // the id of a recorder.Playlist, 0 where it is not known
	recorder.Moment
	UTC time.Time // that of the Moment
	MSN int64     // the number of the segment, or of the first; -1 for none
	// Versions, Exchanges and Segments are the ids of the rows that show it, in order, the first 100 of each.
	Versions, Exchanges, Segments []int64
	// Came is the id of the exchange that succeeded after failed requests, 0 for none. It is not among Exchanges.
	Came int64
	// Count and Amount depend on Kind.
	Count  int64
	Amount time.Duration
	// Text describes it for people, in one line.
	Text string
}

// Gap is a pair of versions that are too far apart. Between them there may be versions without news: stale ones, or such with
// the same segments.
type Gap struct {
	Playlist int64 // the id of a recorder.Playlist
	// Before is the last version before the gap, and After the next with a new segment or the end; nil if the run ended first.
	Before recorder.Version
	After  *recorder.Version
	// BeforeUTC and AfterUTC are when they were seen; AfterUTC is the end of the run where After is nil.
	BeforeUTC, AfterUTC time.Time
	// Interval is the time between the two as seen, or to the end of the run. It is compared with the threshold.
	Interval time.Duration
	// Least and Most bound the real length: each version appeared between Unseen and Seen. Most is 0 where not known, because Before
	// was the first of its run, or After is nil: then Least ends with the last loading without news.
	Least, Most time.Duration
	Threshold   time.Duration
}

// Certain reports whether the interval was over the threshold, whenever the versions appeared between two loadings.
func (g *Gap) Certain() bool { return g.Least > g.Threshold }

// extent describes the length.
func (g *Gap) extent() string {
	known := "at least " + seconds(g.Least)
	if g.Most > 0 {
		known = fmt.Sprintf("%s to %s", strings.TrimSuffix(seconds(g.Least), " s"), seconds(g.Most))
	}
	return fmt.Sprintf("%s as seen, %s (at most %s)", seconds(g.Interval), known, seconds(g.Threshold))
}

// end is the moment at which it was over.
func (g *Gap) end() recorder.Moment {
	return recorder.Moment{Run: g.Before.Run, At: g.Before.Seen + g.Interval}
}

func addRow(rows []int64, id int64) []int64 {
	if id == 0 || len(rows) == maxRows || len(rows) > 0 && rows[len(rows)-1] == id {
		return rows
	}
	return append(rows, id)
}

// Kind is what a Finding is about. The names are kept.
type Kind string

// The kinds. A Finding's Amount and Count are given in brackets; Count is 1 if not given.
const (
	// KindGap: successive versions, or the last one and the end of the run, are further apart than the threshold (the interval).
	KindGap Kind = "gap"
	// KindStale: an older version was served again (how long until a newer one; how many).
	KindStale Kind = "stale"
	// KindSequenceBack: EXT-X-MEDIA-SEQUENCE went back, or the numbering began anew (Count: by how many).
	KindSequenceBack Kind = "sequence_back"
	// KindSequenceJump: there are numbers that no version had (Count: how many).
	KindSequenceJump Kind = "sequence_jump"
	// KindPlaylistSlow: an answer took longer than half a target duration (how long it took).
	KindPlaylistSlow Kind = "playlist_slow"
	// KindRequestFailed: a request failed, with all its attempts until it succeeded (the time from the first to success, or to the
	// end of the last; how many failed; Came is what succeeded). KindSegmentMissing has those for a missing segment.
	KindRequestFailed Kind = "request_failed"
	// KindSegmentMissing: a segment could not be fetched, and has no EXT-X-GAP (the time from the first request to the end of the
	// last; how many failed).
	KindSegmentMissing Kind = "segment_missing"
	// KindSegmentLate: a segment was available late, or received more slowly than it plays (how long it took).
	KindSegmentLate Kind = "segment_late"
	// KindSegmentChanged: a later version changed a segment, or its URL returned another content (Count: how many segments).
	KindSegmentChanged Kind = "segment_changed"
	// KindSegmentContent: a segment is empty, has no time stamps unlike others, or far fewer than its duration needs (how much is
	// missing).
	KindSegmentContent Kind = "segment_content"
	// KindNotRecorded: the recorder was too late to request a segment. Nothing is known of it.
	KindNotRecorded Kind = "not_recorded"
	// KindExtinf: EXTINF differs from the time stamps (by how much).
	KindExtinf Kind = "extinf"
	// KindPDTJump: EXT-X-PROGRAM-DATE-TIME jumps, or a later version changed it (how much later it is than expected; how many
	// segments).
	KindPDTJump Kind = "pdt_jump"
	// KindDiscontinuitySequence: a segment's discontinuity sequence number changed, or it decreased (Count: by how many).
	KindDiscontinuitySequence Kind = "discontinuity_sequence"
	// KindTargetDuration: EXTINF, rounded, is longer than EXT-X-TARGETDURATION (the longest EXTINF; how many segments), the
	// playlist has neither of them, or EXT-X-TARGETDURATION changed (the new one).
	KindTargetDuration Kind = "target_duration"
	// KindPlaylistEmpty: a playlist without segments followed one with some.
	KindPlaylistEmpty Kind = "playlist_empty"
	// KindVariants: playlists differ in numbers, dates or discontinuity sequence numbers of segments that begin at one time stamp
	// (how much later the date is; how many segments).
	KindVariants Kind = "variants_differ"
	// KindUnparsable: an answer is no playlist, or one of another kind (how long until a right one; how many loadings).
	KindUnparsable Kind = "playlist_unparsable"
	// KindTrouble: another problem that the recorder noted.
	KindTrouble Kind = "trouble"
)

// Kinds are all of them.
func Kinds() []Kind {
	return []Kind{
		KindGap, KindStale, KindSequenceBack, KindSequenceJump, KindPlaylistSlow, KindRequestFailed, KindSegmentMissing,
		KindSegmentLate, KindSegmentChanged, KindSegmentContent, KindNotRecorded, KindExtinf, KindPDTJump, KindDiscontinuitySequence, KindTargetDuration,
		KindPlaylistEmpty, KindVariants, KindUnparsable, KindTrouble,
	}
}
