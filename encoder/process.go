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
	"sync/atomic"
	"time"

	"github.com/refstream/refstream/internal/ffmpeg"
	"github.com/refstream/refstream/media"
)

// errEnded refuses a frame after Run has returned; nothing of it was written.
var errEnded = errors.New("the encoder has ended")

// stopDelay is how long ffmpeg may take to end after an interrupt, before it is killed: enough to end in good order,
// and short against the 5 s in which a service should stop.
const stopDelay = 500 * time.Millisecond

// watchSteps is how often within the stall time the watchdog looks.
const watchSteps = 8

// process is one ffmpeg, with what is common to encoders of pictures and of sound.
type process struct {
	program string
	args    []string
	stall   time.Duration
	log     *slog.Logger
	// pending lists the frames that were given and did not come out, in order.
	pending func() []int64

	begun   atomic.Bool
	started chan struct{} // closed when stdin is there
	done    chan struct{} // closed when run has returned

	input  sync.Mutex // held while input is written
	closed bool       // CloseInput was called, or input was written in part
	torn   error      // which
	stdin  *os.File   // ffmpeg's input, set once

	// For the watchdog.
	progress atomic.Int64 // inputs that were taken and units that came out
	writing  atomic.Bool  // input is being written
	draining atomic.Bool  // there will be no more input
	handling atomic.Bool  // a unit is with the caller, who may take his time
}

func newProcess(program string, args []string, stall time.Duration, log *slog.Logger, pending func() []int64) process {
	return process{program: program, args: args, stall: stall, log: log, pending: pending,
		started: make(chan struct{}), done: make(chan struct{})}
}

// write gives ffmpeg input, when it has started and take has no objection.
func (p *process) write(ctx context.Context, b []byte, name string, take func() error) error {
	select {
	case <-p.started:
	case <-p.done:
	case <-ctx.Done():
	}
	p.input.Lock()
	defer p.input.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-p.done:
		return cmp.Or(ctx.Err(), errEnded)
	default:
	}
	if p.closed {
		return errors.New("the encoder's input is closed")
	}
	if err := take(); err != nil {
		return err
	}
	p.writing.Store(true)
	err := writeAll(ctx, p.stdin, b)
	p.writing.Store(false)
	p.progress.Add(1)
	if err != nil {
		p.torn = fmt.Errorf("%s was written in part: %w", name, err)
		p.closeLocked()
	}
	return err
}

// writeAll writes to a pipe until the context ends.
func writeAll(ctx context.Context, f *os.File, b []byte) error {
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		_ = f.SetWriteDeadline(time.Unix(1, 0)) // long ago: a Write under way returns
	})
	_, err := f.Write(b)
	if !stop() {
		<-interrupted
		_ = f.SetWriteDeadline(time.Time{})
		if err != nil {
			return ctx.Err()
		}
	}
	if err != nil {
		return fmt.Errorf("ffmpeg takes no more input: %w", err)
	}
	return nil
}

// CloseInput ends ffmpeg's input, after the Write that is under way. Run returns when the frames that ffmpeg holds are encoded.
func (p *process) CloseInput() {
	p.input.Lock()
	defer p.input.Unlock()
	p.closeLocked()
}

func (p *process) closeLocked() {
	p.closed = true
	if p.stdin != nil {
		_ = p.stdin.Close()
		p.draining.Store(true)
	}
}

// run starts ffmpeg and returns when it and all its children have ended. output passes on what ffmpeg puts out, until that ends;
// finish what is only whole when ffmpeg has ended well.
func (p *process) run(ctx context.Context, output func(context.Context, io.Reader) error, finish func() error) error {
	if p.begun.Swap(true) {
		return errors.New("run encoder: it was run before")
	}
	defer close(p.done)
	if err := p.attempt(ctx, output, finish); err != nil {
		return fmt.Errorf("run encoder: %w", err)
	}
	return nil
}

