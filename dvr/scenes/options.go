package scenes

import (
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
	// Logger is told of whatever is wrong with the video, and gets the standard error of ffmpeg; nil for nobody.
	Logger *slog.Logger
}

// WithDefaults fills in what is not set. The error is that of a value out of its range.
func (o Options) WithDefaults() (Options, error) {
	if o.Scene == 0 {
		o.Scene = defaultScene
	}
	if o.MaxInterval == 0 {
		o.MaxInterval = defaultMaxInterval
	}
	if o.FFmpeg == "" {
		o.FFmpeg = "ffmpeg"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
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
