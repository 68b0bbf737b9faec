package outputs

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// nginx starts nginx with its RTMP module on an address, to which anything may be published but to application closed.
func nginx(t *testing.T, addr string) (stop func()) {
	t.Helper()
	dir := t.TempDir()
	modules, _ := filepath.Glob("/usr/lib*/nginx/modules/ngx_rtmp_module.so")
	path, err := exec.LookPath("nginx")
	if err != nil {
		path = "/usr/sbin/nginx" // where Debian keeps it, and not every user looks
	}
	if len(modules) == 0 {
		t.Fatal("nginx's RTMP module is missing: make deps installs it")
	}
	config := fmt.Sprintf("load_module %s;\ndaemon off; master_process off; pid %s/pid; error_log %s/error.log;\n"+
		"events { worker_connections 64; }\nrtmp { server { listen %s;\n"+
		"application app { live on; } application closed { live on; deny publish all; } } }\n", modules[0], dir, dir, addr)
	name := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(name, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-c", name, "-e", filepath.Join(dir, "error.log"))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(stop)
	eventually(t, "nginx", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return stop
}

// TestPushRTMP publishes to a server that is absent at first, is killed and comes back, and refuses another application.
func TestPushRTMP(t *testing.T) {
	s := newSource(t, 0)
	h, log := newHub(t)
	stop := feedLive(t, h, s)
	place := listen(t)
	addr := place.Addr().String()
	place.Close()
	var pushes []<-chan error
	for _, app := range []string{"app", "closed"} {
		to, err := ParsePush("rtmp://" + addr + "/" + app + "/secret-key")
		if err != nil {
			t.Fatal(err)
		}
		pushes = append(pushes, runs(func() error { return h.PushTo(t.Context(), to) }))
	}
	find := func(app string) (found Status) {
		for _, st := range h.Status() {
			if st.Kind == KindPush && strings.HasSuffix(st.Name, "/"+app) {
				found = st
			}
		}
		return found
	}
	eventually(t, "refusals", func() bool { return find("app").Reconnects > 3 && find("closed").Reconnects > 3 })
	kill := nginx(t, addr)
	eventually(t, "the stream to flow", func() bool { return find("app").State == StateConnected && find("app").Bytes > 100_000 })
	eventually(t, "the server's refusal", func() bool {
		last := find("closed").LastError
		return last != "" && !strings.Contains(last, "connection refused")
	})
	kill()
	eventually(t, "the end of the server to show", func() bool { return find("app").State != StateConnected })
	nginx(t, addr)
	eventually(t, "the push to recover", func() bool { return find("app").State == StateConnected && find("app").ClientsTotal == 2 })
	probed := probe(t, "rtmp://"+addr+"/app/secret-key")
	if len(probed) == 0 || !strings.Contains(probed[0], "K") {
		t.Errorf("ffprobe sees %q", probed)
	}
	stop()
	for _, ended := range pushes {
		if err := returned(t, ended); err != nil {
			t.Error(err)
		}
	}
	if text := log.String() + fmt.Sprintf("%+v", h.Status()); strings.Contains(text, "secret") {
		t.Errorf("the stream key shows:\n%s", text)
	}
	if n := strings.Count(log.String(), "\n"); n > 2*(burst+1) {
		t.Errorf("%d lines are logged:\n%s", n, log)
	}
}

// probe has ffprobe read 50 video packets, and returns the time stamp and flags of each.
func probe(t *testing.T, url string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
		"packet=pts,flags", "-of", "csv=p=0", "-read_intervals", "%+#50", url)
	cmd.WaitDelay = patience
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, &stderr)
	}
	return strings.Fields(string(out))
}

// TestCarriersReadByFFprobe has ffprobe, which shares no code with any of this, read each carrier.
func TestCarriersReadByFFprobe(t *testing.T) {
	s := newSource(t, 0)
	h, _ := newHub(t)
	server := serveHTTP(t, h, patience)
	tsListener, rtmpListener := listen(t), listen(t)
	ended := []<-chan error{
		runs(func() error { return h.ListenTS(t.Context(), tsListener) }),
		runs(func() error { return h.ListenRTMP(t.Context(), rtmpListener) }),
	}
	stop := feedLive(t, h, s)
	for _, c := range []struct {
		url   string
		ticks int64 // of the carrier's clock
	}{
		{server.URL + "/live/main.ts", 1}, {server.URL + "/live/main.flv", 90},
		{"tcp://" + tsListener.Addr().String(), 1}, {"rtmp://" + rtmpListener.Addr().String() + "/live/main", 90},
	} {
		got := probe(t, c.url)
		if len(got) != 50 || !strings.HasSuffix(strings.TrimRight(got[0], ","), "K_") {
			t.Errorf("%s: %q", c.url, got)
			continue
		}
		var begin int64
		if _, err := fmt.Sscan(strings.Split(got[0], ",")[0], &begin); err != nil {
			t.Fatal(err)
		}
		// The first one says which GOP it is; from there on there must be every unit.
		first := int((begin*c.ticks-s.unit(0).PTS)/testStep) / testGOP * testGOP
		for i, packet := range got {
			var pts int64
			want := s.unit(first+i).PTS / c.ticks
			if _, err := fmt.Sscan(strings.Split(packet, ",")[0], &pts); err != nil || pts != want {
				t.Errorf("%s: packet %d has PTS %s, want %d", c.url, i, packet, want)
				break
			}
		}
	}
	stop()
	for _, e := range ended {
		if err := returned(t, e); err != nil {
			t.Error(err)
		}
	}
}
