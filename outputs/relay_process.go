package outputs

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refstream/refstream/internal/ffmpeg"
)

const (
	// relayTrailer is how long ffmpeg may take to end its output after its input has ended or the relay was stopped.
	relayTrailer = 1500 * time.Millisecond
	// relayKill is how long it may take to end after it was interrupted. With relayTrailer it is 1.25 s less than the 3 s that
	// are left of the 5 s in which a service should stop, when it has waited 2 s for its outputs before: a loaded machine
	// takes that much.
	relayKill = 250 * time.Millisecond
	// relaySteps is how often within its shorter limit the watchdog looks.
	relaySteps = 8
)

// Reasons to end ffmpeg, and that it has ended by itself.
var (
	errRelayTrailer = errors.New("ffmpeg did not end its output within 1.5 s of its input's end: it was interrupted")
	errRelayExited  = errors.New("ffmpeg has ended")
	errRelayUnused  = errors.New("nobody has connected")
)

// relayCommand is what startRelay starts.
type relayCommand struct {
	program string
	args    []string
	said    *relayLog
	// stall is how long it may do nothing with what it was given before it is killed.
	stall time.Duration
	// open is the same before its output is open.
	open time.Duration
	// trailer is how long it may take to end its output, and kill to end after it was interrupted.
	trailer, kill time.Duration
	// waits: the output is open when somebody has connected.
	waits bool
	// opened is called once, when the output is open and the stream flows into it.
	opened func()
}

// relayProcess is an ffmpeg that runs. Whoever starts one calls end.
type relayProcess struct {
	relayCommand
	cmd      *ffmpeg.Command
	stdin    *os.File
	lines    *ffmpeg.Lines
	progress *relayProgress

	// ctx ends, with the reason, when the process is asked to end or has ended.
	ctx    context.Context
	cancel context.CancelCauseFunc

	ending sync.Once
	timer  *time.Timer // of trailer, set once

	written atomic.Int64 // writes that were done
	writing atomic.Bool
	waitErr error         // after exited
	exited  chan struct{} // closed when the process and its group are gone
	watched chan struct{} // closed when the watchdog has ended
	unhook  func()
}

// startRelay starts ffmpeg. When ctx ends, or closed because the stream has ended, it is given the time to take what is
// left and to write its trailer.
func startRelay(ctx, closed context.Context, c relayCommand) (*relayProcess, error) {
	stdin, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start ffmpeg: %w", err)
	}
	defer stdin.Close()
	p := &relayProcess{
		relayCommand: c, stdin: w, progress: &relayProgress{opened: c.opened},
		exited: make(chan struct{}), watched: make(chan struct{}),
	}
	p.ctx, p.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	p.lines = c.said.lines(func() bool { return p.ctx.Err() != nil || ctx.Err() != nil })
	p.cmd = ffmpeg.New(p.ctx, c.kill, p.lines, c.program, c.args...)
	p.cmd.Stdin, p.cmd.Stdout = stdin, p.progress
	endWithServer(p.cmd.Cmd, c.waits)
	c.said.log.Debug("starting ffmpeg", "command", c.said.hide(p.cmd.String()))
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		p.cancel(err)
		w.Close()
		return nil, err
	}
	go func() {
		defer close(p.watched)
		p.watch()
	}()
	stopWrites := context.AfterFunc(p.ctx, func() { _ = w.SetWriteDeadline(longAgo()) })
	stopLater := context.AfterFunc(ctx, p.stop)
	closedLater := context.AfterFunc(closed, p.stop)
	p.unhook = func() {
		stopLater()
		closedLater()
		stopWrites()
	}
	return p, nil
}

// run starts the process, sends the result to started and waits for its end.
func (p *relayProcess) run(started chan<- error) {
	// On Linux the process gets a signal when the thread ends that it was started by, see endWithServer. Locked, the thread
	// lasts until it has ended.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	defer close(p.exited)
	p.waitErr = p.cmd.Wait()
	p.cancel(errRelayExited)
}

// write gives ffmpeg a piece of its input, and waits as long as it is not ended for that.
func (p *relayProcess) write(b []byte) (int, error) {
	p.writing.Store(true)
	defer p.writing.Store(false)
	n, err := p.stdin.Write(b)
	p.written.Add(1)
	if err != nil {
		return n, fmt.Errorf("feed ffmpeg: %w", err)
	}
	return n, nil
}

// stop is finish, but gives no time to an ffmpeg that waits for somebody to connect: it has no output to end.
func (p *relayProcess) stop() {
	if p.waits && !p.progress.begun() {
		p.cancel(errRelayUnused)
	}
	p.finish()
}

// finish gives ffmpeg the time to end by itself, counted from the first call.
func (p *relayProcess) finish() {
	p.ending.Do(func() {
		p.timer = time.AfterFunc(p.trailer, func() { p.cancel(errRelayTrailer) })
	})
}

