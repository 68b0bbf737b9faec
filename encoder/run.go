package encoder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/internal/ffmpeg"
	"github.com/refstream/refstream/media"
)

// stopDelay is how long ffmpeg may take to end after an interrupt, before it is killed: enough to end in good order,
// and short against the 5 s in which a service should stop.
const stopDelay = 500 * time.Millisecond

// watchSteps is how often within the stall time the watchdog looks.
const watchSteps = 8

// Run starts ffmpeg and gives its access units to handle, one at a time, in decoding order, with their frame numbers and
// the time stamps that belong to them: PTS is Options.PTSOrigin + Rate.Ticks(Frame), DTS that of an earlier frame or the
// same. The handler may keep the units. While it works, ffmpeg waits, and soon also its input.
//
// Run returns nil after CloseInput, when every frame is encoded; an error that wraps the context's when that ends first; and
// otherwise one with ffmpeg's last lines. It returns when ffmpeg and all its children have ended. It may be called once.
func (e *Encoder) Run(ctx context.Context, handle func(media.Unit) error) error {
	if e.begun.Swap(true) {
		return errors.New("run encoder: it was run before")
	}
	defer close(e.done)
	if err := e.run(ctx, handle); err != nil {
		return fmt.Errorf("run encoder: %w", err)
	}
	return nil
}

func (e *Encoder) run(parent context.Context, handle func(media.Unit) error) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	stderr := newLines(e.o.Logger, func() bool { return ctx.Err() != nil })
	cmd, stdout, err := e.start(ctx, stderr)
	if err != nil {
		return err
	}
	defer stdout.Close()
	// Both ends closed, ffmpeg ends by itself even where it doesn't heed the interrupt: while it waits for input.
	unhook := context.AfterFunc(ctx, func() {
		_ = e.stdin.Close()
		_ = stdout.Close()
	})
	defer unhook()
	var waitErr error
	ended, unwatch := context.WithCancel(ctx)
	var watching, running sync.WaitGroup
	watching.Go(func() {
		e.watch(ended, func(err error) {
			_ = cmd.Process.Kill() // it does not react
			cancel(err)
		})
	})
	running.Go(func() { waitErr = cmd.Wait() })

	last, err := e.deliver(ctx, ts.NewReader(stdout), handle)
	if err != nil {
		cancel(err)
	}
	_ = stdout.Close() // ffmpeg has ended its output, or nobody wants it any more
	running.Wait()
	unwatch()
	watching.Wait()
	_ = e.stdin.Close()

	switch {
	case parent.Err() != nil:
		return parent.Err()
	case context.Cause(ctx) != nil:
		return context.Cause(ctx)
	case waitErr != nil:
		return fmt.Errorf("ffmpeg failed with %d frames pending: %w: %s", len(e.Pending()), waitErr, cmp.Or(stderr.Last(), "it said nothing"))
	}
	// ffmpeg has ended well, so that the unit that its end cut off is whole.
	if last != nil {
		if err := e.pass(*last, handle); err != nil {
			return err
		}
	}
	return e.drained(stderr.Last())
}

// start starts ffmpeg with pipes whose ends here obey deadlines and closing.
func (e *Encoder) start(ctx context.Context, stderr *ffmpeg.Lines) (*ffmpeg.Command, *os.File, error) {
	inR, inW, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("start ffmpeg: %w", err)
	}
	defer inR.Close()
	outR, outW, err := os.Pipe()
	if err != nil {
		inW.Close()
		return nil, nil, fmt.Errorf("start ffmpeg: %w", err)
	}
	defer outW.Close()
	growPipe(inW)
	growPipe(outR)
	// When its parent dies it ends by itself: its input ends, and its output has no reader.
	cmd := ffmpeg.New(ctx, stopDelay, stderr, e.o.FFmpeg, e.o.arguments()...)
	cmd.Stdin, cmd.Stdout = inR, outW
	e.o.Logger.Debug("starting ffmpeg", "command", cmd.Args)
	if err := cmd.Start(); err != nil {
		inW.Close()
		outR.Close()
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		return nil, nil, err
	}
	e.input.Lock()
	defer e.input.Unlock()
	e.stdin = inW
	if e.closed { // CloseInput was called before
		e.closeLocked()
	}
	close(e.started)
	return cmd, outR, nil
}

