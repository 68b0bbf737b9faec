package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// annotate measures what SEI and muxing take: the access units of a 1080p stream are encoded first, and then annotated
// and written as MPEG-TS, to nowhere, again and again.
func (l *lab) annotate(ctx context.Context) ([]row, error) {
	o := picture(1920, 1080)
	clock := markers.Clock{Rate: o.Rate, Epoch: o.Epoch, FramesPerSegment: 2 * o.Rate.Num}
	units, err := l.encode(ctx, o, clock.FramesPerSegment, pick(l, 240, 60))
	if err != nil {
		return nil, err
	}
	bytes := 0
	for _, u := range units {
		bytes += u.Size()
	}
	passes := pick(l, 200, 10)
	var total time.Duration
	written := 0
	for range passes {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		d, n, err := annotateAll(units, clock)
		if err != nil {
			return nil, err
		}
		total += d
		written = n
	}
	if written <= bytes {
		return nil, fmt.Errorf("%d bytes of access units became %d bytes of MPEG-TS", bytes, written)
	}
	frames := passes * len(units)
	return []row{row{
		Name: "SEI and MPEG-TS of a 1080p frame", Unit: "us", Ours: float64(total.Nanoseconds()) / 1e3 / float64(frames),
		Note: fmt.Sprintf("mean of %d frames: access units of %d bytes on average, which become %d bytes",
			frames, bytes/len(units), written/len(units)),
	}.meant(atMost(50))}, nil
}

// counter counts the bytes that are written to it and drops them. It is safe for concurrent use.
type counter struct{ atomic.Int64 }

func (c *counter) Write(b []byte) (int, error) {
	c.Add(int64(len(b)))
	return len(b), nil
}

// annotateAll takes all units through SEI and muxing once, and returns how long that took and the bytes that were written.
func annotateAll(units []media.Unit, clock markers.Clock) (d time.Duration, written int, err error) {
	a := annotate.New("main", clock)
	var c counter
	w := ts.NewWriter(&c)
	began := time.Now()
	for _, u := range units {
		rec := markers.FrameRecord{
			Frame: u.Frame, PTS: u.PTS, DTS: u.DTS, GenNS: clock.UTC(u.Frame).UnixNano(), Run: 1, Event: "main-e1",
		}
		out, err := a.Annotate(u, rec)
		if err != nil {
			return 0, 0, err
		}
		if err := w.WriteUnit(out); err != nil {
			return 0, 0, err
		}
	}
	return time.Since(began), int(c.Load()), nil
}

// encode renders and encodes frames 0 to n-1 with the defaults of refstream generate.
func (l *lab) encode(ctx context.Context, o generator.Options, gop int64, n int) ([]media.Unit, error) {
	r, err := generator.NewRenderer(o)
	if err != nil {
		return nil, fmt.Errorf("make renderer: %w", err)
	}
	e, err := encoder.New(encoder.Options{
		FFmpeg: l.ffmpeg, Encoder: "libx264", Width: o.Width, Height: o.Height, Rate: o.Rate, GOP: gop,
		Preset: "veryfast", Bitrate: 6_000_000, BFrames: 2, PTSOrigin: markers.PTSOrigin, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, fmt.Errorf("make encoder: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer e.CloseInput()
		buf := make([]byte, r.FrameSize())
		for i := range int64(n) {
			if err := r.Render(buf, i, generator.Look{}); err != nil {
				return err
			}
			if err := e.Write(ctx, i, buf); err != nil {
				return err
			}
		}
		return nil
	})
	var units []media.Unit
	group.Go(func() error {
		return e.Run(ctx, func(au media.Unit) error {
			units = append(units, au)
			return nil
		})
	})
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	if len(units) != n {
		return nil, fmt.Errorf("encode: %d frames went in and %d came out", n, len(units))
	}
	return units, nil
}