func (p *process) attempt(parent context.Context, output func(context.Context, io.Reader) error, finish func() error) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	stderr := newLines(p.log, func() bool { return ctx.Err() != nil })
	cmd, stdout, err := p.start(ctx, stderr)
	if err != nil {
		return err
	}
	defer stdout.Close()
	// Both ends closed, ffmpeg ends by itself even where it doesn't heed the interrupt: while it waits for input.
	unhook := context.AfterFunc(ctx, func() {
		_ = p.stdin.Close()
		_ = stdout.Close()
	})
	defer unhook()
	var waitErr error
	ended, unwatch := context.WithCancel(ctx)
	var watching, running sync.WaitGroup
	watching.Go(func() {
		p.watch(ended, func(err error) {
			_ = cmd.Process.Kill() // it does not react
			cancel(err)
		})
	})
	running.Go(func() { waitErr = cmd.Wait() })

	if err := output(ctx, stdout); err != nil {
		cancel(err)
	}
	_ = stdout.Close() // ffmpeg has ended its output, or nobody wants it any more
	running.Wait()
	unwatch()
	watching.Wait()
	_ = p.stdin.Close()

	switch {
	case parent.Err() != nil:
		return parent.Err()
	case context.Cause(ctx) != nil:
		return context.Cause(ctx)
	case waitErr != nil:
		return fmt.Errorf("ffmpeg failed with %d frames pending: %w: %s", len(p.pending()), waitErr, cmp.Or(stderr.Last(), "no message"))
	}
	if err := finish(); err != nil {
		return err
	}
	return p.drained(stderr.Last())
}

// start starts ffmpeg with pipes whose ends here obey deadlines and closing.
func (p *process) start(ctx context.Context, stderr *ffmpeg.Lines) (*ffmpeg.Command, *os.File, error) {
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
	cmd := ffmpeg.New(ctx, stopDelay, stderr, p.program, p.args...)
	cmd.Stdin, cmd.Stdout = inR, outW
	p.log.Debug("starting ffmpeg", "command", cmd.Args)
	if err := cmd.Start(); err != nil {
		inW.Close()
		outR.Close()
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		return nil, nil, err
	}
	p.input.Lock()
	defer p.input.Unlock()
	p.stdin = inW
	if p.closed { // CloseInput was called before
		p.closeLocked()
	}
	close(p.started)
	return cmd, outR, nil
}

// hand gives a unit to the handler.
func (p *process) hand(u media.Unit, handle func(media.Unit) error) error {
	p.handling.Store(true)
	err := handle(u)
	p.progress.Add(1)
	p.handling.Store(false)
	if err != nil {
		return fmt.Errorf("handle frame %d: %w", u.Frame, err)
	}
	return nil
}

// drained checks that ffmpeg, which has ended well, has put out everything.
func (p *process) drained(messages string) error {
	p.input.Lock()
	defer p.input.Unlock()
	lost := p.pending()
	switch {
	case p.torn != nil:
		return fmt.Errorf("%w: %s", p.torn, messages)
	case len(lost) > 0:
		return fmt.Errorf("ffmpeg ended without %d of the frames it was given, the first of them %d: %s", len(lost), lost[0], messages)
	case !p.closed:
		return fmt.Errorf("ffmpeg ended before its input did: %s", messages)
	}
	return nil
}

// watch kills a process that has work and does none, until the context ends. The work: a frame to take, or, when there
// are no more, units to put out and then to end.
func (p *process) watch(ctx context.Context, kill func(error)) {
	if p.stall == 0 {
		return
	}
	tick := time.NewTicker(max(p.stall/watchSteps, 1))
	defer tick.Stop()
	seen, quiet := p.progress.Load(), 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := p.progress.Load()
		busy := p.writing.Load() || p.draining.Load()
		if now != seen || !busy || p.handling.Load() {
			seen, quiet = now, 0
			continue
		}
		if quiet++; quiet >= watchSteps {
			kill(fmt.Errorf("ffmpeg took no frame and put out none for %s: it was killed", p.stall))
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
