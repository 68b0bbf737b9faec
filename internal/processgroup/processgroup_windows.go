package processgroup

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/windows"
)

// Group is a child with all that it has started. All of it ends with this process, however that ends: the system closes the
// job then.
type Group struct {
	cmd *exec.Cmd
	// mu keeps Kill waiting while the child is started.
	mu sync.Mutex
	// job is 0 before the start and after Kill.
	job windows.Handle
}

// New prepares a child that is not started yet. It sets cmd.SysProcAttr, which may be added to.
func New(cmd *exec.Cmd) *Group {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
	return &Group{cmd: cmd}
}

// Start starts the child. Its errors are those of exec.Cmd, and that the system gives no job.
func (g *Group) Start() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	job, err := newJob()
	if err != nil {
		return fmt.Errorf("make job for %s: %w", g.cmd.Path, err)
	}
	if err := g.cmd.Start(); err != nil {
		return errors.Join(err, windows.CloseHandle(job))
	}
	g.job = job
	var assigned error
	err = g.cmd.Process.WithHandle(func(h uintptr) { assigned = windows.AssignProcessToJobObject(job, windows.Handle(h)) })
	if err := errors.Join(err, assigned); err != nil {
		// A child that has ended can't be put into a job, and needs none. Any other is not left outside it.
		_ = g.cmd.Process.Kill()
	}
	return nil
}

// newJob makes a job whose processes end when its last handle is closed.
func newJob() (windows.Handle, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, os.NewSyscallError("CreateJobObject", err)
	}
	info := &windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	info.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	t := reflect.TypeOf(*info)
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		reflect.ValueOf(info).Pointer(), uint32(t.Size()))
	runtime.KeepAlive(info) // the call has only its address, as a number
	if err != nil {
		return 0, errors.Join(os.NewSyscallError("SetInformationJobObject", err), windows.CloseHandle(job))
	}
	return job, nil
}

// Interrupt asks the child to end in good order: with Ctrl+Break, which ffmpeg takes as it takes an interrupt. Windows passes
// it on only where the child shares this process's console.
func (g *Group) Interrupt() error {
	err := windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(g.cmd.Process.Pid))
	return os.NewSyscallError("GenerateConsoleCtrlEvent", err)
}

// Kill ends the child and what is left of its group, also when the child has ended before. It may be called again; an
// error means that there is nothing left.
func (g *Group) Kill() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.job == 0 {
		return os.ErrProcessDone
	}
	err := os.NewSyscallError("TerminateJobObject", windows.TerminateJobObject(g.job, 1))
	err = errors.Join(err, windows.CloseHandle(g.job))
	g.job = 0
	return err
}
