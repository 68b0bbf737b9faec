package browser

import (
	"fmt"
	"os/exec"
	"time"

	"github.com/refstream/refstream/internal/processgroup"
)

// process is a child with a process group of its own, in which all that it starts is ended with it.
type process struct {
	cmd   *exec.Cmd
	group *processgroup.Group
	// ended is closed when the child itself has ended.
	ended chan struct{}
	log   processgroup.Tail
}

func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, group: processgroup.New(cmd), ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	// Its children keep the pipes: they are not waited for.
	cmd.WaitDelay = time.Second
	if err := p.group.Start(); err != nil {
		return nil, fmt.Errorf("run %s: %w", cmd.Path, err)
	}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // how it ended is of no interest: who needs the process notices that it is gone
	}()
	return p, nil
}

// gone describes an end that nobody asked for.
func (p *process) gone() error {
	return fmt.Errorf("%s ended: %s", p.cmd.Path, p.log.String())
}

// stop ends the whole group.
func (p *process) stop() {
	if p == nil {
		return
	}
	_ = p.group.Kill() // an error means that the group is gone
	<-p.ended
}
