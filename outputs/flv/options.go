package flv

import "github.com/refstream/refstream/media"

// Options describe the stream that a [Muxer] makes, for onMetaData. Rate must be set.
type Options struct {
	// Width and Height are the size in pixels that the picture is meant to have. They are not sent: onMetaData says what
	// the SPS says, which stays true when the size changes in mid-stream.
	Width, Height int
	// Rate is the number of frames per second. By it, frames are counted into seconds for onFI.
	Rate media.FrameRate
	// Encoder names what encoded the video, such as libx264; Version the program that makes the stream, such as refstream
	// 1.2. Empty ones are left out.
	Encoder, Version string
	// Channel is the stream's name; an empty one is left out.
	Channel string
	// Bitrate is the video's average rate in bit/s, 0 if not known.
	Bitrate int64
}
