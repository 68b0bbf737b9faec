// Package mp4 reads H.264 out of MP4 files and streams (ISO/IEC 14496-12, the ISO base media file format), fragmented or
// not, as access units (ISO/IEC 14496-15, 5: sample entries avc1 and avc3), with the events beside them (emsg boxes,
// ISO/IEC 23009-1, 5.10.3.3).
//
// [Reader] reads in one pass where the file allows it, and holds no more than the index and one fragment's box in memory.
// Boxes are found here and taken apart by mp4ff; nothing that a box claims is believed before it is checked.
//
// [VideoInit] and [Segment] write H.264 as CMAF (ISO/IEC 23000-19), each segment a fragment.
package mp4
