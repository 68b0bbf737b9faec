// Package gaps measures what a recorded HLS session (package recorder) says about its stream: neighbouring versions of a
// playlist that are too far apart, and what else a monitor would flag. The rules are those of RFC 8216bis: 4.4.3 and 4.4.4
// for what a playlist may say, 6.2.1 and 6.2.2 for how it may change, 6.3.4 for how often it does.
//
// A recording's own pauses are never taken for those of the stream: each run is looked at alone. When a version appeared is
// known to within the recorder's polling period only, or less well where loadings failed or took long: each gap says how long
// it was at least and at most.
package gaps
