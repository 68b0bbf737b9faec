// Package analyzer reads streams and says what they state about time: one record a statement.
//
// [Run] reads a stream of any kind that this project speaks, its own or another's, and calls a function for each
// [Record]: SEI of H.264 (annexes D and E: pic_timing under the parameter sets that are active, and user data: MISB ST
// 0604, package annotate's, OBS's, Millicast's), scripts of FLV and RTMP (Adobe FLV 10.1, E.4.4, and the conventions onFI,
// onCuePoint and onTextData), timed ID3 (in MPEG-TS, and in event messages of MP4), and EXT-X-PROGRAM-DATE-TIME and
// EXT-X-DATERANGE of HLS playlists (RFC 8216, 4.3.2.6 and 4.3.2.7). Pictures are not decoded.
//
// What happens to the stream on the way (it stalls, breaks off, restarts, changes its coding, loses parts) is reported as
// [Note]; [Summary] keeps what is worth showing of it all. [Capture] stores a stream as it is, so that it can be read
// again.
package analyzer

import (
	"context"
	"fmt"

	"github.com/refstream/refstream/analyzer/input"
)

// Run reads a stream and calls handle with a record for each timing statement, in the order of the stream, until the
// stream ends, ctx is done or handle returns an error. It reads HLS, live or not, in MPEG-TS or MP4; MPEG-TS over HTTP,
// TCP (tcp://host:port, or tcp://host:port?listen to be connected to) and UDP (udp://address:port, also multicast and
// RTP); FLV over HTTP; RTMP; and files of these kinds, MP4 too. The kind is found from the address, and failing that from
// the first bytes.
//
// The error is that of handle, or of ctx, or says why the stream can't be read; it is nil at the stream's end and after
// Options.Duration. With Options.Follow only addresses that can't be right, and streams that are complete, come to an
// end. All calls of handle, and of the functions in Options, are made in the goroutine of Run; records may be kept.
func Run(ctx context.Context, url string, o Options, handle func(Record) error) error {
	o, s, done, err := prepare(url, o)
	if err != nil {
		return err
	}
	defer done()
	x := newExtractor(url, o, handle)
	reading := ctx
	if o.Duration > 0 {
		var cancel context.CancelFunc
		reading, cancel = context.WithTimeout(ctx, o.Duration)
		defer cancel()
	}
	err = follow(reading, s, x)
	switch {
	case x.err != nil:
		return x.err
	case ctx.Err() != nil:
		return ctx.Err()
	case reading.Err() != nil: // Duration is over
		return nil
	}
	return err
}

// follow reads the stream, and again if it is to be followed, until it is complete or ctx is done.
func follow(ctx context.Context, s *source, x *extractor) error {
	pause := x.o.RetryMin
	for {
		before := x.units
		complete, err := s.read(ctx, x)
		if x.err != nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if complete || !x.o.Follow {
			if err == nil {
				x.note(NoteEnded, nil, "the stream has ended after %d access units", x.units)
			}
			return err
		}
		if x.units > before {
			pause = x.o.RetryMin
		}
		again := fmt.Sprintf("trying again in %v", pause)
		if err == nil {
			x.note(NoteLost, nil, "the stream has ended after %d access units, %s", x.units, again)
		} else {
			x.note(NoteLost, err, "the stream can't be read, %s", again)
		}
		x.lost()
		if err := input.Wait(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, x.o.RetryMax)
	}
}

// source is where a stream comes from. Each read or store connects anew.
type source struct {
	t input.Target
	o Options
}

// read gives x what comes, until the stream ends, breaks off, or ctx is done. complete says that it came to an end after
// which nothing can follow, as that of a file.
func (s *source) read(ctx context.Context, x *extractor) (complete bool, err error) {
	switch s.t.Hint {
	case input.RTMP:
		return false, s.readRTMP(ctx, x)
	case input.HLS:
		return s.readHLS(ctx, x)
	}
	return s.readBytes(ctx, x)
}

// store stores what comes, until the stream ends, breaks off, or ctx is done; with an error goes what was stored before it.
func (s *source) store(ctx context.Context, dir string) (Captured, error) {
	switch s.t.Hint {
	case input.RTMP:
		return s.storeRTMP(ctx, dir)
	case input.HLS:
		return s.storeHLS(ctx, dir)
	}
	return s.storeBytes(ctx, dir)
}

// prepare fills in the options and makes the source of an address; done must be called when it is no longer read.
func prepare(url string, o Options) (_ Options, s *source, done func(), err error) {
	done = func() {}
	own := o.HTTP == nil
	if o, err = o.withDefaults(); err != nil {
		return o, nil, done, err
	}
	t, err := input.ParseTarget(url)
	if err != nil {
		return o, nil, done, err
	}
	if own {
		done = o.HTTP.CloseIdleConnections
	}
	return o, &source{t, o}, done, nil
}
