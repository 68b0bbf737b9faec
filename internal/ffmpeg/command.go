// Package ffmpeg is what those who run ffmpeg have in common: how they read what it writes to its standard error.
package ffmpeg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/refstream/refstream/internal/processgroup"
)

// InstallHint is the hint where there is no ffmpeg.
const InstallHint = "install it (Debian, Ubuntu: apt install ffmpeg; macOS: brew install ffmpeg) or give its path with --ffmpeg"

// Command is an ffmpeg with all its children, in a group of its own: Ctrl+C in a terminal must not stop it before it is drained.
type Command struct {
	*exec.Cmd
	// MaxMemory is how many bytes it may take, on Linux; 0 for no limit. It ends with an error where it needs more.
	MaxMemory uint64

	group *processgroup.Group
}

// ReadingMemory is enough to decode pictures of 7680x4320 on many threads, and bounds what a malicious stream can take.
const ReadingMemory = 1536 << 20

// New prepares a program. It is interrupted when ctx ends, and killed when it has not ended delay later.
func New(ctx context.Context, delay time.Duration, stderr *Lines, program string, args ...string) *Command {
	c := &Command{Cmd: exec.CommandContext(ctx, program, args...)}
	c.group = processgroup.New(c.Cmd)
	c.Cancel, c.WaitDelay, c.Stderr = c.group.Interrupt, delay, stderr
	return c
}

// Start starts it. Errors have a hint.
func (c *Command) Start() error {
	if err := c.group.Start(); err != nil {
		return StartError(c.Args[0], err)
	}
	if c.MaxMemory > 0 {
		limitMemory(c.Process.Pid, c.MaxMemory)
	}
	return nil
}

// Kill ends it, which may be over already, with all that it has started.
func (c *Command) Kill() { _ = c.group.Kill() }

// Wait waits for its end, and ends what it has left behind, such as a wrapper's child, which would keep the output open.
func (c *Command) Wait() error {
	defer c.Kill()
	return c.Cmd.Wait()
}

// Run starts it and waits for its end.
func (c *Command) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// StartError explains why a program did not start.
func StartError(program string, err error) error {
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("start ffmpeg: %q not found (%w): %s", program, err, InstallHint)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("start ffmpeg: %q can't be executed (%w): %s", program, err, InstallHint)
	}
	return fmt.Errorf("start ffmpeg %q: %w", program, err)
}

// IsError reports whether a line that was written with -loglevel level+... is about an error.
func IsError(line string) bool {
	return strings.Contains(line, "[error]") || strings.Contains(line, "[fatal]") || strings.Contains(line, "[panic]")
}

// MaxLine bounds a line that doesn't end, in bytes.
const MaxLine = 1024

// Lines takes what a process writes to its standard error, line by line, and keeps the last lines.
type Lines struct {
	// Tail is how many lines are kept.
	Tail int
	// Say logs line n, counted from 1: all up to Full, and of the rest those whose number is a power of two. It may be nil.
	Say  func(line string, n int)
	Full int
	// Edit, if any, changes a line before all else; one that becomes empty is left out. One of MaxLine bytes may have been cut.
	Edit func(line string) string

	line  []byte // begun
	tail  []string
	count int
}

// Write never fails.
func (l *Lines) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		part, rest, ended := bytes.Cut(b, []byte{'\n'})
		l.line = append(l.line, part[:min(len(part), MaxLine-len(l.line))]...)
		if ended {
			l.flush()
		}
		b = rest
	}
	return n, nil
}

// flush ends the line begun.
func (l *Lines) flush() {
	line := strings.ToValidUTF8(string(l.line), "?")
	l.line = l.line[:0]
	if l.Edit != nil {
		line = l.Edit(line)
	}
	if line = strings.TrimSpace(line); line == "" {
		return
	}
	if len(l.tail) == l.Tail {
		l.tail = append(l.tail[:0], l.tail[1:]...)
	}
	l.tail = append(l.tail, line)
	if l.count++; l.Say != nil && (l.count <= l.Full || l.count&(l.count-1) == 0) {
		l.Say(line, l.count)
	}
}

// Last is the last lines in one, empty where nothing was said. It ends the line begun.
func (l *Lines) Last() string {
	l.flush()
	return strings.Join(l.tail, " | ")
}

// Addition is [Lines.Last] as an addition to an error: empty, or after a colon.
func (l *Lines) Addition() string {
	if last := l.Last(); last != "" {
		return ": " + last
	}
	return ""
}
