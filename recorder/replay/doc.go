// Package replay serves a recorded HLS session (RFC 8216bis) again as it was: each version of a playlist appears when it
// appeared, each answer takes the time that it took, errors are made again, and what broke off breaks off at the same byte.
//
// Time in it is that of the recording: nanoseconds from the start of its first run, with the holes between runs cut out.
package replay
