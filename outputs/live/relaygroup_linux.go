package live

import (
	"os/exec"
	"syscall"
)

// relayGroup puts the process in a group of its own, so that Ctrl+C in a terminal does not stop it before it has written
// the end of its output. When its parent dies it ends as if it were told to, also while it waits for somebody to connect
// and does not see that its input has ended. That signal comes when the thread ends that has started the process:
// whoever starts it must stay locked to that thread.
func relayGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// killRelayGroup ends what is left of the group of a process that has ended.
func killRelayGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
