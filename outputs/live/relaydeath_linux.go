package live

import (
	"os/exec"
	"syscall"
)

// endWithServer has the process end by a SIGTERM when its parent dies, also while it waits for somebody to connect
// and does not see that its input has ended. That signal comes when the thread ends that has started the process: whoever
// starts it must stay locked to that thread. It goes after processgroup.New.
func endWithServer(cmd *exec.Cmd) { cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM }
