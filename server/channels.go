package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// channels are those of a server. They may be added and removed while it runs.
type channels struct {
	mu sync.Mutex
	// names has those of the clean channels and of their twins, also while they are being opened, and while they end.
	names   map[string]*channel
	list    []*channel      // that can be found, in the order in which they were opened
	runs    context.Context // of run; nil before
	end     context.CancelFunc
	running sync.WaitGroup
}

// take reserves a name for a channel or its twin.
func (cs *channels) take(name string, c *channel) error {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.names[name] != nil {
		return fmt.Errorf("there are two named %s: give each a name of its own", name)
	}
	if cs.names == nil {
		cs.names = map[string]*channel{}
	}
	cs.names[name] = c
	return nil
}

// reserve reserves the name of a channel.
func (cs *channels) reserve(c *channel) error {
	if err := cs.take(c.info.Name, c); err != nil {
		return fmt.Errorf("--channel: %w", err)
	}
	return nil
}

// add has a channel found, and run once run is called.
func (cs *channels) add(c *channel) error {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.runs != nil && cs.runs.Err() != nil {
		return errors.New("the server is stopping")
	}
	cs.list = append(cs.list, c)
	if cs.runs != nil {
		cs.start(c)
	}
	return nil
}

// all lists the channels, also those that are not open yet.
func (cs *channels) all() (list []*channel) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for name, c := range cs.names {
		if name == c.info.Name {
			list = append(list, c)
		}
	}
	return list
}

// ready lists those that can be found.
func (cs *channels) ready() []*channel {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return slices.Clone(cs.list)
}

// find finds the channel of a name and its twin, where the name is a twin's; nil where there is none.
func (cs *channels) find(name string) (*channel, *twin) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c := cs.names[name]
	if c == nil || !slices.Contains(cs.list, c) {
		return nil, nil
	}
	return c, c.twinOf(name)
}

// run runs the channels until ctx ends, or one of them that the configuration names ends by itself.
func (cs *channels) run(ctx context.Context) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	cs.mu.Lock()
	cs.runs, cs.end = ctx, end
	for _, c := range cs.list {
		cs.start(c)
	}
	cs.mu.Unlock()
	<-ctx.Done()
	cs.mu.Lock() // from here on none is started
	list := slices.Clone(cs.list)
	cs.mu.Unlock()
	cs.running.Wait()
	var errs []error
	for _, c := range list {
		errs = append(errs, c.err)
	}
	return errors.Join(errs...)
}

// start runs a channel. mu is held.
func (cs *channels) start(c *channel) {
	ctx, stop := context.WithCancel(cs.runs)
	c.stop = stop
	cs.running.Go(func() {
		defer close(c.ended)
		defer stop()
		c.err = c.cfg.problem(c.run(ctx))
		if ctx.Err() == nil {
			cs.end()
		}
	})
}
