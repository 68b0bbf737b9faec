package generator

import (
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/media"
)

// testOptions are valid options of a size.
func testOptions(width, height int) Options {
	return Options{
		Channel: "main", Width: width, Height: height,
		Rate:  media.FrameRate{Num: 30, Den: 1},
		Epoch: time.Date(2024, 2, 28, 23, 59, 0, 0, time.UTC),
		Seed:  1,
	}
}

func TestOptionsValidate(t *testing.T) {
	cases := []struct {
		name string
		edit func(*Options)
		want []string // parts of the error; none: valid
	}{
		{"plain", func(*Options) {}, nil},
		{"smallest", func(o *Options) { o.Width, o.Height = 160, 90 }, nil},
		{"largest", func(o *Options) { o.Width, o.Height = 7680, 4320 }, nil},
		{"longest channel", func(o *Options) { o.Channel = "0" + strings.Repeat("a_-", 10) + "z" }, nil},
		{"largest seed", func(o *Options) { o.Seed = 1<<53 - 1 }, nil},
		{"milliseconds", func(o *Options) { o.Epoch = o.Epoch.Add(7 * time.Millisecond) }, nil},
		{"drop-frame", func(o *Options) { o.DropFrame, o.Rate = true, media.FrameRate{Num: 60000, Den: 1001} }, nil},

		{"noise, block, roll", func(o *Options) { o.Noise, o.BlockSide, o.RollStep = 64, 16, -160 }, nil},

		{"noise", func(o *Options) { o.Noise = 65 }, []string{"noise of 65", "0 to 64"}},
		{"negative noise", func(o *Options) { o.Noise = -1 }, []string{"noise of -1", "0 to 64"}},
		{"small block", func(o *Options) { o.BlockSide = 15 }, []string{"blocks of 15", "use 16 to"}},
		{"negative block", func(o *Options) { o.BlockSide = -48 }, []string{"blocks of -48", "use 16 to"}},
		{"block of most of the picture", func(o *Options) { o.BlockSide = 161 }, []string{"blocks of 161", "use 16 to"}},
		{"odd roll", func(o *Options) { o.RollStep = 3 }, []string{"roll of 3", "-160 to 160"}},
		{"fast roll", func(o *Options) { o.RollStep = 162 }, []string{"roll of 162", "-160 to 160"}},
		{"fast roll to the right", func(o *Options) { o.RollStep = -162 }, []string{"roll of -162", "-160 to 160"}},
		{"no channel", func(o *Options) { o.Channel = "" }, []string{"channel", `""`, "use"}},
		{"upper case", func(o *Options) { o.Channel = "Main" }, []string{"channel", "Main"}},
		{"leading dash", func(o *Options) { o.Channel = "-a" }, []string{"channel"}},
		{"dot", func(o *Options) { o.Channel = "a.b" }, []string{"channel"}},
		{"slash", func(o *Options) { o.Channel = "../a" }, []string{"channel"}},
		{"not ASCII", func(o *Options) { o.Channel = "é" }, []string{"channel"}},
		{"33 bytes", func(o *Options) { o.Channel = strings.Repeat("a", 33) }, []string{"channel", "32"}},
		{"narrow", func(o *Options) { o.Width = 158 }, []string{"size", "158x180", "160x90"}},
		{"low", func(o *Options) { o.Height = 88 }, []string{"size", "320x88"}},
		{"wide", func(o *Options) { o.Width = 7682 }, []string{"size", "7680x4320"}},
		{"negative", func(o *Options) { o.Height = -180 }, []string{"size"}},
		{"odd width", func(o *Options) { o.Width = 321 }, []string{"size", "321x180", "use 320x180"}},
		{"odd height", func(o *Options) { o.Height = 181 }, []string{"size", "320x181", "use 320x180"}},
		{"no rate", func(o *Options) { o.Rate = media.FrameRate{} }, []string{"frame rate", "0/0", "30000/1001"}},
		{"rate not reduced", func(o *Options) { o.Rate = media.FrameRate{Num: 60, Den: 2} }, []string{"frame rate", "60/2"}},
		{"drop-frame at 30", func(o *Options) { o.DropFrame = true }, []string{"drop-frame", "30000/1001"}},
		{"no epoch", func(o *Options) { o.Epoch = time.Time{} }, []string{"epoch", "not set"}},
		{"microseconds", func(o *Options) { o.Epoch = o.Epoch.Add(time.Microsecond) }, []string{"epoch", "millisecond"}},
		{"old", func(o *Options) { o.Epoch = time.Unix(-1, 0) }, []string{"epoch", "1969", "1970"}},
		{"far", func(o *Options) { o.Epoch = time.Date(2201, 1, 1, 0, 0, 0, 0, time.UTC) }, []string{"epoch", "2200"}},
		{"seed", func(o *Options) { o.Seed = 1 << 53 }, []string{"seed", "9007199254740992", "9007199254740991"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := testOptions(320, 180)
			c.edit(&o)
			err := o.Validate()
			if (err == nil) != (len(c.want) == 0) {
				t.Fatalf("Validate() = %v, want error with %q", err, c.want)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
			if _, rerr := NewRenderer(o); (rerr == nil) != (err == nil) {
				t.Errorf("NewRenderer: %v, Validate: %v", rerr, err)
			}
		})
	}
}
