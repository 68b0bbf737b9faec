// Package analyzer reads streams and says what they state about time: one record a statement.
//
// [Run] reads a stream of any kind that this project speaks, its own or another's, and calls a function for each
// [Record]: SEI of H.264 (annexes D and E: pic_timing under the parameter sets that are active, and user data: MISB ST
// 0604, package annotate's, OBS's, Millicast's), scripts of FLV and RTMP (Adobe FLV 10.1, E.4.4, and the conventions onFI,
// onCuePoint and onTextData), timed ID3 (in MPEG-TS, and in event messages of MP4), and EXT-X-PROGRAM-DATE-TIME and
// EXT-X-DATERANGE of HLS playlists (RFC 8216, 4.3.2.6 and 4.3.2.7). Pictures are not decoded.
//
// What happens to the stream on the way (it stalls, breaks off, restarts, changes its coding, loses parts) is told as
// [Note]; [Summary] keeps what is worth showing of it all. [Capture] stores a stream as it is, so that it can be read
// again.
package analyzer
