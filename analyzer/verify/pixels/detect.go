package pixels

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/internal/ffmpeg"
	"github.com/refstream/refstream/media"
)

const (
	// boardTop and boardBottom are the lines of a plane of colour around the board: the frame code is a ninth, the text at least one.
	boardTop, boardBottom = meterHeight / 2 / 9, meterHeight / 2 * 8 / 9
	// leastCyan is the least number of samples of an event: the smallest block has 8x8, whose rim encoding and scaling smear.
	leastCyan = 24
)

// Detected is an event that was seen in the pictures: from its first picture to its last, both inclusive.
type Detected struct {
	// Frame and LastFrame are the numbers in the frame codes, -1 where none of them can be read. A picture whose code can't be read
	// is counted from the nearest one of the event whose code can.
	Frame, LastFrame int64
	// PTS and LastPTS are those pictures' time stamps in 90 kHz ticks, modulo 2^33; nil where they have none.
	PTS, LastPTS *int64
	// Open says that the stream ended before the event did, so that it may be longer.
	Open bool
}

// DetectOptions say how Detect reads a stream.
type DetectOptions struct {
	// FFmpeg is the program; empty for the one of that name in the path.
	FFmpeg string
	// Duration ends the reading after so long, without an error; 0 for never.
	Duration time.Duration
}

// Detect finds the events of a stream in its pixels alone: ffmpeg decodes a file or a URL, and the board is searched for the block
// of cyan. It uses nothing else but time stamps and frame codes. found is called with each event when it is over. An event that
// is under way in the first picture is left out, unless that picture is frame 0: its start is not known.
func Detect(ctx context.Context, url string, o DetectOptions, found func(Detected) error) error {
	if o.FFmpeg == "" {
		o.FFmpeg = "ffmpeg"
	}
	reading, cancel := context.WithCancel(ctx)
	if o.Duration > 0 {
		reading, cancel = context.WithTimeout(ctx, o.Duration)
	}
	defer cancel()
	path, isFile := LocalFile(url)
	input := []string{"-i", url}
	if isFile {
		input = FileInput(path, strings.HasSuffix(path, ".m3u8"))
	}
	times, timesIn, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("decode stream: %w", err)
	}
	defer times.Close()
	said := &ffmpeg.Lines{Tail: saidLines}
	cmd := decoder(reading, o.FFmpeg, said, input, `pipe\\:3:direct=1`)
	cmd.ExtraFiles = []*os.File{timesIn}
	pictures, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	timesIn.Close() // the program has its own
	if err != nil {
		return fmt.Errorf("decode stream: %w", err)
	}
	w := &watcher{found: found, coded: -1}
	readErr := w.watch(pictures, times)
	cancel()
	// A program that was stopped, as it is when the time is over, has nothing to say.
	stopped := readErr != nil || o.Duration > 0 && errors.Is(reading.Err(), context.DeadlineExceeded)
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return errors.Join(ctx.Err(), w.end())
	case w.failed != nil:
		return w.failed
	case w.pictures == 0 && !stopped || readErr != nil && !errors.Is(readErr, errCutOff):
		return fmt.Errorf("decode stream: %w%s", cmp.Or(readErr, err, errors.New("no picture in it can be decoded")), said.Addition())
	}
	return w.end()
}

// errCutOff is the end of a stream of pictures within a picture.
var errCutOff = errors.New("the last picture is cut off")

// watcher looks for events in pictures that come one by one.
type watcher struct {
	found    func(Detected) error
	failed   error // of found
	known    bool  // what was before: a picture without an event, or nothing
	pictures int64

	now    *Detected // the event under way, nil where there is none
	coded  int64     // the number in the newest code that could be read, -1 before there is one
	behind int64     // how many pictures have come since
	blind  int64     // how many pictures of the event came before its first code
	before int64     // coded, when the event began
}

// watch reads pictures and their time stamps to the end.
func (w *watcher) watch(pictures, times io.Reader) error {
	buf, lines := make([]byte, pictureSize), bufio.NewScanner(times)
	for {
		switch _, err := io.ReadFull(pictures, buf); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return errCutOff
		}
		pts, err := nextTime(lines)
		if err != nil {
			return fmt.Errorf("read time stamps: %w", err)
		}
		w.pictures++
		n, ok := generator.ReadFrameCode(buf[:lumaSize], meterWidth, meterWidth, meterHeight)
		if !ok {
			n = -1
		}
		if w.failed = w.see(n, pts, cyan(buf[lumaSize+chromaSize:pictureSize])); w.failed != nil {
			return w.failed
		}
	}
}

// see takes in a picture with the number in its code, -1 for none.
func (w *watcher) see(n int64, pts *int64, event bool) error {
	before := w.coded
	if n >= 0 {
		w.coded, w.behind = n, 0
	} else if w.behind++; w.coded < 0 {
		w.behind = 0
	}
	switch {
	case !event && n < 0 && w.coded >= 0:
		return nil // it is black or damaged, and says nothing
	case !event:
		w.known = true
		if w.now != nil {
			w.now.Open = false
		}
		return w.end()
	case !w.known && n != 0:
		return nil // until it ends
	case w.now == nil:
		w.known = true
		w.now = &Detected{Frame: n, LastFrame: -1, PTS: pts, Open: true}
		w.blind, w.before = 0, before
	case w.now.Frame < 0 && n >= 0:
		w.now.Frame = max(w.before+1, n-w.blind)
	}
	if w.now.Frame < 0 {
		w.blind++
	} else {
		w.now.LastFrame = w.coded + w.behind // pictures without a code are the next ones
	}
	w.now.LastPTS = pts
	return nil
}

// end ends the event under way, if there is one.
func (w *watcher) end() error {
	d := w.now
	if d == nil {
		return nil
	}
	w.now = nil
	return w.found(*d)
}

// cyan says whether the plane of Cr has the block of an event in the board.
func cyan(red []byte) bool {
	n := 0
	for _, v := range red[boardTop*meterWidth/2 : boardBottom*meterWidth/2] {
		if v < eventLevel {
			n++
		}
	}
	return n >= leastCyan
}

// nextTime reads the time stamp of the next picture, modulo 2^33, which the filter metadata writes before the picture; nil
// where it has none.
func nextTime(lines *bufio.Scanner) (*int64, error) {
	for lines.Scan() {
		if _, pts, ok := printedTime(lines.Text()); ok {
			if pts != nil {
				*pts &= media.PTSMask
			}
			return pts, nil
		}
	}
	return nil, cmp.Or(lines.Err(), errors.New("there are fewer than pictures: does the stream change its size on the way?"))
}
