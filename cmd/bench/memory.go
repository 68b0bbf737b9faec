package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// memoryUse measures refstream's own peak memory: of a minute of the default picture, and of an hour of a small one against two
// minutes of it, which shows whether it grows with the stream.
func (l *lab) memoryUse(ctx context.Context) ([]row, error) {
	minute, err := l.peakOfGenerate(ctx, "--size", "1920x1080", "--fps", "30", "--duration", pick(l, "60s", "4s"))
	if err != nil {
		return nil, err
	}
	small := []string{"--size", "160x90", "--fps", "24", "--preset", "ultrafast", "--bitrate", "100k", "--duration"}
	begin, err := l.peakOfGenerate(ctx, append(small, "2m")...)
	if err != nil {
		return nil, err
	}
	long := pick(l, "1h", "10m")
	hour, err := l.peakOfGenerate(ctx, append(small, long)...)
	if err != nil {
		return nil, err
	}
	return []row{
		{Name: "peak memory, generate 1080p for 60 s", Unit: "MB", Ours: minute, Note: "refstream itself, without ffmpeg"},
		row{Name: "peak memory, generate 160x90@24 for " + long, Unit: "MB", Ours: hour,
			Note: "flat is meant: the playlist of an hour is all that may grow",
		}.against("the same for 2 m", begin, hour/begin).meant(ratioAtMost(1.25)),
	}, nil
}

// peakOfGenerate runs generate and returns the peak of its memory in megabytes.
func (l *lab) peakOfGenerate(ctx context.Context, args ...string) (float64, error) {
	out := filepath.Join(l.dir, "peak")
	defer os.RemoveAll(out)
	return l.peakOf(ctx, append([]string{"generate", "--out", out}, args...)...)
}

// peakOf runs refstream and returns the peak of its memory in megabytes, read until shortly before it ended.
func (l *lab) peakOf(ctx context.Context, args ...string) (float64, error) {
	p, err := start(ctx, nil, l.refstream, args...)
	if err != nil {
		return 0, err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var peak int64
	for {
		select {
		case <-p.done:
			if err := p.wait(); err != nil {
				return 0, err
			}
			if peak == 0 {
				return 0, errors.New("the program ended before its memory could be read")
			}
			return float64(peak) / 1e6, nil
		case <-tick.C:
			now, err := peakMemory(p.cmd.Process.Pid)
			if err == nil {
				peak = max(peak, now)
			} else if ctx.Err() != nil {
				return 0, fmt.Errorf("measure memory: %w", errors.Join(ctx.Err(), p.wait()))
			}
		}
	}
}

// analyze compares reading a stream's statements about time with ffprobe -show_frames on the same files, and the memory
// that a long stream takes with that of a short one.
func (l *lab) analyze(ctx context.Context) ([]row, error) {
	length := pick(l, 60, 6)
	clip := filepath.Join(l.memory, "analyze")
	if _, err := timed(ctx, l.refstream, "generate", "--out", clip, "--size", "1280x720", "--duration", fmt.Sprintf("%ds", length)); err != nil {
		return nil, err
	}
	playlist := filepath.Join(clip, "index.m3u8")
	ffprobe := filepath.Join(filepath.Dir(l.ffmpeg), strings.Replace(filepath.Base(l.ffmpeg), "ffmpeg", "ffprobe", 1))
	seconds := func(program string, args ...string) func() (float64, error) {
		return func() (float64, error) {
			took, err := timed(ctx, program, args...)
			return took.Seconds(), err
		}
	}
	medians, ratios, err := inTurn(pick(l, 7, 1), seconds(ffprobe, "-v", "error", "-show_frames", playlist), seconds(l.refstream, "analyze", playlist))
	if err != nil {
		return nil, err
	}
	short, err := l.peakOfAnalyze(ctx, pick(l, "5m", "1m"))
	if err != nil {
		return nil, err
	}
	long := pick(l, "1h", "5m")
	all, err := l.peakOfAnalyze(ctx, long)
	if err != nil {
		return nil, err
	}
	return []row{
		row{Name: fmt.Sprintf("analyze %d s of 1280x720@30 HLS", length), Unit: "s", Ours: medians[1],
			Note: "whole processes, start included; the ratio is ffprobe's time to ours, the median of the rounds",
		}.against("ffprobe -show_frames", medians[0], ratios[1]).meant(ratioAtLeast(20)),
		row{Name: "peak memory, analyze " + long + " of 160x90@24", Unit: "MB", Ours: all, Note: "flat is meant"}.
			against("the same for a part of it", short, all/short).meant(ratioAtMost(1.25)),
	}, nil
}

// peakOfAnalyze generates a small stream and returns the peak of the memory that reading it takes, in megabytes.
func (l *lab) peakOfAnalyze(ctx context.Context, length string) (float64, error) {
	out := filepath.Join(l.dir, "analyzed")
	defer os.RemoveAll(out)
	if _, err := timed(ctx, l.refstream, "generate", "--out", out, "--size", "160x90", "--fps", "24", "--preset", "ultrafast",
		"--bitrate", "100k", "--duration", length); err != nil {
		return 0, err
	}
	return l.peakOf(ctx, "analyze", filepath.Join(out, "index.m3u8"))
}
