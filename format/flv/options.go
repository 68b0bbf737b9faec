package flv

import "github.com/refstream/refstream/media"

// Options describe the stream that a [Muxer] makes, for onMetaData. Rate must be set.
type Options struct {
	// Rate is the number of frames per second. By it, frames are counted into seconds for onFI.
	Rate media.FrameRate
	// Encoder names what encoded the video, such as libx264; Version the program that makes the stream, such as refstream
	// 1.2. Empty ones are left out.
	Encoder, Version string
	// Channel is the stream's name; an empty one is left out.
	Channel string
}
