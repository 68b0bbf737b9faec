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
	shared := o.HTTP != nil
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	t, err := input.ParseTarget(url)
	if err != nil {
		return err
	}
	if !shared {
		defer o.HTTP.CloseIdleConnections()
	}
	x := newExtractor(url, o, handle)
	reading := ctx
	if o.Duration > 0 {
		var cancel context.CancelFunc
		reading, cancel = context.WithTimeout(ctx, o.Duration)
		defer cancel()
	}
	err = follow(reading, sourceOf(t, o), x)
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
func follow(ctx context.Context, s source, x *extractor) error {
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
		told := fmt.Sprintf("trying again in %v", pause)
		if err == nil {
			x.note(NoteLost, nil, "the stream has ended after %d access units, %s", x.units, told)
		} else {
			x.note(NoteLost, err, "the stream can't be read, %s", told)
		}
		x.lost()
		if err := input.Wait(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, x.o.RetryMax)
	}
}
