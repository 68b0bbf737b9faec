package encoder

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/refstream/refstream/media"
)

// The encoders of ffmpeg that are supported.
const (
	X264  = "libx264"
	NVENC = "h264_nvenc"
)

const (
	// maxSide is the largest width or height of level 6.2 pictures that are not extremely oblong.
	maxSide = 8192
	minSide = 16 // a macroblock
	// minBitrate is where a picture of the smallest size stops being recognisable.
	minBitrate = 10_000
	maxThreads = 128 // X264_THREAD_MAX
	maxBFrames = 16  // X264_BFRAME_MAX
	// maxBFramesNVENC is what its hardware can do.
	maxBFramesNVENC = 4
)

// Options are what an Encoder makes. Width, Height, Rate, GOP and Bitrate must be set.
type Options struct {
	// FFmpeg is the program's name, looked up in PATH, or its path; empty means "ffmpeg".
	FFmpeg string
	// Encoder is X264 or NVENC; empty means X264.
	Encoder string
	// Width and Height of the picture in pixels, even, 16 to 8192.
	Width, Height int
	// Raw is the format of the pictures that Write takes; empty means RGB24. Of RGB pictures ffmpeg makes YUV420P first.
	Raw media.PixelFormat
	// Rate is the number of frames per second.
	Rate media.FrameRate
	// GOP is the number of frames from one IDR picture to the next, at least 1. IDR pictures are the frames n with
	// n % GOP == 0.
	GOP int64
	// Preset trades speed for quality: one of x264's, empty for veryfast; of NVENC p1 to p7, empty for p4.
	Preset string
	// Bitrate is the average rate in bit/s, at least 10000.
	Bitrate int64
	// Bounded keeps the rate of any stretch within PeakBitrate, for players that read the stream as it arrives. X264's
	// threads then race for the buffer: where the pictures need more than Bitrate, the bytes differ from run to run
	// unless Threads is 1.
	Bounded bool
	// Constant bounds the encoder so that with LabelBytes more in each unit every GOP is within Bitrate, to be filled up to it:
	// see Budget.
	Constant bool
	// BFrames is the most B-frames on end, 0 to 16 (NVENC: 4).
	BFrames int
	// LowLatency turns off everything that keeps a picture back. BFrames must be 0.
	LowLatency bool
	// Threads is the number of encoding threads, 0 for as many as suit the machine. With X264 the same number gives the
	// same bytes for the same pictures, but see Bounded.
	Threads int
	// Rendition names the units' track; it may be empty.
	Rendition string
	// PTSOrigin is the PTS of frame 0 in 90 kHz ticks. With B-frames the DTS of a unit lies before its PTS by up to
	// BFrames + 2 frames, that of an IDR picture by up to 2 (NVENC: BFrames): the origin should leave room.
	PTSOrigin int64
	// Stall is how long ffmpeg may take no picture and put out no unit, while it has some to take or put out, before it is
	// killed. It must be longer than ffmpeg takes to start. 0 lets it hang until the context ends.
	Stall time.Duration
	// Logger logs ffmpeg's messages; nil discards them.
	Logger *slog.Logger
}

