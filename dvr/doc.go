// Package dvr records one MPEG-2 transport stream (ITU-T H.222.0 | ISO/IEC 13818-1) that comes over TCP, and takes out
// of it the frames in which something changes.
//
// A session is a folder:
//
//	stream/          the recording and its connections, see package splice
//	frames/          the frames and their index, see package scenes
//	dvr.lock         held by the process that records
package dvr
