package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// analyze compares reading a stream's statements about time with ffprobe -show_frames on the same files, and the memory
// that a long stream takes with that of a short one.
func (l *lab) analyze(ctx context.Context) ([]row, error) {
	seconds := pick(l, 60, 6)
	clip := filepath.Join(l.memory, "analyze")
	if _, err := timed(ctx, l.refstream, "generate", "--out", clip, "--size", "1280x720", "--duration", fmt.Sprintf("%ds", seconds)); err != nil {
		return nil, err
	}
	playlist := filepath.Join(clip, "index.m3u8")
	ffprobe := filepath.Join(filepath.Dir(l.ffmpeg), strings.Replace(filepath.Base(l.ffmpeg), "ffmpeg", "ffprobe", 1))
	var ours, theirs, ratios []float64
	for range pick(l, 7, 1) {
		a, err := timed(ctx, l.refstream, "analyze", playlist)
		if err != nil {
			return nil, err
		}
		b, err := timed(ctx, ffprobe, "-v", "error", "-show_frames", playlist)
		if err != nil {
			return nil, err
		}
		ours, theirs = append(ours, a.Seconds()), append(theirs, b.Seconds())
		ratios = append(ratios, b.Seconds()/a.Seconds())
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
		row{Name: fmt.Sprintf("analyze %d s of 1280x720@30 HLS", seconds), Unit: "s", Ours: median(ours),
			Note: "whole processes, start included; the ratio is ffprobe's time to ours, the median of the rounds",
		}.against("ffprobe -show_frames", median(theirs), median(ratios)).meant(ratioAtLeast(20)),
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
