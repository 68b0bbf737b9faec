package browser

import (
	"fmt"
	"os/exec"
	"sync"
	"time"

	"github.com/refstream/refstream/internal/processgroup"
)

// process is a child with a process group of its own, in which all that it starts is ended with it.
type process struct {
	cmd   *exec.Cmd
	group *processgroup.Group
	// ended is closed when the child itself has ended.
	ended chan struct{}
	log   tail
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
		// How it ended is of no interest: who needs the process notices that it is gone.
		_ = cmd.Wait()
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
	// An error means that the group is gone.
	_ = p.group.Kill()
	<-p.ended
}

// tail keeps the end of what a process prints.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// What is kept of a log: the last lines say why a program ended.
const tailBytes = 2000

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if n := len(t.text) - tailBytes; n > 0 {
		t.text = append(t.text[:0], t.text[n:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
