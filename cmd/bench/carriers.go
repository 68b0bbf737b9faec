package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/refstream/refstream/format/rtmp"
)

// watcher is a client of one carrier of a stream: it reads until ctx ends, and writes what it reads to n.
type watcher func(ctx context.Context, n *counter) error

// carriers measures the processor time that one more client of each carrier costs refstream, and for RTMP what it costs
// nginx with the same stream.
func (l *lab) carriers(ctx context.Context) ([]row, error) {
	var addresses [3]string
	for i := range addresses {
		var err error
		if addresses[i], err = freeAddress(ctx); err != nil {
			return nil, err
		}
	}
	listen, play, relay := addresses[0], addresses[1], addresses[2]
	nginx, err := l.startNginxRTMP(ctx, relay)
	if err != nil {
		return nil, err
	}
	defer nginx.stop() //nolint:errcheck // what it was for is done
	s, err := l.serveStream(ctx, nil, "carriers", "--size", "1280x720", "--listen-ts", listen, "--rtmp", play,
		"--push", "rtmp://"+relay+"/app/bench")
	if err != nil {
		return nil, err
	}
	rows, err := l.carrierRows(ctx, s, listen, play, relay, nginx)
	return rows, errors.Join(err, s.stop())
}

func (l *lab) carrierRows(ctx context.Context, s *stream, listen, play, relay string, nginx *program) ([]row, error) {
	if err := s.letRun(ctx, warmUp); err != nil {
		return nil, err
	}
	var rows []row
	for _, a := range []struct {
		name  string
		watch watcher
	}{
		{"HTTP MPEG-TS", watchHTTP(s.url + "/live/main.ts")},
		{"HTTP FLV", watchHTTP(s.url + "/live/main.flv")},
		{"TCP MPEG-TS", watchTCP(listen)},
		{"RTMP", watchRTMP(play, "live", "main")},
	} {
		cost, rate, err := l.costPerClient(ctx, s.program, a.watch)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", a.name, err)
		}
		r := row{
			Name: "a client of " + a.name, Unit: "us/s", Ours: cost,
			Note: fmt.Sprintf("processor time of refstream for each further client in a second of 1280x720@30, %.1f Mbit/s, with %d clients for %v",
				rate/1e6, l.crowd(), l.crowdTime()),
		}
		if a.name == "RTMP" {
			theirs, _, err := l.costPerClient(ctx, nginx, watchRTMP(relay, "app", "bench"))
			if err != nil {
				return rows, fmt.Errorf("nginx: %w", err)
			}
			r = r.against("nginx, the same stream", theirs, cost/theirs)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func (l *lab) crowd() int               { return pick(l, 100, 10) }
func (l *lab) crowdTime() time.Duration { return pick(l, 15*time.Second, 3*time.Second) }

// costPerClient is the processor time in microseconds that each client costs a program in a second, without that of its
// children, and how many bits a second each got.
func (l *lab) costPerClient(ctx context.Context, p *program, watch watcher) (micros, rate float64, err error) {
	idle, err := p.load(ctx, l.crowdTime(), ownTime)
	if err != nil {
		return 0, 0, err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	crowd, watching := errgroup.WithContext(watching)
	var read counter
	for range l.crowd() {
		crowd.Go(func() error {
			err := watch(watching, &read)
			if watching.Err() != nil {
				return nil
			}
			return fmt.Errorf("a client's stream ended: %w", cmp.Or(err, io.EOF))
		})
	}
	err = p.letRun(watching, 2*time.Second) // the first GOPs are sent at once
	before, busy := read.Load(), 0.0
	began := time.Now()
	if err == nil {
		busy, err = p.load(watching, l.crowdTime(), ownTime)
	}
	took := time.Since(began).Seconds()
	stop()
	if e := crowd.Wait(); e != nil {
		return 0, 0, e
	}
	n := float64(l.crowd())
	return (busy - idle) / n * 1e6, float64(read.Load()-before) * 8 / took / n, err
}

func watchHTTP(url string) watcher {
	return func(ctx context.Context, n *counter) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("GET %s: status %s", url, res.Status)
		}
		_, err = io.Copy(n, res.Body)
		return err
	}
}

// dial connects, and closes the connection when ctx ends.
func dial(ctx context.Context, address string) (c net.Conn, release func(), err error) {
	c, err = new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, nil, err
	}
	unhook := context.AfterFunc(ctx, func() { c.Close() })
	return c, func() { unhook(); c.Close() }, nil
}

func watchTCP(address string) watcher {
	return func(ctx context.Context, n *counter) error {
		c, release, err := dial(ctx, address)
		if err != nil {
			return err
		}
		defer release()
		_, err = io.Copy(n, c)
		return err
	}
}

func watchRTMP(address, app, name string) watcher {
	return func(ctx context.Context, n *counter) error {
		target, err := rtmp.ParseTarget("rtmp://" + address + "/" + app + "/" + name)
		if err != nil {
			return err
		}
		c, release, err := dial(ctx, address)
		if err != nil {
			return err
		}
		defer release()
		player, err := rtmp.Play(ctx, c, target)
		if err != nil {
			return err
		}
		for {
			tag, err := player.Next(ctx)
			if err != nil {
				return err
			}
			n.Add(int64(len(tag.Body)))
		}
	}
}

// nginxRTMPConfig: %[1]s is a folder, %[2]s the module, %[3]s the address.
const nginxRTMPConfig = `
load_module %[2]s;
daemon off;
master_process off;
pid %[1]s/pid;
error_log %[1]s/error.log;
events { worker_connections 512; }
rtmp { access_log off; server { listen %[3]s; application app { live on; } } }
`

// startNginxRTMP starts an nginx with its RTMP module.
func (l *lab) startNginxRTMP(ctx context.Context, address string) (*program, error) {
	modules, err := filepath.Glob("/usr/lib*/nginx/modules/ngx_rtmp_module.so")
	if err != nil || len(modules) == 0 {
		return nil, errors.New("find nginx's RTMP module: make deps installs it")
	}
	return l.runNginx(ctx, "nginx-rtmp", nginxRTMPConfig, modules[0], address)
}