// deliver passes units on until the output ends. A unit that ends only because the output does is returned: whether it
// is whole shows when ffmpeg's end is known.
func (e *Encoder) deliver(ctx context.Context, r *ts.Reader, handle func(media.Unit) error) (*media.Unit, error) {
	for {
		au, err := r.Next()
		if damage := r.Stats().LastDamage; damage != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read ffmpeg's output: %w", damage)
		}
		switch {
		case ctx.Err() != nil, errors.Is(err, io.EOF):
			return nil, nil // Run returns the context's error
		case err != nil:
			return nil, err
		case au.Untimed:
			return nil, errors.New("read ffmpeg's output: an access unit has no time stamps")
		case r.OpenEnded():
			return &au, nil
		}
		if err := e.pass(au, handle); err != nil {
			return nil, err
		}
	}
}

// pass gives one unit to the handler, under its number.
func (e *Encoder) pass(au media.Unit, handle func(media.Unit) error) error {
	au, err := e.times.place(au)
	if err != nil {
		return fmt.Errorf("place access unit: %w", err)
	}
	if au.Track != e.read {
		named := *au.Track
		named.Rendition = e.o.Rendition
		e.read, e.track = au.Track, &named
	}
	au.Track = e.track
	e.handling.Store(true)
	err = handle(au)
	e.progress.Add(1)
	e.handling.Store(false)
	if err != nil {
		return fmt.Errorf("handle frame %d: %w", au.Frame, err)
	}
	return nil
}

// drained checks that ffmpeg, which has ended well, has put out everything.
func (e *Encoder) drained(said string) error {
	e.input.Lock()
	defer e.input.Unlock()
	lost := e.Pending()
	switch {
	case e.torn != nil:
		return fmt.Errorf("%w: %s", e.torn, said)
	case len(lost) > 0:
		return fmt.Errorf("ffmpeg ended without %d of the frames it was given, the first of them %d: %s", len(lost), lost[0], said)
	case !e.closed:
		return fmt.Errorf("ffmpeg ended before its input did: %s", said)
	}
	return nil
}

// watch kills a process that has work and does none, until the context ends. The work: a frame to take, or, when there
// are no more, units to put out and then to end.
func (e *Encoder) watch(ctx context.Context, kill func(error)) {
	if e.o.Stall == 0 {
		return
	}
	tick := time.NewTicker(max(e.o.Stall/watchSteps, 1))
	defer tick.Stop()
	seen, quiet := e.progress.Load(), 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := e.progress.Load()
		busy := e.writing.Load() || e.draining.Load()
		if now != seen || !busy || e.handling.Load() {
			seen, quiet = now, 0
			continue
		}
		if quiet++; quiet >= watchSteps {
			kill(fmt.Errorf("ffmpeg took no frame and put out none for %s: it was killed", e.o.Stall))
			return
		}
	}
}

const (
	// tailLines of ffmpeg's last lines are part of an error: its own message and the few before that explain it.
	tailLines = 8
	// queueFull is in a warning that ffmpeg gives once when pictures are written faster than it encodes them. That is intended
	// here: its input is a pipe, which waits.
	queueFull = "Thread message queue blocking"
	// maxLogged is how many lines of one run are logged: they name the cause. Of the rest, the 256th, 512th, 1024th and so on
	// are logged.
	maxLogged = 200
)

// newLines logs ffmpeg's messages, at debug level where ending reports that ffmpeg is being stopped, which causes more of them.
func newLines(log *slog.Logger, ending func() bool) *ffmpeg.Lines {
	return &ffmpeg.Lines{Tail: tailLines, Full: maxLogged, Edit: withoutQueueFull, Say: func(line string, n int) {
		if n > maxLogged {
			line = fmt.Sprintf("%s (line %d: of so many only few are logged)", line, n)
		}
		level := slog.LevelWarn
		switch {
		case ending():
			level = slog.LevelDebug
		case ffmpeg.IsError(line):
			level = slog.LevelError
		}
		log.Log(context.Background(), level, line, "source", "ffmpeg")
	}}
}

func withoutQueueFull(line string) string {
	if strings.Contains(line, queueFull) {
		return ""
	}
	return line
}

// lastLines is the last lines of a whole text.
func lastLines(text string) string {
	l := ffmpeg.Lines{Tail: tailLines, Edit: withoutQueueFull}
	_, _ = l.Write([]byte(text)) // it never fails
	return l.Last()
}
