//go:build unix

package processgroup

import (
	"os"
	"os/exec"
	"syscall"
)

// Group is a child with all that it has started.
type Group struct{ cmd *exec.Cmd }

// New prepares a child that is not started yet. It sets cmd.SysProcAttr, which may be added to.
func New(cmd *exec.Cmd) *Group {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return &Group{cmd}
}

// Start starts the child. Its errors are those of exec.Cmd.
func (g *Group) Start() error { return g.cmd.Start() }

// Interrupt asks the child to end in good order.
func (g *Group) Interrupt() error { return g.cmd.Process.Signal(os.Interrupt) }

// Kill ends the child and what is left of its group, also when the child has ended before. It may be called again; an
// error means that there is nothing left.
func (g *Group) Kill() error { return syscall.Kill(-g.cmd.Process.Pid, syscall.SIGKILL) }
