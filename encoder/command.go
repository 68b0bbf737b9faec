package encoder

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	ffmpeg "github.com/u2takey/ffmpeg-go"

	"github.com/refstream/refstream/media"
)

// inputQueue is how many pictures ffmpeg reads ahead: a few even out the jitter of both sides, and more would only take
// memory.
const inputQueue = 4

// arguments is the command line of ffmpeg without the program's name.
func (o Options) arguments() []string {
	in := ffmpeg.Input("pipe:0", ffmpeg.KwArgs{
		"format":     "rawvideo",
		"pix_fmt":    o.Raw,
		"video_size": fmt.Sprintf("%dx%d", o.Width, o.Height),
		"framerate":  fmt.Sprintf("%d/%d", o.Rate.Num, o.Rate.Den),
		// The same for what follows the input, which would guess by the times: 120 for 120000/1001.
		"r": fmt.Sprintf("%d/%d", o.Rate.Num, o.Rate.Den),
		// A thread of its own for the input: pictures are read while others are converted.
		"thread_queue_size": inputQueue,
	})
	out := ffmpeg.KwArgs{
		"vf":      o.filter(),
		"pix_fmt": "yuv420p",
		// A picture in is a picture out, with its own time.
		"fps_mode": "passthrough",

		"c:v":    o.Encoder,
		"preset": o.Preset,
		"g":      o.GOP,
		"bf":     o.BFrames,
		"b:v":    o.Bitrate,
		"flags":  "+cgop",

		"colorspace":      "bt709",
		"color_primaries": "bt709",
		"color_trc":       "bt709",
		"color_range":     "tv",

		"format":     "mpegts",
		"muxdelay":   "0",
		"muxpreload": "0",
		// The length of the PES packet lets a unit be passed on when it is complete, not when the next one begins.
		"omit_video_pes_length": "0",
		"flush_packets":         "1",
	}
	if o.Bounded {
		// A buffer of a second: a smaller one would starve the key frames, a larger one would let a segment take more of the
		// line than its share for longer than players buffer.
		out["maxrate"], out["bufsize"] = o.Bitrate, o.Bitrate
	}
	if b := o.Budget(); b != nil {
		out["b:v"], out["maxrate"], out["bufsize"] = b.Rate, b.Rate, b.Buffer
	}
	encoderArgs := o.x264Args
	if o.Encoder == NVENC {
		encoderArgs = o.nvencArgs
	}
	maps.Copy(out, encoderArgs())
	// GetArgs and not Compile, which prints or not by a variable that all users of the library share.
	return in.Output("pipe:1", out).GlobalArgs(quietly()...).GetArgs()
}

// quietly are the options by which ffmpeg writes warnings alone, with their level.
func quietly() []string {
	return []string{"-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+warning"}
}

const (
	// description labels the colours of the stream: BT.709, limited range.
	description = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
	// Conversion is the filter of ffmpeg that makes YUV420P of full range RGB. Chroma is the mean of the pixels that share it, so
	// that an edge on even coordinates stays as sharp as it was.
	Conversion = "scale=in_range=pc:out_range=tv:out_color_matrix=bt709:flags=area+accurate_rnd,format=yuv420p"
)

func (o Options) filter() string {
	if o.Raw == media.YUV420P {
		return description
	}
	return Conversion + "," + description
}

func (o Options) x264Args() ffmpeg.KwArgs {
	args := ffmpeg.KwArgs{
		"keyint_min":   o.GOP,
		"sc_threshold": 0,
		"threads":      o.Threads,
		// The standard's largest quantiser. Left alone, x264 uses up to 69 when the buffer runs dry, and codes whole
		// pictures as repeats of the one before: a picture that carries another one's number.
		"qmax": 51,
		"x264-params": strings.Join([]string{
			"keyint=" + strconv.FormatInt(o.GOP, 10),
			"min-keyint=" + strconv.FormatInt(o.GOP, 10),
			"scenecut=0",
			"open-gop=0",
			"pic-struct=1", // room for a timecode in the SEI (H.264, E.2.1: pic_struct_present_flag)
			"aud=1",        // access unit delimiters, which transport streams need
			"force-cfr=1",  // pictures at equal distances, as in the VUI (H.264, E.2.1: fixed_frame_rate_flag)
			"stitchable=1", // parameter sets depend on the options alone, not on the first picture
		}, ":"),
	}
	if o.LowLatency {
		args["tune"] = "zerolatency"
	}
	return args
}

// nvencArgs needs a GPU, which most machines that build this lack: whether the key frames keep to the grid shows when
// they come out. NVENC's parameter sets may leave no room for a timecode in the SEI (pic_struct_present_flag).
func (o Options) nvencArgs() ffmpeg.KwArgs {
	args := ffmpeg.KwArgs{
		"rc":          "vbr", // with maxrate equal to the average
		"no-scenecut": 1,     // no key frame but where due
		"forced-idr":  1,     // and each of them an IDR picture
		"strict_gop":  1,     // the rate must be kept within a GOP
		"aud":         1,
		"tune":        "hq",
	}
	if o.LowLatency {
		args["tune"], args["zerolatency"], args["delay"], args["rc-lookahead"] = "ull", 1, 0, 0
	}
	return args
}
