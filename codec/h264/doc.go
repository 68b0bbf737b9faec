// Package h264 reads and writes the parts of an H.264 stream that state when a picture is shown, without decoding any
// picture: the Annex B byte stream, NAL units and their emulation prevention, the sequence parameter set with its video
// usability information, and supplemental enhancement information (SEI).
//
// It follows ITU-T H.264 (08/2021): clause 7.3 and 7.4 for NAL units and the sequence parameter set, Annex B for the
// byte stream, Annex D for SEI, Annex E for the video usability information; and MISB ST 0604 for time stamps in SEI.
// No input makes a function of this package panic. Positions in errors count from the start of the data they name, in
// bits for parameter sets and payloads, in bytes for lists of messages; both are of the data without emulation
// prevention bytes.
package h264
