package gaps

import (
	"fmt"
	"strings"
	"time"

	"github.com/refstream/refstream/recorder"
)

const (
	// maxFindings is how many findings of one kind and playlist are kept: who reads more needs the database.
	maxFindings = 1000
	// maxRows is how many rows of each table a finding names.
	maxRows = 100
)

// Finding is something that a monitor would flag.
type Finding struct {
	Kind Kind
	// Playlist is the id of a recorder.Playlist, 0 where it is not known.
	Playlist int64
	recorder.Moment
	// UTC is that of the Moment.
	UTC time.Time
	// MSN is the number of the segment, or of the first; -1 for none.
	MSN int64
	// Versions, Exchanges and Segments are the ids of the rows that show it, in order, the first 100 of each.
	Versions, Exchanges, Segments []int64
	// Came is, after requests that failed, the id of the exchange that brought it in the end, 0 for none. It is not among
	// Exchanges.
	Came int64
	// Count and Amount are what Kind says.
	Count  int64
	Amount time.Duration
	// Text says what and how much, for people, in a line.
	Text string
}

// Gap is a pair of neighbouring versions that are too far apart. Between them there may be versions that brought nothing
// new: stale ones, and such as have no other segments.
type Gap struct {
	// Playlist is the id of a recorder.Playlist.
	Playlist int64
	// Before is the version that the stream stood at, and After the next that brought a segment or the end; nil where the
	// run ended without one.
	Before recorder.Version
	After  *recorder.Version
	// BeforeUTC and AfterUTC are when they were seen; AfterUTC is the end of the run where After is nil.
	BeforeUTC, AfterUTC time.Time
	// Interval is from the one to the other as they were seen, to the end of the run where After is nil: this is what makes
	// it a gap.
	Interval time.Duration
	// Least and Most say how long it was, as far as is known: each version appeared at some time after Unseen and until
	// Seen. Most is 0 where that is not known, since Before was the first of its run, or After is nil. Where it is, Least is
	// up to the last loading that showed nothing new.
	Least, Most time.Duration
	Threshold   time.Duration
}

// Certain reports whether the interval was over the threshold, however soon after one loading and long before another the
// versions appeared.
func (g *Gap) Certain() bool { return g.Least > g.Threshold }

// extent says how long it was, for people.
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

// The kinds. In brackets is what a Finding's Amount and Count are; Count is 1 where it isn't said.
const (
	// KindGap: neighbouring versions are further apart than the threshold, or the last one from the end of the run
	// (the interval).
	KindGap Kind = "gap"
	// KindStale: an older version came again (how long until a newer one did; how many).
	KindStale Kind = "stale"
	// KindSequenceBack: EXT-X-MEDIA-SEQUENCE went back, or the numbering began anew (Count: by how many).
	KindSequenceBack Kind = "sequence_back"
	// KindSequenceJump: there are numbers that no version had (Count: how many).
	KindSequenceJump Kind = "sequence_jump"
	// KindPlaylistSlow: an answer took longer than half a target duration (how long it took).
	KindPlaylistSlow Kind = "playlist_slow"
	// KindRequestFailed: a request failed, with all its attempts until it succeeded (from the first to success, or to the
	// end of the last; how many failed; Came is what succeeded). Those for a segment that never came are part of KindSegmentMissing.
	KindRequestFailed Kind = "request_failed"
	// KindSegmentMissing: a segment could not be had, and the playlist did not say that it is a gap (from the first request to
	// the end of the last; how many failed).
	KindSegmentMissing Kind = "segment_missing"
	// KindSegmentLate: a segment was there late, or came slower than it plays (how long it took).
	KindSegmentLate Kind = "segment_late"
	// KindSegmentChanged: a later version says something else of a segment, or its URL gave another content (Count: how
	// many segments).
	KindSegmentChanged Kind = "segment_changed"
	// KindSegmentContent: a segment came with nothing in it, with no time stamps where others have some, or with far fewer
	// than it plays (how much is missing).
	KindSegmentContent Kind = "segment_content"
	// KindNotRecorded: a segment that the recorder never asked for, since it came too late. Nothing is known of it.
	KindNotRecorded Kind = "not_recorded"
	// KindExtinf: EXTINF is not what the time stamps say (EXTINF less that).
	KindExtinf Kind = "extinf"
	// KindPDTJump: EXT-X-PROGRAM-DATE-TIME does not go on, or a later version says another one of the same segment (how
	// much later it is than it should be; how many segments).
	KindPDTJump Kind = "pdt_jump"
	// KindDiscontinuitySequence: the same segment has another discontinuity sequence number, or it went back (Count: by how
	// many).
	KindDiscontinuitySequence Kind = "discontinuity_sequence"
	// KindTargetDuration: EXTINF, rounded, is longer than EXT-X-TARGETDURATION (the longest EXTINF; how many segments), the
	// playlist has neither of them, or EXT-X-TARGETDURATION changes (what it is).
	KindTargetDuration Kind = "target_duration"
	// KindPlaylistEmpty: a playlist without segments came after one with some.
	KindPlaylistEmpty Kind = "playlist_empty"
	// KindVariants: of segments that begin at one time stamp, playlists say other numbers, dates or discontinuity sequence
	// numbers (how much later the date is; how many segments).
	KindVariants Kind = "variants_differ"
	// KindUnparsable: what came is no playlist, or one of another kind (how long until one came; how many loadings).
	KindUnparsable Kind = "playlist_unparsable"
	// KindTrouble: what else the recorder noted.
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
