package encoder

import (
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/media"
)

func TestValidate(t *testing.T) {
	tests := map[string]struct {
		change func(*Options)
		want   string // empty: fine
	}{
		"fine":                 {func(o *Options) {}, ""},
		"defaults":             {func(o *Options) { o.Preset, o.FFmpeg, o.Encoder = "", "", "" }, ""},
		"NVENC":                {func(o *Options) { o.Encoder, o.Preset = NVENC, "" }, ""},
		"NVENC, x264's preset": {func(o *Options) { o.Encoder = NVENC }, `preset "ultrafast" is not one of h264_nvenc's: use one of p1`},
		"NVENC, B-frames":      {func(o *Options) { o.Encoder, o.Preset, o.BFrames = NVENC, "p4", 5 }, "use 0 to 4"},
		"encoder":              {func(o *Options) { o.Encoder = "mpeg4" }, `encoder "mpeg4"`},
		"odd width":            {func(o *Options) { o.Width = 321 }, "size 321x180"},
		"no height":            {func(o *Options) { o.Height = 0 }, "size 320x0"},
		"huge":                 {func(o *Options) { o.Width = 10000 }, "8192"},
		"raw":                  {func(o *Options) { o.Raw = "nv12" }, `"nv12" is no format of raw pictures: use rgb24 or yuv420p`},
		"rate":                 {func(o *Options) { o.Rate = media.FrameRate{} }, "frame rate 0/0"},
		"GOP":                  {func(o *Options) { o.GOP = 0 }, "GOP of 0"},
		"preset":               {func(o *Options) { o.Preset = "quick" }, "use one of ultrafast, superfast, veryfast"},
		"bitrate":              {func(o *Options) { o.Bitrate = 6 }, "bitrate of 6 bit/s"},
		"constant":             {func(o *Options) { o.Constant = true }, ""},
		"constant, too low":    {func(o *Options) { o.Constant, o.Bitrate = true, 60_000 }, "use at least 84000"},
		"B-frames":             {func(o *Options) { o.BFrames = 17 }, "use 0 to 16"},
		"B-frames at 1.5/s":    {func(o *Options) { o.Rate, o.BFrames = media.FrameRate{Num: 3, Den: 2}, 1 }, "less than 2 frames/s: use 0"},
		"low latency":          {func(o *Options) { o.LowLatency = true }, "low latency does not go with 2 B-frames"},
		"low latency without":  {func(o *Options) { o.LowLatency, o.BFrames = true, 0 }, ""},
		"threads":              {func(o *Options) { o.Threads = -1 }, "-1 threads"},
		"stall":                {func(o *Options) { o.Stall = -1 }, "stall time"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := testOptions()
			tt.change(&o)
			_, err := New(o)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestValidateReportsEverything(t *testing.T) {
	err := Options{}.Validate()
	for _, want := range []string{"size", "frame rate", "GOP", "bitrate"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}

func TestPeakBitrate(t *testing.T) {
	for _, tt := range []struct {
		rate         media.FrameRate
		frames, want int64
	}{
		{media.FrameRate{Num: 25, Den: 1}, 50, 1_500_000},
		{media.FrameRate{Num: 25, Den: 1}, 25, 2_000_000},
		{media.FrameRate{Num: 30000, Den: 1001}, 60, 1_499_501}, // rounded up: it is a bound
	} {
		o := Options{Bitrate: 1_000_000, Rate: tt.rate}
		if got := o.PeakBitrate(tt.frames); got != tt.want {
			t.Errorf("%s: peak of %d frames is %d, want %d", tt.rate, tt.frames, got, tt.want)
		}
	}
}

// TestBudget divides GOPs: what the encoder may put out and the labels are the GOP.
func TestBudget(t *testing.T) {
	for _, tt := range []struct {
		rate media.FrameRate
		gop  int64
		want Budget
	}{
		{media.FrameRate{Num: 25, Den: 1}, 50, Budget{GOP: 250_000, Buffer: 234_000, Rate: 819_000}},
		{media.FrameRate{Num: 25, Den: 1}, 2, Budget{GOP: 10_000, Buffer: 37_440, Rate: 468_000}},
		{media.FrameRate{Num: 240000, Den: 239999}, 600, Budget{GOP: 74_999_687, Buffer: 74_807_687, Rate: 872_759}},
	} {
		o := Options{Bitrate: 1_000_000, Rate: tt.rate, GOP: tt.gop, Constant: true}
		b := o.Budget()
		if *b != tt.want {
			t.Errorf("%s GOP %d: %+v, want %+v", tt.rate, tt.gop, *b, tt.want)
		}
		if all := b.GOP - (b.Buffer+b.Rate*tt.gop*tt.rate.Den/tt.rate.Num)/8 - tt.gop*LabelBytes; all < 0 || all > tt.gop {
			t.Errorf("%s GOP %d: %d bytes are left over", tt.rate, tt.gop, all)
		}
	}
	o := testOptions()
	o.Constant, o.Bounded = true, true
	if args := strings.Join(o.withDefaults().arguments(), " "); !strings.Contains(args, "-b:v 468000 ") || !strings.Contains(args, "-maxrate 468000 ") || !strings.Contains(args, "-bufsize 187200 ") {
		t.Errorf("arguments %s", args)
	}
}

// TestNVENCArguments can only look at the command line: the hardware is rare.
func TestNVENCArguments(t *testing.T) {
	o := testOptions()
	o.Encoder, o.Preset, o.LowLatency, o.BFrames = NVENC, "p5", true, 0
	o.Bounded = true
	args := o.withDefaults().arguments()
	for _, pair := range [][2]string{
		{"-c:v", "h264_nvenc"}, {"-preset", "p5"}, {"-g", "10"}, {"-bf", "0"}, {"-no-scenecut", "1"}, {"-forced-idr", "1"},
		{"-strict_gop", "1"}, {"-tune", "ull"}, {"-delay", "0"}, {"-b:v", "1000000"}, {"-maxrate", "1000000"},
	} {
		i := slices.Index(args, pair[0])
		if i < 0 || i+1 == len(args) || args[i+1] != pair[1] {
			t.Errorf("no %s %s in %q", pair[0], pair[1], args)
		}
	}
	if slices.Contains(args, "-x264-params") || slices.Contains(args, "-sc_threshold") {
		t.Errorf("options of x264 in %q", args)
	}
}
