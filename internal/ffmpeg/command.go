package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/refstream/refstream/internal/processgroup"
)

// InstallHint says what to do where there is no ffmpeg.
const InstallHint = "install it (Debian, Ubuntu: apt install ffmpeg; macOS: brew install ffmpeg) or give its path with --ffmpeg"

// Command is an ffmpeg with all that it starts. It is in a group of its own: Ctrl+C in a terminal must not stop it before
// what it still holds is out.
type Command struct {
	*exec.Cmd
	// MaxMemory is how many bytes it may take, on Linux; 0 for no limit. It ends with an error where it needs more.
	MaxMemory uint64

	group *processgroup.Group
}

// ReadingMemory is enough MaxMemory to decode pictures of 7680x4320 on many threads, and bounds what a stream made to harm
// can take.
const ReadingMemory = 1536 << 20

// New prepares a program. It is interrupted when ctx ends, and killed when it has not ended delay later.
func New(ctx context.Context, delay time.Duration, said *Lines, program string, args ...string) *Command {
	c := &Command{Cmd: exec.CommandContext(ctx, program, args...)}
	c.group = processgroup.New(c.Cmd)
	c.Cancel, c.WaitDelay, c.Stderr = c.group.Interrupt, delay, said
	return c
}

// Start starts it. Errors say what to do.
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

// IsError says whether a line that was written with -loglevel level+... tells of an error.
func IsError(line string) bool {
	for _, mark := range []string{"[error]", "[fatal]", "[panic]"} {
		if strings.Contains(line, mark) {
			return true
		}
	}
	return false
}
