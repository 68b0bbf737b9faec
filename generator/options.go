// Package generator renders the picture and the sound of the stream and keeps its pace.
//
// Everything here is a pure function of the options and of the frame number n, counted from the epoch: the pixels
// (Renderer) and the deadlines (Pacer). Pictures are 8-bit RGB, three bytes a pixel, rows from the top without padding
// (rgb24 in ffmpeg's names), full range, meant to be converted by ITU-R BT.709. Timecode is that of SMPTE ST 12-1.
//
// From the top, a picture holds the frame code (see ReadFrameCode), a checkerboard that rolls sideways, and a bar
// with timecode, frame number, nominal UTC and channel name. An event turns one block of the board cyan.
//
// Sound is a pure function of the sample number and the events: see RenderSamples.
package generator

import (
	"errors"
	"fmt"
	"time"

	"github.com/refstream/refstream/media"
)

// MaxFrame is the largest frame number: the frame code has 44 bits for it, which last 2300 years at 240 frames/s.
const MaxFrame = 1<<44 - 1

// Limits of the options.
const (
	minWidth, minHeight = 160, 90    // smaller frame code cells than 5x5 pixels don't survive encoding
	maxWidth, maxHeight = 7680, 4320 // the largest picture that H.264 level 6.2 is meant for
	maxChannel          = 32         // bytes; the name is part of paths, URLs and ids
	maxSeed             = 1<<53 - 1  // the largest range of integers that every JSON reader keeps exactly
	// maxNoise is a quarter of the range: more is mostly clipped to black and white.
	maxNoise = 64
	// mostColumns is how many blocks may be side by side: what finds them looks at pictures scaled to 640 pixels, where each
	// then has 16.
	mostColumns      = 40
	minYear, maxYear = 1970, 2200 // Unix nanoseconds fit int64 until 2262, with room for the stream to run
)

// Options state everything that a picture depends on besides the frame number and whether an event is active.
// There are no defaults: Validate tells what is missing.
type Options struct {
	// Channel is the stream's name: [a-z0-9][a-z0-9_-]{0,31}.
	Channel string
	// Width and Height are the picture's size in pixels, even, 160x90 to 7680x4320.
	Width, Height int
	// Rate is the number of frames per second: see media.FrameRate.Validate.
	Rate media.FrameRate
	// Epoch is the nominal UTC of frame 0: whole milliseconds, from 1970 to the end of 2200.
	Epoch time.Time
	// DropFrame shows drop-frame timecode, where the rate defines it.
	DropFrame bool
	// Seed selects the noise, 0 to 2^53-1.
	Seed uint64
	// Noise is the standard deviation of the board's noise of brightness in levels of 255, 0 to 64.
	Noise int
	// BlockSide is about how wide and high the board's blocks are in pixels: an odd number of rows and an even one of columns
	// divide it evenly. It is 16, or a fortieth of the width if that is more, to half the width and the height of the board;
	// 0 chooses by the picture's size.
	BlockSide int
	// RollStep is how many pixels the board moves to the left with every frame, even, negative to the right, at most half the
	// width either way; 0 chooses by size and rate.
	RollStep int
}

// Validate returns nil, or an error that names the first wrong option, its value and what to give instead.
func (o Options) Validate() error {
	if err := checkChannel(o.Channel); err != nil {
		return err
	}
	if o.Width < minWidth || o.Width > maxWidth || o.Height < minHeight || o.Height > maxHeight {
		return fmt.Errorf("size %dx%d is out of range: use %dx%d to %dx%d",
			o.Width, o.Height, minWidth, minHeight, maxWidth, maxHeight)
	}
	if o.Width%2 != 0 || o.Height%2 != 0 {
		return fmt.Errorf("size %dx%d is odd, but 4:2:0 video needs even numbers: use %dx%d",
			o.Width, o.Height, o.Width&^1, o.Height&^1)
	}
	if err := o.Rate.Validate(); err != nil {
		return err
	}
	if o.DropFrame && !o.Rate.DropFrame() {
		return fmt.Errorf("drop-frame timecode is not defined at %s frames/s: use 30000/1001 or 60000/1001, "+
			"or leave drop-frame off", o.Rate)
	}
	if err := checkEpoch(o.Epoch); err != nil {
		return err
	}
	if o.Seed > maxSeed {
		return fmt.Errorf("seed %d is too large, JSON readers would round it: use 0 to %d", o.Seed, uint64(maxSeed))
	}
	return o.checkBoard()
}

func (o Options) checkBoard() error {
	if o.Noise < 0 || o.Noise > maxNoise {
		return fmt.Errorf("noise of %d levels is out of range: use 0 to %d", o.Noise, maxNoise)
	}
	least, most := max(minBlock, o.Width/mostColumns), min(o.Width/2, o.boardHeight())
	if o.BlockSide != 0 && (o.BlockSide < least || o.BlockSide > most) {
		return fmt.Errorf("blocks of %d pixels are out of range at %dx%d: use %d to %d, or 0 to choose by the size",
			o.BlockSide, o.Width, o.Height, least, most)
	}
	if o.RollStep%2 != 0 || max(o.RollStep, -o.RollStep) > o.Width/2 {
		return fmt.Errorf("roll of %d pixels is not possible: use an even number from %d to %d, or 0 to choose by size and rate",
			o.RollStep, -(o.Width / 2 &^ 1), o.Width/2&^1)
	}
	return nil
}

func checkChannel(name string) error {
	ok := name != "" && len(name) <= maxChannel
	for i := 0; i < len(name); i++ {
		c := name[i]
		alnum := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		ok = ok && (alnum || i > 0 && (c == '_' || c == '-'))
	}
	if !ok {
		return fmt.Errorf("channel %q is not a channel name: use 1 to %d of a-z, 0-9, _ and -, "+
			"starting with a letter or digit", name, maxChannel)
	}
	return nil
}

func checkEpoch(t time.Time) error {
	if t.IsZero() {
		return errors.New("epoch is not set: give the UTC instant of frame 0, such as 2024-01-01T00:00:00Z")
	}
	if y := t.UTC().Year(); y < minYear || y > maxYear {
		return fmt.Errorf("epoch %s is out of range: use a year from %d to %d",
			t.UTC().Format(time.RFC3339), minYear, maxYear)
	}
	if t.Nanosecond()%int(time.Millisecond) != 0 {
		return fmt.Errorf("epoch %s is not a whole number of milliseconds: use %s", t.UTC().Format(time.RFC3339Nano),
			t.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano))
	}
	return nil
}
