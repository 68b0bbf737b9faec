package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/markers"
)

// nginxConfig serves one folder, with all of its own files in another. %[1]s is the folder for those, %[2]s the
// address, %[3]s the folder it serves.
const nginxConfig = `
daemon off;
worker_processes 2;
pid %[1]s/pid;
error_log %[1]s/error.log;
events { worker_connections 256; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 10000000;
  default_type application/octet-stream;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  server { listen %[2]s; root %[3]s; }
}
`

// serve compares the requests a second for 100 markers and for a segment with nginx that sends the same bytes from
// files.
func (l *lab) serve(ctx context.Context) ([]row, error) {
	s, err := l.serveStream(ctx, nil, markersData, markersArgs()...)
	if err != nil {
		return nil, err
	}
	rows, err := l.serveRows(ctx, s)
	return rows, errors.Join(err, s.stop())
}

func (l *lab) serveRows(ctx context.Context, s *stream) ([]row, error) {
	list, count, err := l.hundredMarkers(ctx, s)
	if err != nil {
		return nil, err
	}
	segment, err := newestSegment(ctx, s)
	if err != nil {
		return nil, err
	}
	www, err := l.folder("www")
	if err != nil {
		return nil, err
	}
	files := map[string]string{"markers": list, "segment": segment}
	sizes := map[string]int{}
	for name, path := range files {
		body, err := get(ctx, s.url+path)
		if err != nil {
			return nil, err
		}
		sizes[name] = len(body)
		if err := os.WriteFile(filepath.Join(www, name), body, 0o644); err != nil {
			return nil, fmt.Errorf("write file for nginx: %w", err)
		}
	}
	nginx, base, err := l.startNginx(ctx, www)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, name := range []string{"markers", "segment"} {
		what := fmt.Sprintf("/markers, %d markers", count)
		if name == "segment" {
			what = "a segment"
		}
		ours, theirs, ratio, err := l.compareServers(ctx, s.url+files[name], base+"/"+name)
		if err != nil {
			return rows, errors.Join(fmt.Errorf("%s: %w", what, err), nginx.stop())
		}
		rows = append(rows, row{
			Name: "requests for " + what, Unit: "1/s", Ours: ours,
			Note: fmt.Sprintf("%d bytes; wrk with %d connections on the same machine, while the stream of 640x360@30 goes on", sizes[name], connections),
		}.against("nginx, a file", theirs, ratio))
	}
	return rows, nginx.stop()
}

// hundredMarkers waits until there are 100 markers, and returns the path that asks for them and how many come.
func (l *lab) hundredMarkers(ctx context.Context, s *stream) (string, int, error) {
	want := pick(l, 100, 10)
	path := "/markers?limit=" + strconv.Itoa(want)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		list, err := records[markers.Marker](ctx, s, "markers", path)
		if err != nil {
			return "", 0, err
		}
		if len(list) >= want {
			return path, len(list), nil
		}
		select {
		case <-ctx.Done():
			return "", 0, fmt.Errorf("wait for %d markers: %w: there are %d", want, ctx.Err(), len(list))
		case <-tick.C:
		}
	}
}

// newestSegment is the path of the last segment in the playlist.
func newestSegment(ctx context.Context, s *stream) (string, error) {
	if err := s.await(ctx, s.url+"/hls/main/index.m3u8", 30*time.Second); err != nil {
		return "", err
	}
	playlist, err := get(ctx, s.url+"/hls/main/index.m3u8")
	if err != nil {
		return "", err
	}
	p, err := m3u8.Parse(bytes.NewReader(playlist))
	if err != nil || p.Media == nil {
		return "", errors.Join(errors.New("the playlist has no segment"), err)
	}
	for _, segment := range slices.Backward(p.Media.Segments) {
		if !segment.Gap {
			return "/hls/main/" + segment.URI, nil
		}
	}
	return "", errors.New("the playlist has no segment")
}

// startNginx serves a folder on a free loopback port.
func (l *lab) startNginx(ctx context.Context, www string) (*program, string, error) {
	// nginx started by root lets a user of its own do the work, who has to get at the files.
	if err := os.Chmod(l.dir, 0o755); err != nil {
		return nil, "", err
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, "", err
	}
	p, err := l.runNginx(ctx, "nginx", nginxConfig, address, www)
	if err != nil {
		return nil, "", err
	}
	base := "http://" + address
	if err := p.await(ctx, base+"/markers", 10*time.Second); err != nil {
		return nil, "", errors.Join(err, p.stop())
	}
	return p, base, nil
}

// runNginx starts nginx with a configuration, whose %[1]s is a folder for nginx's own files; values are its other ones.
func (l *lab) runNginx(ctx context.Context, name, config string, values ...any) (*program, error) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		// Debian has it in a folder that is not in every user's path.
		if nginx, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			return nil, fmt.Errorf("find nginx: %w", err)
		}
	}
	dir, err := l.folder(name)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, config, append([]any{dir}, values...)...), 0o644); err != nil {
		return nil, fmt.Errorf("write nginx's configuration: %w", err)
	}
	return start(ctx, nil, nginx, "-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", file)
}

// connections is the number of connections that wrk keeps busy: enough that neither side waits for it.
const connections = 16

// compareServers measures the requests a second that two loopback addresses answer, in turns.
func (l *lab) compareServers(ctx context.Context, ours, theirs string) (a, b, ratio float64, err error) {
	medians, ratios, err := inTurn(pick(l, 3, 1),
		func() (float64, error) { return l.wrk(ctx, ours) }, func() (float64, error) { return l.wrk(ctx, theirs) })
	if err != nil {
		return 0, 0, 0, err
	}
	return medians[0], medians[1], ratios[1], nil
}

// wrk measures one address for a few seconds.
func (l *lab) wrk(ctx context.Context, url string) (float64, error) {
	host, _, err := net.SplitHostPort(strings.TrimPrefix(strings.SplitN(url, "/", 4)[2], "//"))
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return 0, fmt.Errorf("%s is not on this machine: load is sent nowhere else", url)
	}
	out, err := exec.CommandContext(ctx, "wrk", "-t", "1", "-c", strconv.Itoa(connections),
		"-d", pick(l, "5s", "1s"), url).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("run wrk: %w: %.300s", err, out)
	}
	return parseWrk(string(out))
}

// parseWrk finds the requests a second in wrk's report. A report of failed requests is an error.
func parseWrk(report string) (float64, error) {
	rate := -1.0
	for line := range strings.Lines(report) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "Non-2xx") || strings.HasPrefix(line, "Socket errors") {
			return 0, fmt.Errorf("wrk: %s", line)
		}
		if v, ok := strings.CutPrefix(line, "Requests/sec:"); ok {
			var err error
			if rate, err = strconv.ParseFloat(strings.TrimSpace(v), 64); err != nil {
				return 0, fmt.Errorf("read wrk's report: %w", err)
			}
		}
	}
	if rate < 0 {
		return 0, fmt.Errorf("no rate in wrk's report: %.300s", report)
	}
	return rate, nil
}