// end ends ffmpeg's input and waits for it. fed is why there is no more input: nil when the stream has ended. end returns
// nil, or errRenew where fed is that, if ffmpeg has taken all and ended well, or if it waited in vain.
func (p *relayProcess) end(ctx context.Context, fed error) error {
	_ = p.stdin.Close()
	p.finish()
	<-p.exited
	p.timer.Stop()
	<-p.watched
	p.unhook()
	said := cmp.Or(p.lines.Last(), "it said nothing")
	why := context.Cause(p.ctx)
	switch {
	case errors.Is(why, errSlow):
		return why
	case errors.Is(why, errRelayUnused):
		return ctx.Err()
	case errors.Is(why, errRelayTrailer):
		if ctx.Err() != nil {
			p.said.log.Warn("the relay's output may lack its end", "error", why)
			return ctx.Err()
		}
		return why
	case p.waitErr != nil && ctx.Err() == nil:
		return fmt.Errorf("ffmpeg failed: %w: %s", p.waitErr, said)
	case fed == nil, errors.Is(fed, errRenew):
		return fed
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("ffmpeg ended before its input did: %s", said)
}

// watch kills a process that is given input and does nothing, until it has ended. What it does shows in its progress, which
// it reports several times a second while anything flows.
func (p *relayProcess) watch() {
	step := max(min(p.stall, p.open)/relaySteps, 1)
	tick := time.NewTicker(step)
	defer tick.Stop()
	var written, beats int64
	quiet := time.Duration(0)
	for {
		select {
		case <-p.exited:
			return
		case <-tick.C:
		}
		w, b := p.written.Load(), p.progress.beats.Load()
		given := w != written || p.writing.Load()
		switch {
		case b != beats:
			quiet = 0
		case given:
			quiet += step
		}
		written, beats = w, b
		limit, what := p.stall, "took its input no more, or gave nothing out,"
		if b == 0 {
			limit, what = p.open, "did not open its output"
		}
		if quiet >= limit {
			p.cancel(fmt.Errorf("ffmpeg %s for %v and was killed: %w", what, limit, errSlow))
			_ = p.cmd.Process.Kill() // it does not listen
			return
		}
	}
}

const (
	// relayTail is how many of the last lines of ffmpeg go into an error: its own message and the few before that explain it.
	relayTail = 6
	// relayLogged is how many lines of one run are logged in full.
	relayLogged = 100
)

// relayLog logs the messages of the runs of a relay's ffmpeg, without secrets.
type relayLog struct {
	hide func(string) string
	log  *slog.Logger
	// before and now are lines of the run before and of this one: a line of the run before is logged at debug level.
	before, now []string
}

// lines takes those of a run. ending reports whether ffmpeg is being stopped from here: from then on its complaints are our
// doing.
func (s *relayLog) lines(ending func() bool) *ffmpeg.Lines {
	s.before, s.now = s.now, nil
	return &ffmpeg.Lines{Tail: relayTail, Full: relayLogged, Edit: s.edit, Say: func(line string, n int) {
		level := slog.LevelWarn
		switch {
		case ending(), slices.Contains(s.before, line):
			level = slog.LevelDebug
		case ffmpeg.IsError(line):
			level = slog.LevelError
		}
		if len(s.now) < relayLogged {
			s.now = append(s.now, line)
		}
		if n > relayLogged {
			line = fmt.Sprintf("%s (line %d: of so many only few are logged)", line, n)
		}
		s.log.Log(context.Background(), level, line, "source", "ffmpeg")
	}}
}

// edit makes a line one that can be shown, and the same one in each run: the name before it, "[srt @ 0x55cc7a16b880] ", holds
// an address in memory.
func (s *relayLog) edit(line string) string {
	cut := len(line) == ffmpeg.MaxLine
	if name, rest, ok := strings.Cut(line, " @ 0x"); ok && strings.HasPrefix(name, "[") {
		if _, rest, ok := strings.Cut(rest, "]"); ok {
			line = name + "]" + rest
		}
	}
	line = s.hide(line)
	if cut { // a secret that was cut in the middle would not be found
		line = line[:strings.LastIndexByte(line, ' ')+1] + "…"
	}
	return line
}

// maxProgressLine bounds a line that doesn't end.
const maxProgressLine = 1024

// relayProgress takes the reports that ffmpeg writes with -progress: lines "key=value", the last of each report
// "progress=continue" or "progress=end". The first is written when the output is open.
type relayProgress struct {
	opened func() // called once, with the first report

	line   []byte // begun
	report []byte // what counts of the report begun
	last   []byte // the same of the one before
	beats  atomic.Int64
}

// begun reports whether the output was opened.
func (p *relayProgress) begun() bool { return p.beats.Load() > 0 }

// Write never fails.
func (p *relayProgress) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		part, rest, ended := bytes.Cut(b, []byte{'\n'})
		p.line = append(p.line, part[:min(len(part), maxProgressLine-len(p.line))]...)
		if ended {
			p.take(bytes.TrimSpace(p.line))
			p.line = p.line[:0]
		}
		b = rest
	}
	return n, nil
}

// take reads a line. A report in which nothing has moved is none: some versions of ffmpeg still report when they hang.
func (p *relayProgress) take(line []byte) {
	key, _, _ := bytes.Cut(line, []byte{'='})
	switch string(key) {
	case "frame", "total_size", "out_time_us":
		p.report = append(append(p.report, line...), ' ')
		if len(p.report) > maxProgressLine {
			p.report = p.report[:0] // without an end it is no report
		}
	case "progress":
		if !bytes.Equal(p.report, p.last) && p.beats.Add(1) == 1 {
			p.opened()
		}
		p.last, p.report = p.report, p.last[:0]
	}
}
