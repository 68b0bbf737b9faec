// Package packager publishes a channel as HTTP Live Streaming: segment files, MPEG-TS or fragmented MP4 or both of the same
// encoding, and for each container a media playlist and a multivariant playlist in one directory, which any web server can
// serve as it is.
//
// It follows RFC 8216 and its second edition, draft-pantos-hls-rfc8216bis: 3.2 for segments, 4.4 for playlists, 6.2 for
// what a server may change in a playlist and how long a segment stays. Nothing depends on the wall clock but the time
// of publishing that a segment's record carries: the media sequence number is the number of the segment's slot on the
// channel's grid, EXT-X-PROGRAM-DATE-TIME is the nominal UTC of its first frame, and a slot without a segment is
// an EXT-X-GAP, so two generators of one channel agree on every line.
//
// An event is written twice: as EXT-X-DATERANGE in the playlist, and in the segment that holds its first frame as timed ID3, in
// a PES packet or an emsg box, for players that read the one or the other.
//
// A playlist never names a segment that is not there in full, and a segment is published only when it holds every
// frame of its slot, in all containers or in none.
package packager
