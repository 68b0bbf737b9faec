package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/refstream/refstream/format/ts"
)

// The tap is this program run in ffmpeg's place (serve --ffmpeg): it runs the real one, passes everything through, and logs the
// arguments and when each picture left, outside of the program that is measured. The environment has its log and its ffmpeg.
const (
	tapLog    = "BENCH_TAP_LOG"
	tapFFmpeg = "BENCH_TAP_FFMPEG"
)

// tapLine is one line of the log: the arguments of a process, or a picture.
type tapLine struct {
	Args []string `json:"args,omitempty"`
	// PTS is what ffmpeg gave the picture, in 90 kHz ticks; Left is when the last byte of the picture was there, in UTC
	// nanoseconds since 1970.
	PTS  int64 `json:"pts"`
	Left int64 `json:"left"`
}

// tap runs ffmpeg and returns its exit code.
func tap(args []string) (int, error) {
	file, err := os.OpenFile(os.Getenv(tapLog), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 1, fmt.Errorf("open log: %w", err)
	}
	defer file.Close()
	log := bufio.NewWriter(file)
	lines := json.NewEncoder(log)
	if err := lines.Encode(tapLine{Args: args}); err != nil {
		return 1, err
	}
	cmd := exec.CommandContext(context.Background(), os.Getenv(tapFFmpeg), args...)
	cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 1, err
	}
	if err := cmd.Start(); err != nil {
		return 1, fmt.Errorf("start ffmpeg: %w", err)
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s) // it may have ended just now
		}
	}()
	units := unitEnds{found: func(pts int64, left time.Time) error {
		return lines.Encode(tapLine{PTS: pts, Left: left.UnixNano()})
	}}
	_, passErr := io.Copy(passing{&units}, out)
	if passErr != nil {
		// Nobody reads any more, and ffmpeg has to see that too. Wait closes it again.
		_ = out.Close()
	}
	err = cmd.Wait()
	signal.Stop(signals)
	close(signals)
	flushErr := errors.Join(passErr, units.end(), log.Flush())
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return max(failed.ExitCode(), 1), nil
	}
	if err = errors.Join(err, flushErr); err != nil {
		return 1, err
	}
	return 0, nil
}

// passing passes on what is written to it, and shows each piece to units after that.
type passing struct{ units *unitEnds }

func (p passing) Write(b []byte) (int, error) {
	now := time.Now()
	n, err := os.Stdout.Write(b)
	if err != nil {
		return n, fmt.Errorf("pass on: %w", err)
	}
	return n, p.units.write(b, now)
}

// unitEnds follows an MPEG transport stream with one video stream and reports, when the next picture begins, when the last packet
// of each picture was read. It reads no more of the stream than that, and ignores what is no transport stream: a reader that
// waits for a picture to be known as complete would report it too late.
type unitEnds struct {
	found func(pts int64, left time.Time) error

	packets ts.Splitter
	open    bool
	pid     uint16
	pts     int64
	last    time.Time
}

// write takes the next bytes of the stream, which came at a time.
func (u *unitEnds) write(b []byte, now time.Time) error {
	_, _ = u.packets.Write(b) // it never fails
	for p, _, ok := u.packets.Next(); ok; p, _, ok = u.packets.Next() {
		if err := u.packet(p, now); err != nil {
			return err
		}
	}
	return nil
}

// end reports the last picture.
func (u *unitEnds) end() error {
	if !u.open {
		return nil
	}
	u.open = false
	return u.found(u.pts, u.last)
}

func (u *unitEnds) packet(p ts.Packet, now time.Time) error {
	start, ok := p.PES()
	switch {
	case ok && start.Timed && start.Video():
		if err := u.end(); err != nil {
			return err
		}
		u.open, u.pid, u.pts, u.last = true, p.PID(), start.PTS, now
	case u.open && p.HasPayload() && p.PID() == u.pid:
		u.last = now
	}
	return nil
}
