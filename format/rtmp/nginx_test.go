package rtmp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/internal/testnet"
)

const nginxModule = "/usr/lib/nginx/modules/ngx_rtmp_module.so"

// freePort is a port that was free a moment ago.
func freePort(t testing.TB) string {
	t.Helper()
	_, port, err := net.SplitHostPort(testnet.FreeTCP(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// startNginx starts a server with an application "live", and gives its address and the file that it writes errors to.
func startNginx(t testing.TB, extra string) (addr, log string) {
	t.Helper()
	dir, port := t.TempDir(), freePort(t)
	log = filepath.Join(dir, "error.log")
	conf := fmt.Sprintf(`load_module %s;
daemon off;
master_process off;
pid %s/pid;
error_log %s info;
events {}
rtmp { access_log off; server { listen 127.0.0.1:%s; %s application live { live on; wait_key on; publish_notify on; } } }
`, nginxModule, dir, log, port, extra)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nginx", "-p", dir, "-c", file, "-e", log)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			said, _ := os.ReadFile(log)
			t.Logf("nginx says\n%s", said)
		}
	})
	addr = "127.0.0.1:" + port
	awaitListener(t, addr)
	return addr, log
}

// awaitListener waits until something accepts connections.
func awaitListener(t testing.TB, addr string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ctx := testContext(t); ; {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("nothing listens on %s", addr)
		}
	}
}

// liveSource repeats a sample at its own pace or faster, its times going on, until it is stopped. It notes what it gives.
type liveSource struct {
	t      testing.TB
	sample []flv.Tag
	start  uint32
	tick   *time.Ticker
	stop   chan struct{}

	mu    sync.Mutex
	given []flv.Tag
}

// loopLength is the length of the sample in milliseconds.
const loopLength = sampleFrames * 40

func newLiveSource(t testing.TB, tags []flv.Tag, start uint32) *liveSource {
	s := &liveSource{t: t, sample: tags, start: start, tick: time.NewTicker(4 * time.Millisecond), stop: make(chan struct{})}
	t.Cleanup(s.tick.Stop)
	return s
}

func (s *liveSource) Next(ctx context.Context) ([]flv.Tag, error) {
	select {
	case <-s.stop:
		return nil, io.EOF
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.tick.C:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.given)
	tag := s.sample[n%len(s.sample)]
	tag.Time += s.start + uint32(n/len(s.sample))*loopLength
	s.given = append(s.given, tag)
	return []flv.Tag{tag}, nil
}

func (s *liveSource) tags() []flv.Tag {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]flv.Tag(nil), s.given...)
}

// publishing publishes a source until it is stopped, and checks that this ends well.
func publishing(t testing.TB, url string, src Source, stop func(), o Options) (end func()) {
	t.Helper()
	c := dial(t, target(t, url).Address())
	done := make(chan error, 1)
	ctx := testContext(t)
	go func() { done <- Publish(ctx, c, target(t, url), src, o) }()
	return func() {
		t.Helper()
		stop()
		if err := <-done; err != nil {
			t.Errorf("publish: %v", err)
		}
	}
}

func TestPublishToNginx(t *testing.T) {
	addr, log := startNginx(t, "")
	tags := sample(t)
	tags = tags[:len(tags)-1] // the end of the sequence is not the end here
	t.Run("times", func(t *testing.T) {
		for i, start := range starts {
			sizes := []int{0}
			if i == 1 {
				sizes = append(sizes, 128)
			}
			for _, size := range sizes {
				t.Run(fmt.Sprintf("%s, chunks of %d", start.name, size), func(t *testing.T) {
					t.Parallel()
					src := newLiveSource(t, timed(t, tags, 0), start.ms)
					url := fmt.Sprintf("rtmp://%s/live/test%d-%d", addr, i, size)
					publishToNginx(t, url, src, Options{ChunkSize: size})
				})
			}
		}
	})
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "[error]") || strings.Contains(line, "[warn]") {
			t.Errorf("nginx says: %s", line)
		}
	}
}

