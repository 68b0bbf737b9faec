package outputs

import (
	"os/exec"
	"syscall"
)

// endWithServer has the process end when its parent dies: by a SIGTERM, or by a SIGKILL where it waits for somebody to connect.
// Such a one does not see that its input has ended, and one was seen to hang on a signal just as it began. The
// signal is sent when the thread ends that has started the process: whoever starts it must stay locked to that thread. Call it
// after processgroup.New.
func endWithServer(cmd *exec.Cmd, waits bool) {
	if cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM; waits {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	}
}
