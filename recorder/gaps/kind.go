package gaps

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
