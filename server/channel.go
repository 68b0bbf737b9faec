package server

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/journal"
	"github.com/refstream/refstream/pipeline"
)

// channel is a clean channel at work, with its faulty twins.
type channel struct {
	cfg      Config
	info     markers.Channel
	ffmpeg   string // its version
	carriers *carriers
	stores   *stores
	reached  *journal.Reached // nil where a full disk left no room to make it
	limits   clientLimits
	registry *prometheus.Registry
	live     *pipeline.Live // nil for the role API
	twins    []*twin
	// taken reserves the name of a twin, or reports that another channel has it.
	taken func(name string) error

	stop  context.CancelFunc // ends run; nil before that is called
	ended chan struct{}      // closed when run has returned, and what was taken for a channel that is removed was given back
	err   error              // of run, once ended is closed
}

// newChannel checks what a channel is to be. It takes nothing yet.
func (s *Server) newChannel(ctx context.Context, cfg Config) (c *channel, err error) {
	c = &channel{cfg: cfg, limits: s.limits, registry: prometheus.NewRegistry(), ended: make(chan struct{})}
	c.taken = func(name string) error { return s.channels.take(name, c) }
	if c.info, err = c.cfg.channel(time.Now()); err != nil {
		return nil, err
	}
	if err := c.cfg.check(c.info); err != nil {
		return nil, err
	}
	if c.cfg.Role != API {
		if c.ffmpeg, err = c.checkEncoder(ctx); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// listen takes the addresses of its carriers.
func (c *channel) listen() (err error) {
	c.carriers, err = c.cfg.Outputs.open(c.info, c.cfg.Version, c.cfg.Logger)
	return err
}

// openChannel opens a channel, which can be found from then on.
func (s *Server) openChannel(ctx context.Context, c *channel) (err error) {
	c.stores = s.stores
	if c.cfg.Role != API {
		if c.reached, err = c.cfg.openChannel(ctx, s.stores); err != nil {
			return err
		}
		if c.info, err = c.enter(ctx); err != nil {
			return err
		}
		if c.live, err = c.generate(ctx); err != nil {
			return err
		}
		c.info.Scenarios = nil
		for _, t := range c.twins {
			c.info.Scenarios = append(c.info.Scenarios, t.plan.File.Name)
		}
		// Only now, when all of it has proved to fit, is the channel written.
		if err := s.stores.main().PutChannel(ctx, c.info); err != nil {
			return fmt.Errorf("write channel: %w", err)
		}
		s.registry.MustRegister(c.registry)
	}
	return s.channels.add(c)
}

// checkEncoder fails unless ffmpeg is there with the encoder that is asked for; it returns ffmpeg's version.
func (c *channel) checkEncoder(ctx context.Context) (string, error) {
	o := c.encoding()
	ffmpeg, err := encoder.Check(ctx, o.FFmpeg, o.Encoder, c.info.Audio)
	if err == nil {
		err = CheckEncoders(c.info, o)
	}
	if err != nil && ctx.Err() != nil {
		return "", ctx.Err()
	}
	return ffmpeg, err
}

func (c *channel) encoding() encoder.Options {
	return c.cfg.Encoding.Options(c.info, func(flag string) bool { return c.cfg.given[flag] }, c.cfg.Logger)
}

// describe adds what is the channel's own.
func (c *channel) describe(i *Info) {
	i.Channel, i.FFmpeg = c.info, c.ffmpeg
	for _, t := range c.twins {
		i.Twins = append(i.Twins, t.name)
	}
	if l := c.carriers.ts; l != nil {
		i.TS = Reachable(l.Addr())
	}
	if l := c.carriers.rtmp; l != nil {
		i.RTMP = Reachable(l.Addr())
	}
}

// twinOf finds a twin by its name, nil where there is none.
func (c *channel) twinOf(name string) *twin {
	for _, t := range c.twins {
		if t.name == name {
			return t
		}
	}
	return nil
}

// run generates the channel until ctx ends, and returns when its live outputs have ended too.
func (c *channel) run(ctx context.Context) error {
	if c.live == nil {
		<-ctx.Done()
		return nil
	}
	c.carriers.start(c.info, c.twins)
	running, ctx := errgroup.WithContext(ctx)
	for _, t := range c.twins {
		running.Go(func() error {
			if err := t.Run(context.WithoutCancel(ctx)); err != nil {
				return fmt.Errorf("publish %s: %w", t.name, err)
			}
			return nil
		})
	}
	running.Go(func() error {
		asked := make(chan time.Time, 1)
		context.AfterFunc(ctx, func() { asked <- time.Now() })
		err := c.live.Run(ctx)
		var stopping time.Duration
		select {
		case t := <-asked:
			stopping = time.Since(t)
		default: // it ended by itself
		}
		for _, t := range c.twins {
			t.feed.Close()
		}
		c.carriers.end(stopping)
		return err
	})
	return running.Wait()
}

// close gives back what was taken for it.
func (c *channel) close() error {
	if c.carriers != nil {
		c.carriers.close()
	}
	if c.reached != nil {
		return c.reached.Close()
	}
	return nil
}
