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

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"
)

// Defaults of Options.
const (
	// defaultScene is well above what rolling, fading and noisy pictures reach, and below any cut.
	defaultScene = 0.3
	// defaultMaxInterval is how long a picture may stand before another frame of it is of use.
	defaultMaxInterval = 30 * time.Second
)

// minMaxInterval keeps the interval from asking for every frame.
const minMaxInterval = 100 * time.Millisecond

// Options say which frames are kept. The zero value has defaults for all of them.
type Options struct {
	// Scene is how much a picture must differ from the ones before it, for its frame to be kept: 0 (exclusive) to 1;
	// 0 means 0.3.
	Scene float64
	// MinScene is how long a scene must last: its frame is taken when it has lasted so long, and of what is shorter, as a flash, none
	// is. 0 takes the first frame of each.
	MinScene time.Duration
	// MaxInterval is the longest stretch of stream time without a frame, at least 100 ms; 0 means 30 s.
	MaxInterval time.Duration
	// FFmpeg is the program's name, looked up in PATH, or its path; empty means "ffmpeg".
	FFmpeg string
	// Logger logs whatever is wrong with the video, and the standard error of ffmpeg; nil for nobody.
	Logger *slog.Logger
}

// WithDefaults fills in what is not set. The error is that of a value out of its range.
func (o Options) WithDefaults() (Options, error) {
	o.Scene = cmp.Or(o.Scene, defaultScene)
	o.MaxInterval = cmp.Or(o.MaxInterval, defaultMaxInterval)
	o.FFmpeg = cmp.Or(o.FFmpeg, "ffmpeg")
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	switch {
	case !(o.Scene > 0 && o.Scene <= 1): // so that NaN is refused too
		return o, fmt.Errorf("the scene threshold is %v: give one above 0 and up to 1", o.Scene)
	case o.MinScene < 0:
		return o, fmt.Errorf("the shortest scene is %v: give a length of time, or 0", o.MinScene)
	case o.MaxInterval < minMaxInterval:
		return o, fmt.Errorf("the longest interval between frames is %v: give at least %v", o.MaxInterval, minMaxInterval)
	}
	return o, nil
}
