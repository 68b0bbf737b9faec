package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/image/font/gofont/gomonobold"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// generate compares refstream generate at 1080p with ffmpeg alone: encoding the same raw frames from memory, which is
// what generate would take if rendering, SEI, muxing and the ledger cost nothing, and drawing frames of its own.
func (l *lab) generate(ctx context.Context) ([]row, error) {
	const width, height = 1920, 1080
	seconds := pick(l, 16, 4)
	frames := 30 * seconds
	rounds := pick(l, 5, 1)
	size := fmt.Sprintf("%dx%d", width, height)
	encode, err := l.encoderCommand(ctx, size)
	if err != nil {
		return nil, err
	}
	raw := filepath.Join(l.memory, "frames.rgb")
	defer os.Remove(raw)
	if err := writeFrames(ctx, raw, media.RGB24, picture(width, height), frames); err != nil {
		return nil, err
	}
	font := filepath.Join(l.memory, "font.ttf")
	if err := os.WriteFile(font, gomonobold.TTF, 0o644); err != nil {
		return nil, fmt.Errorf("write font: %w", err)
	}

	out := filepath.Join(l.dir, "out")
	defer os.RemoveAll(out)
	rate := l.rateOf(ctx, frames)
	medians, ratios, err := inTurn(rounds,
		rate(l.refstream, "generate", "--out", out, "--size", size, "--fps", "30", "--duration", fmt.Sprintf("%ds", seconds)),
		rate(l.ffmpeg, encode.fromFile(raw, filepath.Join(out, "alone.ts"))...),
		rate(l.ffmpeg, encode.fromTestPicture(width, height, frames, font, filepath.Join(out, "alone.ts"))...))
	if err != nil {
		return nil, err
	}
	f := row{Name: "generate 1080p", Unit: "frames/s", Ours: medians[0]}
	same, own := f, f
	same.Note = fmt.Sprintf("whole processes over %d frames, start included; ffmpeg reads the frames from a file in memory and "+
		"writes MPEG-TS, by the command that generate runs; medians of %d rounds in turn", frames, rounds)
	own.Note = "the same settings with ffmpeg's testsrc2 picture and a drawtext timecode: a simpler picture for the encoder, or a harder one"
	return []row{
		same.against("ffmpeg, same frames", medians[1], ratios[1]).meant(ratioAtLeast(0.9)),
		own.against("ffmpeg, testsrc2 + drawtext", medians[2], ratios[2]),
	}, nil
}

// rateOf makes what measures how many of so many frames a program writes in a second, into the folder "out" in its arguments.
func (l *lab) rateOf(ctx context.Context, frames int) func(program string, args ...string) func() (float64, error) {
	return func(program string, args ...string) func() (float64, error) {
		return func() (float64, error) {
			if _, err := l.folder("out"); err != nil {
				return 0, err
			}
			took, err := timed(ctx, program, args...)
			if err != nil {
				return 0, err
			}
			l.logf("generate: %s: %.1f frames/s", program, float64(frames)/took.Seconds())
			return float64(frames) / took.Seconds(), nil
		}
	}
}

// planar compares refstream generate --raw yuv420p at 1080p with ffmpeg alone: encoding the same frames from memory in RGB, which
// it has to convert, and in YUV.
func (l *lab) planar(ctx context.Context) ([]row, error) {
	const width, height = 1920, 1080
	seconds := pick(l, 16, 4)
	frames, rounds, size := 30*seconds, pick(l, 5, 1), fmt.Sprintf("%dx%d", width, height)
	out := filepath.Join(l.dir, "out")
	defer os.RemoveAll(out)
	rate := l.rateOf(ctx, frames)
	measure := []func() (float64, error){rate(l.refstream, "generate", "--out", out, "--size", size, "--fps", "30", "--duration",
		fmt.Sprintf("%ds", seconds), "--raw", string(media.YUV420P))}
	for _, f := range []media.PixelFormat{media.RGB24, media.YUV420P} {
		encode, err := l.encoderCommand(ctx, size, "--raw", string(f))
		if err != nil {
			return nil, err
		}
		raw := filepath.Join(l.memory, "frames."+string(f))
		defer os.Remove(raw)
		if err := writeFrames(ctx, raw, f, picture(width, height), frames); err != nil {
			return nil, err
		}
		measure = append(measure, rate(l.ffmpeg, encode.fromFile(raw, filepath.Join(out, "alone.ts"))...))
	}
	medians, ratios, err := inTurn(rounds, measure...)
	if err != nil {
		return nil, err
	}
	r := row{
		Name: "generate 1080p --raw yuv420p", Unit: "frames/s", Ours: medians[0],
		Note: fmt.Sprintf("as above, over %d frames: ffmpeg reads the frames from a file in memory", frames),
	}
	return []row{
		r.against("ffmpeg, same frames in RGB", medians[1], ratios[1]).meant(ratioAtLeast(1.25)),
		r.against("ffmpeg, same frames in YUV", medians[2], ratios[2]).meant(ratioAtLeast(0.93)),
	}, nil
}

// ladder compares the processor time that refstream generate takes, with its encoders, for the standard ladder and for the first
// rendition of it alone.
func (l *lab) ladder(ctx context.Context) ([]row, error) {
	seconds, rounds := pick(l, 16, 2), pick(l, 5, 1)
	out := filepath.Join(l.dir, "out")
	defer os.RemoveAll(out)
	cost := func(args ...string) func() (float64, error) {
		return func() (float64, error) {
			if _, err := l.folder("out"); err != nil {
				return 0, err
			}
			p, err := start(ctx, nil, l.refstream, append([]string{"generate", "--out", out, "--duration", fmt.Sprintf("%ds", seconds)}, args...)...)
			if err == nil {
				err = p.wait()
			}
			if err != nil {
				return 0, err
			}
			used := p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime() // with that of the encoders, which it waited for
			l.logf("ladder: generate %v: %.1f s of processor time", args, used.Seconds())
			return used.Seconds() / float64(seconds), nil
		}
	}
	medians, ratios, err := inTurn(rounds, cost("--ladder", "standard"), cost("--size", "1920x1080"))
	if err != nil {
		return nil, err
	}
	return []row{row{
		Name: "generate --ladder standard", Unit: "s of processor/s", Ours: medians[0],
		Note: fmt.Sprintf("1080p, 720p and 360p of the same %d s, and 1080p alone: refstream and its encoders; medians of %d rounds in turn", seconds, rounds),
	}.against("its first rendition alone", medians[1], ratios[1]).meant(ratioAtMost(1.75))}, nil
}

// writeFrames renders frames 0 to n-1, with the events of the schedule, into one file.
func writeFrames(ctx context.Context, name string, format media.PixelFormat, o generator.Options, n int) error {
	r, err := generator.NewRendererIn(format, o)
	if err != nil {
		return fmt.Errorf("make renderer: %w", err)
	}
	schedule, err := scenario.NewSchedule(o.Seed, 20*o.Rate.Num, 2*o.Rate.Num) // the defaults, at a whole rate
	if err != nil {
		return fmt.Errorf("make schedule: %w", err)
	}
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write frames: %w", err)
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	buf := make([]byte, r.FrameSize())
	for i := range int64(n) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		_, event := schedule.At(i)
		if err := r.Render(buf, i, generator.Look{Event: event}); err != nil {
			return fmt.Errorf("render frame %d: %w", i, err)
		}
		if _, err := w.Write(buf); err != nil {
			return fmt.Errorf("write frames: %w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write frames: %w", err)
	}
	return f.Close()
}

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