// publishToNginx publishes a source, and compares what a player of ours and ffprobe get from nginx with what was sent.
// nginx takes metadata and pictures; scripts of other kinds it drops.
func publishToNginx(t *testing.T, url string, src *liveSource, o Options) {
	end := publishing(t, url, src, func() { close(src.stop) }, o)
	p := playFrom(t, url)
	ctx := testContext(t)
	var got []flv.Tag
	for len(got) < 2*sampleFrames {
		tag, err := p.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if isPicture(tag) {
			got = append(got, tag)
		}
	}
	var packets struct{ Packets []probed }
	out := run(t, "ffprobe", "-v", "error", "-show_packets", "-select_streams", "v", "-analyzeduration", "1000000", "-read_intervals", "%+#30", "-of", "json", url)
	if err := json.Unmarshal(out, &packets); err != nil {
		t.Fatal(err)
	}
	end()

	given := map[uint32]flv.Tag{}
	for _, tag := range src.tags() {
		if isPicture(tag) {
			given[tag.Time] = tag
		}
	}
	for i, tag := range got {
		if err := differ(tag, given[tag.Time]); err != nil {
			t.Fatalf("picture %d from nginx: %v", i, err)
		}
	}
	if len(packets.Packets) < 25 {
		t.Fatalf("ffprobe reads %d packets", len(packets.Packets))
	}
	for i, k := range packets.Packets {
		tag, ok := given[uint32(k.DTS)]
		if !ok || k.Size != fmt.Sprint(len(tag.Body)-5) {
			t.Fatalf("packet %d from nginx at %d ms has %s bytes, and there %d were sent", i, k.DTS, k.Size, len(tag.Body)-5)
		}
	}
}

// playFrom plays from a server, and fails if it does not let it.
func playFrom(t testing.TB, url string) *Player {
	t.Helper()
	p, err := Play(testContext(t), dial(t, target(t, url).Address()), target(t, url))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// firstPicture plays up to the first picture, which nobody but a publisher can have sent: nginx greets players with a script before.
func firstPicture(t testing.TB, p *Player) {
	t.Helper()
	for {
		tag, err := p.Next(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		if tag.Type == flv.Video {
			return
		}
	}
}

func TestNginxEndsStream(t *testing.T) {
	addr, _ := startNginx(t, "")
	url := "rtmp://" + addr + "/live/test"
	src := newLiveSource(t, sample(t), 0)
	end := publishing(t, url, src, func() { close(src.stop) }, Options{})
	p := playFrom(t, url)
	firstPicture(t, p)
	end()
	allTags(t, p) // up to io.EOF
}

func TestNginxRefusesPublisher(t *testing.T) {
	addr, _ := startNginx(t, "")
	url := "rtmp://" + addr + "/live/test"
	first := newLiveSource(t, sample(t), 0)
	end := publishing(t, url, first, func() { close(first.stop) }, Options{})
	firstPicture(t, playFrom(t, url)) // so the first is in place
	var refused *StatusError
	err := Publish(testContext(t), dial(t, addr), target(t, url), &listSource{}, Options{})
	if !errors.As(err, &refused) || refused.Code != "NetStream.Publish.BadName" {
		t.Errorf("a second publisher: %v", err)
	}
	err = Publish(testContext(t), dial(t, addr), target(t, "rtmp://"+addr+"/other/test"), &listSource{}, Options{})
	if err == nil {
		t.Error("an application that isn't there takes a stream")
	}
	t.Logf("an application that isn't there: %v", err)
	end()
}

// TestNginxRelays has our server's stream pulled by nginx, and played from there.
func TestNginxRelays(t *testing.T) {
	t.Parallel()
	src := newLiveSource(t, sample(t)[:30], timeExtended-200)
	// At the end nginx stays; it is not waited for.
	s := startServer(t, &Server{Play: func(string, string) (Source, error) { return src, nil }, Options: Options{WriteTimeout: shortLimit}})
	addr, _ := startNginx(t, fmt.Sprintf("application pull { live on; wait_key on; pull rtmp://%s/live/test; }", s.addr))
	p := playFrom(t, "rtmp://"+addr+"/pull/test")
	pictures := 0
	for pictures < 30 {
		tag, err := p.Next(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		if tag.Type == flv.Video && tag.Time < timeExtended-300 {
			t.Fatalf("a picture at %d ms", tag.Time)
		}
		if tag.Type == flv.Video {
			pictures++
		}
	}
	close(src.stop)
	if err := s.result(t); err != nil {
		t.Error(err)
	}
}
