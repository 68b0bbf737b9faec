// Package scenes takes out of a recording of an MPEG-2 transport stream (ITU-T H.222.0 | ISO/IEC 13818-1), while it grows,
// the frames in which something changes. It writes into the folder of a session:
//
//	frames/F0001.jpg …   the frames, as JFIF (ITU-T T.871)
//	frames/index.json    what is known of each of them, see [Frame]
//	frames/scan.json     how far the recording was looked at; it may be missing
//
// Of the recording it reads the tables (2.4.4), which name the first video by its stream_type (table 2-34), the time stamps
// of PES packets (2.4.3.7), which are of 33 bits and may wrap around, and what marks a picture to begin with
// (random_access_indicator, 2.4.3.5, or the picture's own headers). The size and the colours of a picture are those of its
// sequence header: ITU-T H.262, 6.2.2; H.264, 7.3.2.1.1; H.265, 7.3.2.2; matrices as in H.273, 8.3. ffmpeg decodes the video, each
// picture once. Where one connection of the recording ends and another begins is read from its log, see package splice.
package scenes
