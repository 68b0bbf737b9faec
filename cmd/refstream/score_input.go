package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/verify/score"
)

// maxDetectionBytes bounds a list of detections: the most there may be, each an object of some 600 bytes.
const maxDetectionBytes = 64 << 20

// errLongList is a list of detections that has no end, or too late a one.
var errLongList = errors.New("the list has more than 64 MiB: give detections only")

// read reads the detections from a file or standard input, until ctx ends.
func (f *scoreFlags) read(ctx context.Context, name string, stdin io.Reader, in score.Reading) (score.List, error) {
	list, open := stdin.(*os.File)
	switch {
	case name != "-":
		file, err := analyzer.OpenFile(ctx, name)
		if err != nil {
			return score.List{}, fmt.Errorf("read detections: %w", err)
		}
		defer file.Close()
		stdin = file
	case open:
		file, err := analyzer.WaitOn(ctx, list)
		if err != nil {
			return score.List{}, fmt.Errorf("read detections: %w", err)
		}
		defer file.Close()
		stdin = file
	}
	text := bufio.NewReader(&boundedList{stdin, maxDetectionBytes})
	switch in.Format = score.Format(f.format); in.Format {
	case score.JSON, score.CSV, score.FFmpeg:
	case "":
		in.Format = guessFormat(text)
	default:
		return score.List{}, fmt.Errorf("--format: %q is not a format: use json, csv or ffmpeg", f.format)
	}
	return in.Read(text)
}

// boundedList reads so many bytes; more are an error.
type boundedList struct {
	in   io.Reader
	left int64
}

// Read reads once.
func (b *boundedList) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errLongList
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		return n - 1, errLongList
	}
	return n, err
}

// logStart is how a log of ffmpeg begins, or lines of it.
var logStart = regexp.MustCompile(`^(ffmpeg version |Input #\d|\[\w+ @ 0x|lavfi\.|(black|freeze|silence)_start)`)

// guessFormat looks at how a list begins: JSON with a bracket or a brace, CSV with a name or a number. Numbers and strings
// in a line of their own are the same in both, and a quote may begin a header.
func guessFormat(text *bufio.Reader) score.Format {
	const enough = 64
	head, _ := text.Peek(enough) // what there is of a shorter list
	start := strings.TrimLeft(strings.TrimPrefix(string(head), "\uFEFF"), " \t\r\n")
	if logStart.MatchString(start) {
		return score.FFmpeg
	}
	if start == "" || strings.ContainsAny(start[:1], `[{`) {
		return score.JSON
	}
	return score.CSV
}
