package scenes

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/refstream/refstream/internal/ffmpeg"
	"github.com/refstream/refstream/media"
)

const (
	decoderWait   = time.Second // how long a decoder that was killed may take to be gone, with all that it had open
	pictureBuffer = 256 << 10   // how much is read from a decoder at once
	tailLines     = 4           // how many of the decoder's last lines go into an error
	// maxLogged is how many lines of one decoder are logged in full: a damaged stream makes some for every picture. Of the rest the
	// 128th, 256th, 512th and so on are logged.
	maxLogged = 100
	timesPipe = 3 // the number of the pipe for time stamps, as the decoder sees it: the first after the standard ones
)

// decoder is an ffmpeg process that decodes the video of a transport stream. One goroutine writes its input and another reads its
// output: it may buffer any amount of input before the first picture, and blocks while nobody reads.
type decoder struct {
	cmd   *ffmpeg.Command
	in    io.WriteCloser
	out   *bufio.Reader
	times *bufio.Scanner
	pipe  *os.File // that times reads from
	lines *ffmpeg.Lines
}

// decoderFilters passes each picture once and unchanged. Pictures in a pipe have no time stamps: a filter writes those to another
// pipe, in 90 kHz ticks, a line before each picture. It ignores pictures without metadata, so all get the same.
const decoderFilters = `settb=1/90000,sidedata=mode=delete,metadata=mode=delete,metadata=mode=add:key=refstream:value=1,` +
	`metadata=mode=print:file=pipe\\:%d:direct=1,format=yuv420p,crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0`

// startDecoder starts a decoder, which ctx kills. The caller calls wait.
func startDecoder(ctx context.Context, program string, log *slog.Logger) (*decoder, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start decoder: %w", err)
	}
	defer write.Close()
	lines := &ffmpeg.Lines{Tail: tailLines, Full: maxLogged, Say: func(line string, n int) {
		log.Warn(line, "source", "ffmpeg", "line", n)
	}}
	// When its parent dies it ends by itself: its input ends, and its output has no reader.
	cmd := ffmpeg.New(ctx, decoderWait, lines, program, "-nostdin", "-hide_banner", "-nostats", "-v", "error", "-copyts",
		// All that would be found by looking at more than 0.5 s is in the tables and in the first picture.
		"-fpsprobesize", "0", "-analyzeduration", "500000", "-max_error_rate", "1", "-f", "mpegts", "-i", "pipe:0", "-map", "0:v:0",
		"-vf", fmt.Sprintf(decoderFilters, timesPipe), "-fps_mode", "passthrough", "-c:v", "pgmyuv", "-f", "image2pipe", "pipe:1")
	cmd.Cancel = func() error { cmd.Kill(); return nil } // what it still holds is not wanted
	cmd.ExtraFiles = []*os.File{write}
	d := &decoder{cmd: cmd, times: bufio.NewScanner(read), pipe: read, lines: lines}
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		read.Close()
		return nil, fmt.Errorf("start decoder: %w", err)
	}
	if err := cmd.Start(); err != nil {
		read.Close()
		if errors.Is(err, errors.ErrUnsupported) {
			return nil, fmt.Errorf("start decoder: %w: %s gives a child no third pipe, which the time stamps need: "+
				"dvr --session on Linux or macOS finds the frames of this recording", err, runtime.GOOS)
		}
		return nil, err
	}
	d.in, d.out = in, bufio.NewReaderSize(out, pictureBuffer)
	return d, nil
}

// next reads the next picture in presentation order, with the PTS of the input. The error is io.EOF at the end of the output.
func (d *decoder) next(p *picture) error {
	if err := p.read(d.out); err != nil {
		return err
	}
	for d.times.Scan() {
		// frame:17   pts:141000  pts_time:1.56667
		line, ok := strings.CutPrefix(d.times.Text(), "frame:")
		if !ok {
			continue
		}
		_, rest, _ := strings.Cut(line, "pts:")
		stamp, _, _ := strings.Cut(rest, " ")
		pts, err := strconv.ParseInt(stamp, 10, 64)
		p.pts, p.timed = pts, err == nil // else NOPTS
		return nil
	}
	return errors.Join(errors.New("read time stamp: ffmpeg wrote none for a picture"), d.times.Err())
}

// wait waits for the decoder's end, and returns an error with its last lines if it failed. in and out must not be used any more.
func (d *decoder) wait(kill bool) error {
	if kill {
		d.cmd.Kill()
	}
	err := d.cmd.Wait()
	d.pipe.Close()
	if err != nil {
		return fmt.Errorf("decode video: %w%s", err, d.lines.Addition())
	}
	return nil
}

const (
	// noPictures is how long a decoder may be without a first picture until a warning: far more than a slow machine needs.
	noPictures = 10 * time.Second
	// enoughTime is of how much stream time a decoder must make a picture: more than any number of pictures it keeps back.
	enoughTime = 2 * media.TicksPerSecond
)

// watched warns if a decoder makes no pictures.
type watched struct {
	scanner  *Scanner
	feed     *feed
	pictures atomic.Int64
	over     chan struct{} // closed at the end
}

// watch watches the decoder of f, until ctx ends.
func (s *Scanner) watch(ctx context.Context, f *feed) *watched {
	w := &watched{scanner: s, feed: f, over: make(chan struct{})}
	go func() {
		defer close(w.over)
		tick := time.NewTicker(s.silence)
		defer tick.Stop()
		for w.pictures.Load() == 0 {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if w.pictures.Load() == 0 && (f.waiting.Load() || f.span.Load() >= enoughTime) {
				w.warn("ffmpeg makes no pictures: there are no frames until it does")
			}
		}
	}()
	return w
}

func (w *watched) end() {
	if w.pictures.Load() == 0 && w.feed.span.Load() >= enoughTime {
		w.warn("ffmpeg made no pictures, and reported no error: there are no frames")
	}
}

func (w *watched) warn(text string) {
	w.scanner.idle.Do(func() {
		w.scanner.o.Logger.Warn(text+": is it the program that it should be?", "program", w.scanner.o.FFmpeg,
			"seconds_given", seconds(w.feed.span.Load()))
	})
}
