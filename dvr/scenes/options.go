// Package scenes extracts from a growing recording of an MPEG-2 transport stream (ITU-T H.222.0 | ISO/IEC 13818-1) the frames in
// which something changes. It writes into the folder of a session:
//
//	frames/F0001.jpg …   the frames, as JFIF (ITU-T T.871)
//	frames/index.json    their index, see [Frame]
//	frames/scan.json     how far the recording was scanned; it may be missing
//
// It reads the tables (2.4.4) to find the first video by stream_type (table 2-34), time stamps of PES packets (2.4.3.7) of 33 bits,
// and random access points (random_access_indicator, 2.4.3.5, or the picture's own headers). Size and colours are those of the
// sequence header: ITU-T H.262, 6.2.2; H.264, 7.3.2.1.1; H.265, 7.3.2.2; matrices as in H.273, 8.3. ffmpeg decodes each picture
// once. The boundaries between connections are read from their log, see package splice.
package scenes

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"
)

// Defaults of Options.
const (
	defaultScene       = 0.3              // well above what rolling, fading and noisy pictures reach, and below any cut
	defaultMaxInterval = 30 * time.Second // after how long another frame of a still picture is useful
)

// minMaxInterval keeps the interval from asking for every frame.
const minMaxInterval = 100 * time.Millisecond

// Options are those of New. The zero value has defaults.
type Options struct {
	// Scene is the least difference from the previous pictures for a frame: above 0, up to 1; 0 for 0.3.
	Scene float64
	// MinScene is the shortest scene: its frame is taken when it has lasted so long. 0 takes the first frame of each.
	MinScene time.Duration
	// MaxInterval is the longest stretch of stream time without a frame, at least 100 ms; 0 means 30 s.
	MaxInterval time.Duration
	// FFmpeg is the program's name, looked up in PATH, or its path; empty means "ffmpeg".
	FFmpeg string
	// Logger gets problems of the video, and the standard error of ffmpeg; may be nil.
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
