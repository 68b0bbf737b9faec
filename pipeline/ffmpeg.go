package pipeline

import "github.com/refstream/refstream/encoder"

// FFmpeg makes an ffmpeg process with the given options for each of a channel's runs.
func FFmpeg(o encoder.Options) func() (encoderProcess, error) {
	return func() (encoderProcess, error) { return encoder.New(o) }
}
