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
	if err := writeFrames(ctx, raw, picture(width, height), frames); err != nil {
		return nil, err
	}
	font := filepath.Join(l.memory, "font.ttf")
	if err := os.WriteFile(font, gomonobold.TTF, 0o644); err != nil {
		return nil, fmt.Errorf("write font: %w", err)
	}

	var ours, alone, drawing, toAlone, toDrawing []float64
	for i := range rounds {
		out := filepath.Join(l.dir, "out")
		a, err := timed(ctx, l.refstream, "generate", "--out", out, "--size", size, "--fps", "30",
			"--duration", fmt.Sprintf("%ds", seconds))
		os.RemoveAll(out)
		if err != nil {
			return nil, err
		}
		dir, err := l.folder("out")
		if err != nil {
			return nil, err
		}
		b, err := timed(ctx, l.ffmpeg, encode.fromFile(raw, []string{"-y", "-nostdin"}, hls(dir)...)...)
		if err != nil {
			return nil, err
		}
		if dir, err = l.folder("out"); err != nil {
			return nil, err
		}
		c, err := timed(ctx, l.ffmpeg, encode.fromTestPicture(width, height, frames, font, hls(dir)...)...)
		os.RemoveAll(dir)
		if err != nil {
			return nil, err
		}
		rate := func(d time.Duration) float64 { return float64(frames) / d.Seconds() }
		l.logf("generate round %d: refstream %.1f, ffmpeg %.1f, with its own picture %.1f frames/s", i+1, rate(a), rate(b), rate(c))
		ours, alone, drawing = append(ours, rate(a)), append(alone, rate(b)), append(drawing, rate(c))
		toAlone, toDrawing = append(toAlone, rate(a)/rate(b)), append(toDrawing, rate(a)/rate(c))
	}
	f := row{Name: "generate 1080p", Unit: "frames/s", Ours: median(ours)}
	same, own := f, f
	same.Note = fmt.Sprintf("whole processes over %d frames, start included; ffmpeg reads the frames from a file in memory and "+
		"writes HLS with the settings that generate runs it with; medians of %d rounds in turn", frames, rounds)
	own.Note = "the same settings with ffmpeg's testsrc2 picture and a drawtext timecode: a simpler picture for the encoder, or a harder one"
	return []row{
		same.against("ffmpeg, same frames", median(alone), median(toAlone)).meant(ratioAtLeast(0.9)),
		own.against("ffmpeg, testsrc2 + drawtext", median(drawing), median(toDrawing)),
	}, nil
}

// writeFrames renders frames 0 to n-1, with the events of the schedule, into one file.
func writeFrames(ctx context.Context, name string, o generator.Options, n int) error {
	r, err := generator.NewRenderer(o)
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
