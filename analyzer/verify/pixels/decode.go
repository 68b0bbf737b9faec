package pixels

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/refstream/refstream/internal/ffmpeg"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// Decoding is what is decoded, and with what.
type Decoding struct {
	FFmpeg, Path string
	// Dir is a folder for a temporary file.
	Dir string
	// Info is Probe's answer about the stream, Channel what it should show.
	Info    StreamInfo
	Channel markers.Channel
}

// timesFile is where ffmpeg writes the time stamps, in the temporary folder.
const timesFile = "times.txt"

// Decode has ffmpeg decode the first video of a file, and measures every picture in the order in which they are shown.
//
// The pictures come through a pipe as raw video, scaled to one size. Raw video has no time stamps: a filter writes them,
// one for each picture as it passes, as they are in the file.
func Decode(ctx context.Context, d Decoding) ([]Picture, error) {
	path, err := filepath.Abs(d.Path)
	if err != nil {
		return nil, fmt.Errorf("decode stream: %w", err)
	}
	said := &ffmpeg.Lines{Tail: saidLines}
	cmd := decoder(ctx, d.FFmpeg, said, FileInput(path, d.Info.Format == "hls"), timesFile)
	cmd.Dir = d.Dir
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("decode stream: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("decode stream: %w", err)
	}
	list, readErr := measureAll(pipe, meter{scenario.Picture(d.Channel)})
	if readErr != nil {
		cmd.Kill() // it may wait for a reader; Wait returns how it ended
	}
	err = cmp.Or(ctx.Err(), readErr, cmd.Wait())
	// What is damaged makes ffmpeg fail at the end: the pictures before it count.
	if err != nil && (len(list) == 0 || ctx.Err() != nil || readErr != nil) {
		return nil, fmt.Errorf("decode stream: %w%s", err, said.Addition())
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("decode stream: no picture in it can be decoded%s", said.Addition())
	}
	times, err := os.Open(filepath.Join(d.Dir, timesFile))
	if err != nil {
		return nil, fmt.Errorf("read time stamps: %w", err)
	}
	defer times.Close()
	if err := readTimes(times, list); err != nil {
		return nil, fmt.Errorf("read time stamps: %w", err)
	}
	return list, nil
}

// FileInput are the options that name a file. A playlist is read from its beginning, whether it has ended or not.
func FileInput(path string, playlist bool) []string {
	options := localInput()
	if playlist {
		options = append(options, "-live_start_index", "0")
	}
	return append(options, "-i", path)
}

// decoder is an ffmpeg that writes the pictures of the first video as those which are measured to its output, and their time
// stamps into a file, in 90 kHz ticks.
func decoder(ctx context.Context, program string, said *ffmpeg.Lines, input []string, times string) *ffmpeg.Command {
	// A copy of the frame's metadata is printed only where there is some: what it holds is replaced by something known.
	filters := fmt.Sprintf("settb=1/%d,sidedata=mode=delete,metadata=mode=delete,metadata=mode=add:key=refstream:value=1,"+
		"metadata=mode=print:file=%s,scale=%d:%d:flags=area,format=yuv420p", media.TicksPerSecond, times, meterWidth, meterHeight)
	args := append([]string{"-nostdin", "-v", "error", "-copyts"}, input...)
	cmd := ffmpeg.New(ctx, waitDelay, said, program,
		append(args, "-map", "0:v:0", "-vf", filters, "-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1")...)
	cmd.MaxMemory = ffmpeg.ReadingMemory
	return cmd
}

func measureAll(in io.Reader, m meter) (list []Picture, err error) {
	buf := make([]byte, pictureSize)
	for {
		switch _, err := io.ReadFull(in, buf); {
		case errors.Is(err, io.EOF):
			return list, nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return list, errCutOff
		case err != nil:
			return list, err
		}
		list = append(list, m.measure(buf))
	}
}

// readTimes gives the pictures the time stamps that ffmpeg's filter metadata printed.
func readTimes(in io.Reader, list []Picture) error {
	lines := bufio.NewScanner(in)
	timed := 0
	for lines.Scan() {
		i, pts, ok := printedTime(lines.Text())
		if !ok || i < 0 || i >= len(list) {
			continue // another line, or a picture that did not come through the pipe any more
		}
		timed++
		if pts != nil && *pts > -1<<62 && *pts < 1<<62 { // what is beyond is no time that can be calculated with
			list[i].PTS, list[i].Timed = *pts, true
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if timed < len(list) {
		return fmt.Errorf("ffmpeg wrote those of %d of %d pictures: the disk of temporary files is full, or the stream changes its size on the way", timed, len(list))
	}
	return nil
}

// printedTime reads a line of ffmpeg's filter metadata such as
//
//	frame:17   pts:141000  pts_time:1.56667
//
// pts is nil where the picture has none; ok is false for any other line.
func printedTime(line string) (picture int, pts *int64, ok bool) {
	line, ok = strings.CutPrefix(line, "frame:")
	number, rest, found := strings.Cut(line, "pts:")
	picture, err := strconv.Atoi(strings.TrimSpace(number))
	if !ok || !found || err != nil {
		return 0, nil, false
	}
	stamp, _, _ := strings.Cut(rest, " ")
	if v, err := strconv.ParseInt(stamp, 10, 64); err == nil { // else NOPTS
		pts = &v
	}
	return picture, pts, true
}
