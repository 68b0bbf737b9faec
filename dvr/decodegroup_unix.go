//go:build unix

package dvr

import (
	"os/exec"
	"syscall"
)

// ownGroup puts the process in a group of its own, so that Ctrl+C in a terminal does not stop it before what it still
// holds is out. When its parent dies it ends by itself: its input ends, and its output has no reader.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killGroup ends the process and its group.
func killGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
