// Package hevc reads the parts of an HEVC stream that say when a picture is shown, without decoding any picture: NAL
// units, supplemental enhancement information (SEI) with its time code, and the decoder configuration of MP4.
//
// It follows ITU-T H.265 (08/2021): clauses 7.3 and 7.4 for NAL units, D.2.27 and D.3.27 for the time code; and ISO/IEC
// 14496-15, 8.3.3.1, for the configuration. Emulation prevention, the byte stream and the form of SEI messages are those of
// H.264 (package h264). No input makes a function of this package panic.
package hevc
