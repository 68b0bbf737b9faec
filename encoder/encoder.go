// Package encoder turns raw pictures into H.264 access units with one ffmpeg process: RGB24 or YUV420P frames go to its
// standard input, an MPEG transport stream leaves its standard output.
//
// ffmpeg counts pictures, not frames: it has a constant rate and gets no time stamps. Its output is a transport stream, and not
// plain H.264, because time stamps identify the picture of a unit: units are in decoding order, in which B-frames follow the
// pictures that they precede. So the PTS of a unit, relative to the first one's, gives the index of the picture in the input,
// and the list of what was written gives its frame number. The time stamps of this package's units are computed from the
// frame number; ffmpeg's are dropped. Whatever doesn't fit is an error: a unit never gets a number that is not certain.
//
// Every GOP is closed, starts with an IDR picture and has exactly the configured number of frames. Pictures are BT.709
// (ITU-T H.264, E.2.1: colour_primaries, transfer_characteristics and matrix_coefficients 1) in limited range.
package encoder

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/media"
)

// Encoder is one ffmpeg process, for one run: after it has ended, however that was, a new Encoder is needed, which starts
// at a GOP.
//
// One goroutine calls Run, another Write for every frame and then CloseInput. Pending may be called from anywhere.
type Encoder struct {
	process
	o     Options
	times *timeline
	// read is the track of the newest unit as ffmpeg's output has it, track the same under the rendition's name.
	read, track *media.Track
}

// New makes an Encoder. It returns an error when the options are wrong, and starts nothing.
func New(o Options) (*Encoder, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("make encoder: %w", err)
	}
	o = o.withDefaults()
	t := &timeline{rate: o.Rate, gop: o.GOP, origin: o.PTSOrigin}
	return &Encoder{process: newProcess(o.FFmpeg, o.arguments(), o.Stall, o.Logger, t.pending), o: o, times: t}, nil
}

// Write gives ffmpeg the picture of frame n: Options.FrameSize bytes of the format Options.Raw. It waits for Run to have
// started ffmpeg, and then for as long as ffmpeg is busy. The caller may change picture as soon as Write has returned.
//
// The first frame must start a GOP, and each other frame must follow the one before or, after the last frame of a GOP, be the
// first one of any later GOP. A frame that is refused for this, or for its size, changes nothing. When Write fails for another
// reason (the context has ended, ffmpeg has) the picture may have been written in part: then nothing more can be written, the
// complete ones are still encoded, and Run returns an error; n is among Pending.
func (e *Encoder) Write(ctx context.Context, n int64, picture []byte) error {
	if err := e.write(ctx, n, picture); err != nil {
		return fmt.Errorf("encode frame %d: %w", n, err)
	}
	return nil
}

func (e *Encoder) write(ctx context.Context, n int64, picture []byte) error {
	if len(picture) != e.o.FrameSize() {
		return fmt.Errorf("%d bytes are not a picture of %dx%d %s: %d are needed", len(picture), e.o.Width, e.o.Height, e.o.Raw,
			e.o.FrameSize())
	}
	return e.process.write(ctx, picture, fmt.Sprintf("frame %d", n), func() error { return e.times.give(n) })
}

// Run starts ffmpeg and gives its access units to handle, one at a time, in decoding order, with their frame numbers and
// the time stamps that belong to them: PTS is Options.PTSOrigin + Rate.Ticks(Frame), DTS that of an earlier frame or the
// same. The handler may keep the units. While it works, ffmpeg waits, and soon also its input.
//
// Run returns nil after CloseInput, when every frame is encoded; an error that wraps the context's when that ends first; and
// otherwise one with ffmpeg's last lines. It returns when ffmpeg and all its children have ended. It may be called once.
func (e *Encoder) Run(ctx context.Context, handle func(media.Unit) error) error {
	var last *media.Unit
	return e.run(ctx, func(ctx context.Context, stdout io.Reader) (err error) {
		last, err = e.deliver(ctx, ts.NewReader(stdout), handle)
		return err
	}, func() error {
		if last == nil {
			return nil
		}
		return e.pass(*last, handle) // ffmpeg has ended well, so that the unit that its end cut off is whole
	})
}

// deliver passes units on until the output ends. A unit that ends only because the output does is returned: whether it
// is whole shows when ffmpeg's end is known.
func (e *Encoder) deliver(ctx context.Context, r *ts.Reader, handle func(media.Unit) error) (*media.Unit, error) {
	for {
		au, err := r.Next()
		if damage := r.Stats().LastDamage; damage != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read ffmpeg's output: %w", damage)
		}
		switch {
		case ctx.Err() != nil, errors.Is(err, io.EOF):
			return nil, nil // Run returns the context's error
		case err != nil:
			return nil, err
		case au.Untimed:
			return nil, errors.New("read ffmpeg's output: an access unit has no time stamps")
		case r.OpenEnded():
			return &au, nil
		}
		if err := e.pass(au, handle); err != nil {
			return nil, err
		}
	}
}

// pass gives one unit to the handler, under its number.
func (e *Encoder) pass(au media.Unit, handle func(media.Unit) error) error {
	au, err := e.times.place(au)
	if err != nil {
		return fmt.Errorf("place access unit: %w", err)
	}
	if au.Track != e.read {
		named := *au.Track
		named.Rendition = e.o.Rendition
		e.read, e.track = au.Track, &named
	}
	au.Track = e.track
	return e.hand(au, handle)
}

// Pending lists the frames, in order, that were given to Write and did not come out (yet). After Run has returned these
// are lost.
func (e *Encoder) Pending() []int64 { return e.times.pending() }
