package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refstream/refstream/format/rtmp"
)

// audience reads one carrier of a stream with many clients, in this process, and throws away what comes.
type audience struct {
	name string
	// watch reads until ctx ends, and adds to n what it has read.
	watch func(ctx context.Context, n *atomic.Int64) error
}

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
	for _, a := range []audience{
		{"HTTP MPEG-TS", watchHTTP(s.url + "/live/main.ts")},
		{"HTTP FLV", watchHTTP(s.url + "/live/main.flv")},
		{"TCP MPEG-TS", watchTCP(listen)},
		{"RTMP", watchRTMP(play, "live", "main")},
	} {
		cost, rate, err := l.costPerClient(ctx, s.program, a)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", a.name, err)
		}
		r := row{
			Name: "a client of " + a.name, Unit: "us/s", Ours: cost,
			Note: fmt.Sprintf("processor time of refstream for each further client in a second of 1280x720@30, %.1f Mbit/s, with %d clients for %v",
				rate/1e6, l.crowd(), l.crowdTime()),
		}
		if a.name == "RTMP" {
			theirs, _, err := l.costPerClient(ctx, nginx, audience{"nginx", watchRTMP(relay, "app", "bench")})
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
func (l *lab) costPerClient(ctx context.Context, p *program, a audience) (micros, rate float64, err error) {
	idle, err := l.ownLoad(ctx, p)
	if err != nil {
		return 0, 0, err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var crowd sync.WaitGroup
	var read atomic.Int64
	failed := make(chan error, l.crowd())
	for range l.crowd() {
		crowd.Go(func() {
			if err := a.watch(watching, &read); watching.Err() == nil {
				failed <- fmt.Errorf("a client's stream ended: %w", err)
				stop()
			}
		})
	}
	err = p.letRun(watching, 2*time.Second) // the first GOPs come at once
	before, busy := read.Load(), 0.0
	began := time.Now()
	if err == nil {
		busy, err = l.ownLoad(watching, p)
	}
	took := time.Since(began).Seconds()
	stop()
	crowd.Wait()
	close(failed)
	if e := <-failed; e != nil {
		return 0, 0, e
	}
	n := float64(l.crowd())
	return (busy - idle) / n * 1e6, float64(read.Load()-before) * 8 / took / n, err
}

// ownLoad is the number of cores that a program keeps busy without its children.
func (l *lab) ownLoad(ctx context.Context, p *program) (float64, error) {
	before, err := ownTime(p.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := p.letRun(ctx, l.crowdTime()); err != nil {
		return 0, err
	}
	after, err := ownTime(p.cmd.Process.Pid)
	return (after - before).Seconds() / time.Since(began).Seconds(), err
}

// ownTime is the processor time of one process alone.
func ownTime(pid int) (time.Duration, error) {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read processor time: %w", err)
	}
	s, err := parseStat(string(line))
	return s.own, err
}

// drain reads until r fails, and counts.
func drain(r io.Reader, n *atomic.Int64) error {
	buf := make([]byte, 64<<10)
	for {
		k, err := r.Read(buf)
		n.Add(int64(k))
		if err != nil {
			return err
		}
	}
}

func watchHTTP(url string) func(context.Context, *atomic.Int64) error {
	return func(ctx context.Context, n *atomic.Int64) error {
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
		return drain(res.Body, n)
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

func watchTCP(address string) func(context.Context, *atomic.Int64) error {
	return func(ctx context.Context, n *atomic.Int64) error {
		c, release, err := dial(ctx, address)
		if err != nil {
			return err
		}
		defer release()
		return drain(c, n)
	}
}

func watchRTMP(address, app, name string) func(context.Context, *atomic.Int64) error {
	return func(ctx context.Context, n *atomic.Int64) error {
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
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		if nginx, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			return nil, fmt.Errorf("find nginx: %w", err)
		}
	}
	dir, err := l.folder("nginx-rtmp")
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxRTMPConfig, dir, modules[0], address), 0o644); err != nil {
		return nil, fmt.Errorf("write nginx's configuration: %w", err)
	}
	return start(ctx, nil, nginx, "-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", config)
}
