// Package packager publishes a channel as HTTP Live Streaming: MPEG-TS segment files, a media playlist and a multivariant
// playlist in one directory, which any web server can serve as it is.
//
// It follows RFC 8216 and its second edition, draft-pantos-hls-rfc8216bis: 3.2 for segments, 4.4 for playlists, 6.2 for
// what a server may change in a playlist and how long a segment stays. Nothing depends on the wall clock but the time
// of publishing that a segment's record carries: the media sequence number is the number of the segment's slot on the
// channel's grid, EXT-X-PROGRAM-DATE-TIME is the nominal UTC of its first frame, and a slot without a segment stands
// as EXT-X-GAP, so two generators of one channel agree on every line.
//
// An event is told twice: as EXT-X-DATERANGE in the playlist, and as timed ID3 in the segment that holds its first frame
// (package ts), for players that read the one or the other.
//
// A playlist never names a segment that is not there in full, and a segment is published only when it holds every
// frame of its slot.
package packager

import "fmt"

// The names of the playlists in the directory.
const (
	MediaPlaylist        = "index.m3u8"
	MultivariantPlaylist = "master.m3u8"
)

const (
	segmentPrefix = "seg-"
	segmentSuffix = ".ts"
	// A file is written under a name of this form first, which no playlist names and no web server shows by default.
	temporaryPrefix = "."
	temporarySuffix = ".tmp"
)

// SegmentFile is the name of the file that holds segment msn, and its URI relative to the playlist. Ten digits keep
// the names of 600 years of two-second segments in order.
func SegmentFile(msn int64) string {
	return fmt.Sprintf("%s%010d%s", segmentPrefix, msn, segmentSuffix)
}
