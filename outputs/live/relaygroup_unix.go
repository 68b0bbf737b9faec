//go:build unix && !linux

package live

import (
	"os/exec"
	"syscall"
)

// relayGroup puts the process in a group of its own, so that Ctrl+C in a terminal does not stop it before it has written
// the end of its output. When its parent dies it ends by itself, because its input ends, once it has opened its output.
func relayGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killRelayGroup ends what is left of the group of a process that has ended.
func killRelayGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
