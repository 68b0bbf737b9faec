package main

import (
	"context"
	"fmt"
	"time"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/media"
)

// picture is what all of the 1080p rows show: the defaults of refstream generate, at 30 frames/s.
func picture(width, height int) generator.Options {
	rate := media.FrameRate{Num: 30, Den: 1}
	return generator.Options{
		Channel: "main", Width: width, Height: height, Rate: rate, Seed: 1,
		Epoch: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}

// render compares rendering a 1080p frame with copying as many bytes, and rendering it with noise with that, a frame of each
// in turn.
func (l *lab) render(ctx context.Context) ([]row, error) {
	r, err := generator.NewRenderer(picture(1920, 1080))
	if err != nil {
		return nil, fmt.Errorf("make renderer: %w", err)
	}
	noisy := picture(1920, 1080)
	noisy.Noise = 16
	withNoise, err := generator.NewRenderer(noisy)
	if err != nil {
		return nil, fmt.Errorf("make renderer: %w", err)
	}
	dst := make([]byte, r.FrameSize())
	src := make([]byte, r.FrameSize())
	if err := r.Render(src, 0, generator.Look{}); err != nil {
		return nil, err
	}
	const warmUp = 20
	frames := pick(l, 1000, 100)
	var renders, copies, noises []float64
	for n := range warmUp + frames {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		began := time.Now()
		// Half of the frames show an event: more than any stream has.
		if err := r.Render(dst, int64(n), generator.Look{Event: n%2 == 0}); err != nil {
			return nil, err
		}
		rendered := time.Now()
		copy(dst, src)
		copied := time.Now()
		if err := withNoise.Render(dst, int64(n), generator.Look{Event: n%2 == 0}); err != nil {
			return nil, err
		}
		noised := time.Now()
		if n >= warmUp {
			noises = append(noises, milliseconds(noised.Sub(copied)))
			renders = append(renders, milliseconds(rendered.Sub(began)))
			copies = append(copies, milliseconds(copied.Sub(rendered)))
		}
	}
	a, b, c := median(renders), median(copies), median(noises)
	return []row{row{
		Name: "render a 1080p frame", Unit: "ms", Ours: a,
		Note: fmt.Sprintf("median of %d frames, each followed by one copy of as many bytes", frames),
	}.against("copy of its bytes", b, a/b).meant(ratioAtMost(2)), row{
		Name: "render a 1080p frame with noise", Unit: "ms", Ours: c, Note: "--noise 16, in turn with the above",
	}.against("the same without noise", a, c/a).meant(ratioAtMost(4))}, nil
}
