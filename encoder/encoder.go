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
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refstream/refstream/media"
)

// errEnded refuses a frame that comes after Run has returned; nothing of it was written.
var errEnded = errors.New("the encoder has ended")

// Encoder is one ffmpeg process, for one run: after it has ended, however that was, a new Encoder is needed, which starts
// at a GOP.
//
// One goroutine calls Run, another Write for every frame and then CloseInput. Pending may be called from anywhere.
type Encoder struct {
	o     Options
	times *timeline

	begun   atomic.Bool
	started chan struct{} // closed when stdin is there
	done    chan struct{} // closed when Run has returned

	// read is the track of the newest unit as ffmpeg's output has it, track the same under the rendition's name.
	read, track *media.Track

	input  sync.Mutex // held while a frame is written
	closed bool       // CloseInput was called, or a frame was written in part
	torn   error      // which one
	stdin  *os.File   // ffmpeg's input, set once

	// For the watchdog.
	progress atomic.Int64 // frames that were taken and units that came out
	writing  atomic.Bool  // a frame is being written
	draining atomic.Bool  // there will be no more frames
	handling atomic.Bool  // a unit is with Run's caller, who may take his time
}

// New makes an Encoder. It returns an error when the options are wrong, and starts nothing.
func New(o Options) (*Encoder, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("make encoder: %w", err)
	}
	o = o.withDefaults()
	return &Encoder{
		o:       o,
		times:   &timeline{rate: o.Rate, gop: o.GOP, origin: o.PTSOrigin},
		started: make(chan struct{}),
		done:    make(chan struct{}),
	}, nil
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
	select {
	case <-e.started:
	case <-e.done:
	case <-ctx.Done():
	}
	e.input.Lock()
	defer e.input.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-e.done:
		return cmp.Or(ctx.Err(), errEnded)
	default:
	}
	if e.closed {
		return errors.New("the encoder's input is closed")
	}
	if err := e.times.give(n); err != nil {
		return err
	}
	e.writing.Store(true)
	err := writeAll(ctx, e.stdin, picture)
	e.writing.Store(false)
	e.progress.Add(1)
	if err != nil {
		e.torn = fmt.Errorf("frame %d was written in part: %w", n, err)
		e.closeLocked()
	}
	return err
}

// writeAll writes to a pipe until the context ends.
func writeAll(ctx context.Context, f *os.File, b []byte) error {
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		_ = f.SetWriteDeadline(time.Unix(1, 0)) // long ago: a Write under way returns
	})
	_, err := f.Write(b)
	if !stop() {
		<-interrupted
		_ = f.SetWriteDeadline(time.Time{})
		if err != nil {
			return ctx.Err()
		}
	}
	if err != nil {
		return fmt.Errorf("ffmpeg takes no more input: %w", err)
	}
	return nil
}

// CloseInput ends ffmpeg's input, after the Write that is under way. Run returns when the frames that ffmpeg holds are encoded.
func (e *Encoder) CloseInput() {
	e.input.Lock()
	defer e.input.Unlock()
	e.closeLocked()
}

func (e *Encoder) closeLocked() {
	e.closed = true
	if e.stdin != nil {
		_ = e.stdin.Close()
		e.draining.Store(true)
	}
}

// Pending lists the frames, in order, that were given to Write and did not come out (yet). After Run has returned these
// are lost.
func (e *Encoder) Pending() []int64 { return e.times.pending() }
