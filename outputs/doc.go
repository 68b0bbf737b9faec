// Package outputs hands one channel's stream to whoever wants it while it is made: MPEG-TS over HTTP and TCP, FLV over HTTP,
// RTMP to players, pushes to servers, and relays through ffmpeg.
//
// A [Hub] muxes each access unit once for each format and appends it to that format's feed (package stream), which all
// consumers read at their own pace. A consumer begins at a key frame. One that does not read, or falls too far behind, is
// cut off and counted; it never delays the stream or the others.
//
// Everything that runs is under a call that blocks, ends with its context, and returns when all it has started has ended.
package outputs
