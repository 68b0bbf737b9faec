// Package server puts channels, their stores, live outputs, API and page together from one Config, as refstream serve does. A
// test has a stream with its truth in three lines:
//
//	s, err := server.New(ctx, server.Config{Data: t.TempDir()})
//	go s.Run(ctx)
//	markers, err := http.Get(s.URL() + "/markers")
package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/refstream/refstream/api"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/static"
)

// startLead is how far ahead the epoch of a first run is set, so that all is up when frame 0 is due.
const startLead = 500 * time.Millisecond

// Server is one Config at work. Any number of them may be in a process, each with a Data folder of its own, or with channels
// of other names.
type Server struct {
	cfg      Config
	limits   clientLimits
	listener net.Listener
	stores   *stores
	registry *prometheus.Registry
	api      *api.Server
	channels channels
}

// Info says what runs and where.
type Info struct {
	Channel markers.Channel
	// Twins are the names of the channel's faulty twins.
	Twins []string
	// FFmpeg is the version of ffmpeg, empty for the role API.
	FFmpeg string
	// URL is the base of the API's addresses, such as http://127.0.0.1:8080. Elsewhere is the same for other machines, empty where
	// they can't reach it.
	URL, Elsewhere string
	// TS and RTMP are the addresses that Outputs.ListenTS and Outputs.RTMP are reached at, as host:port; empty without them.
	TS, RTMP string
}

// New takes the addresses and opens the stores, until ctx ends. Requests are answered once Run is called. It has to be called,
// because it gives back what New took.
func New(ctx context.Context, cfg Config) (*Server, error) {
	cfg.settle()
	s := &Server{cfg: cfg, limits: cfg.clientLimits(), registry: prometheus.NewRegistry()}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// open opens everything, as far as it gets.
func (s *Server) open(ctx context.Context) (err error) {
	var list []*channel
	for _, cfg := range s.cfg.each() {
		c, err := s.newChannel(ctx, cfg)
		if err != nil {
			return cfg.problem(err)
		}
		list = append(list, c)
	}
	// The address is taken before anything is written, so that a second server in the same place changes nothing.
	if s.listener, err = net.Listen("tcp", s.cfg.Addr); err != nil {
		return fmt.Errorf("--addr: %w: name a free address such as 127.0.0.1:8081", err)
	}
	for _, c := range list {
		if err := s.channels.reserve(c); err != nil {
			return c.cfg.problem(err)
		}
		if err := c.listen(); err != nil {
			return c.cfg.problem(err)
		}
	}
	if s.stores, err = s.cfg.openStores(ctx); err != nil {
		return err
	}
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.stores.register(s.registry)
	for _, c := range list {
		if err := s.openChannel(ctx, c); err != nil {
			return c.cfg.problem(err)
		}
	}
	if s.api, err = s.newAPI(); err != nil {
		return err
	}
	if s.cfg.Role != Generator && !static.Built() {
		s.cfg.Logger.Warn("the page's player library is not in this program: build it with make build")
	}
	return nil
}

// close gives back what open took.
func (s *Server) close() error {
	if s.listener != nil {
		s.listener.Close()
	}
	var errs []error
	for _, c := range s.channels.all() {
		errs = append(errs, c.close())
	}
	if s.stores != nil {
		errs = append(errs, s.stores.close())
	}
	return errors.Join(errs...)
}

// URL is the base of the API's addresses, such as http://127.0.0.1:8080.
func (s *Server) URL() string { return "http://" + Reachable(s.listener.Addr()) }

// Info says what runs and where: of several channels, the first one.
func (s *Server) Info() Info {
	if list := s.Infos(); len(list) > 0 {
		return list[0]
	}
	return s.info()
}

// Infos says what runs and where, for each channel, in the order of the configuration.
func (s *Server) Infos() (list []Info) {
	for _, c := range s.channels.ready() {
		i := s.info()
		c.describe(&i)
		list = append(list, i)
	}
	return list
}

// info is what holds for every channel.
func (s *Server) info() Info {
	i := Info{URL: s.URL()}
	if other := elsewhere(s.listener.Addr()); other != "" {
		i.Elsewhere = "http://" + other
	}
	return i
}

// Run does what the role asks for until ctx ends, which is no error, or something fails for good. It returns when all that it
// has started has ended. It may be called once.
func (s *Server) Run(ctx context.Context) error {
	return errors.Join(s.run(ctx), s.close())
}

func (s *Server) run(ctx context.Context) error {
	// The streams stop first, then their live outputs, and the API last, so that players see the end of the playlists; the
	// copy to Redis ends in between, when there is nothing more to copy.
	group, ctx := errgroup.WithContext(ctx)
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	copying, stopCopying := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	defer stopCopying()
	group.Go(func() error {
		err := s.api.Run(serving, s.listener)
		if serving.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
			return nil
		}
		return fmt.Errorf("serve %s: %w", s.listener.Addr(), err)
	})
	if s.stores.mirror != nil {
		group.Go(func() error {
			if err := s.stores.mirror.Run(copying); err != nil && !errors.Is(err, context.Canceled) {
				return fmt.Errorf("copy to Redis: %w", err)
			}
			return nil
		})
	}
	group.Go(func() error {
		defer stopServing()
		defer stopCopying()
		err := s.channels.run(ctx)
		s.stores.drain()
		return err
	})
	return group.Wait()
}

// Reachable is host and port of a listener as they can be asked for from this machine: where it listens at all of the machine's
// addresses, which is what 0.0.0.0 and [::] stand for, 127.0.0.1 is one of them.
func Reachable(addr net.Addr) string {
	if port, all := everywhere(addr); all {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr.String()
}

// elsewhere is host and port as they can be asked for from other machines, empty where they can't or the machine has no name.
func elsewhere(addr net.Addr) string {
	port, all := everywhere(addr)
	name, err := os.Hostname()
	if !all || err != nil {
		return ""
	}
	return net.JoinHostPort(name, port)
}

// everywhere reports whether a listener is at all of the machine's addresses.
func everywhere(addr net.Addr) (port string, all bool) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || tcp.IP != nil && !tcp.IP.IsUnspecified() {
		return "", false
	}
	return strconv.Itoa(tcp.Port), true
}
