// Package encoder turns raw pictures into H.264 access units with one ffmpeg process: RGB24 frames go to its standard
// input, an MPEG transport stream comes from its standard output.
//
// ffmpeg counts pictures, not frames: it is told a constant rate and is given no time stamps. A transport stream is taken
// back, and not plain H.264, because its time stamps say which picture a unit is: units come in decoding order, in which
// B-frames follow the pictures that they precede. So the PTS of a unit, relative to the first one's, gives the index of
// the picture in the input, and the list of what was written gives its frame number. The time stamps that leave this
// package are computed from the frame number; ffmpeg's are dropped. Whatever doesn't fit is an error: a unit is never
// passed on under a number that is not certain.
//
// Every GOP is closed, starts with an IDR picture and has exactly the configured number of frames. Pictures are BT.709
// (ITU-T H.264, E.2.1: colour_primaries, transfer_characteristics and matrix_coefficients 1) in limited range.
package encoder