// Validate reports every option that is wrong, with a hint. It does not look at the machine; Check does.
func (o Options) Validate() error {
	o = o.withDefaults()
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	presets, bframes := x264Presets(), maxBFrames
	if o.Encoder == NVENC {
		presets, bframes = nvencPresets(), maxBFramesNVENC
	}
	wrong(o.Encoder != X264 && o.Encoder != NVENC, "encoder %q is not supported: use %s or %s", o.Encoder, X264, NVENC)
	wrong(!sideOK(o.Width) || !sideOK(o.Height), "size %dx%d is not possible: both sides must be even, %d to %d",
		o.Width, o.Height, minSide, maxSide)
	wrong(o.Raw.Validate() != nil, "%v", o.Raw.Validate())
	wrong(o.Rate.Num <= 0 || o.Rate.Den <= 0, "frame rate %d/%d is not positive", o.Rate.Num, o.Rate.Den)
	wrong(o.GOP < 1, "GOP of %d frames is too short: use at least 1", o.GOP)
	wrong(!slices.Contains(presets, o.Preset), "preset %q is not one of %s's: use one of %s", o.Preset, o.Encoder,
		strings.Join(presets, ", "))
	if o.Constant && o.Rate.Num > 0 && o.Rate.Den > 0 && o.GOP > 0 {
		// Half of what is there without labels, in the worst split between Rate and Buffer.
		least := (8*LabelBytes*o.Rate.Num+o.Rate.Den-1)/o.Rate.Den + 2*minBitrate
		wrong(o.Bitrate < least, "constant bit rate of %d bit/s leaves no room for pictures: use at least %d", o.Bitrate, least)
	} else {
		wrong(o.Bitrate < minBitrate, "bitrate of %d bit/s is too low: use at least %d", o.Bitrate, minBitrate)
	}
	wrong(o.BFrames < 0 || o.BFrames > bframes, "%d B-frames are not possible: use 0 to %d", o.BFrames, bframes)
	// An IDR picture is decoded up to two frames before it is shown, and frame 0 is shown at 1 s.
	wrong(o.BFrames > 0 && o.Rate.Num < 2*o.Rate.Den, "%d B-frames are not possible at less than 2 frames/s: use 0", o.BFrames)
	wrong(o.LowLatency && o.BFrames != 0, "low latency does not go with %d B-frames: use 0", o.BFrames)
	wrong(o.Threads < 0 || o.Threads > maxThreads, "%d threads are not possible: use 0 (automatic) to %d", o.Threads, maxThreads)
	wrong(o.Stall < 0, "stall time %s is negative: use 0 to turn the watchdog off", o.Stall)
	return errors.Join(errs...)
}

func sideOK(n int) bool { return n >= minSide && n <= maxSide && n%2 == 0 }

func x264Presets() []string {
	return []string{"ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo"}
}

func nvencPresets() []string { return []string{"p1", "p2", "p3", "p4", "p5", "p6", "p7"} }

func (o Options) withDefaults() Options {
	o.FFmpeg, o.Encoder = cmp.Or(o.FFmpeg, "ffmpeg"), cmp.Or(o.Encoder, X264)
	preset := "veryfast"
	if o.Encoder == NVENC {
		preset = "p4"
	}
	o.Preset, o.Logger = cmp.Or(o.Preset, preset), cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	o.Raw = cmp.Or(o.Raw, media.RGB24)
	return o
}

// FrameSize is the number of bytes of a picture that Write takes.
func (o Options) FrameSize() int { return o.Raw.FrameSize(o.Width, o.Height) }

// PeakBitrate bounds the bit/s of any stretch of so many frames, before SEI and container are added: the decoder's buffer,
// which holds a second and is filled with Bitrate, can give no more than that and what it held. Where the encoder cannot keep
// to it, because even the coarsest coding of a picture is too large, ffmpeg warns "VBV underflow".
func (o Options) PeakBitrate(frames int64) int64 {
	return o.Bitrate + (o.Bitrate*o.Rate.Num+frames*o.Rate.Den-1)/(frames*o.Rate.Den)
}

// LabelBytes is what annotation adds to a unit at the most: a SEI NAL unit with a timecode, a MISB time stamp and a frame record, whose
// longest names take 130 bytes.
const LabelBytes = 320

// Budget divides the bytes of a GOP at a constant bit rate.
type Budget struct {
	// GOP is the bytes of all units of a GOP, each NAL unit with a start code of four bytes.
	GOP int64
	// The encoder's share: its decoder's buffer in bits, which is filled at Rate bit/s. So a GOP has no more than Buffer and what Rate
	// gives in its time.
	Rate, Buffer int64
}

const (
	// A larger buffer leaves the encoder more choice where to spend bits, and less rate: an eighth of a GOP, but bufferFrames
	// frames where the GOP is short, for key frames are larger than others, and half of it at most.
	bufferShare  = 8
	bufferFrames = 6
)

// Budget is nil without Constant.
func (o Options) Budget() *Budget {
	if !o.Constant {
		return nil
	}
	gop := o.Bitrate / 8 * (o.GOP * o.Rate.Den) / o.Rate.Num
	room := 8 * (gop - o.GOP*LabelBytes)
	buffer := min(max(room/bufferShare, room*bufferFrames/o.GOP), room/2)
	return &Budget{GOP: gop, Buffer: buffer, Rate: (room - buffer) * o.Rate.Num / (o.GOP * o.Rate.Den)}
}
