package main

import (
	"encoding/json"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
)

// redisServer is a real Redis on a loopback port, with its data in a folder so that it can come back.
type redisServer struct {
	t    *testing.T
	dir  string
	port string
	cmd  *exec.Cmd
}

func startRedis(t *testing.T) *redisServer {
	t.Helper()
	_, port, err := net.SplitHostPort(freeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	r := &redisServer{t: t, dir: t.TempDir(), port: port}
	r.start()
	t.Cleanup(r.kill)
	return r
}

func (r *redisServer) url() string { return "redis://127.0.0.1:" + r.port + "/0" }

func (r *redisServer) start() {
	r.t.Helper()
	r.cmd = exec.Command("redis-server", "--port", r.port, "--bind", "127.0.0.1", "--dir", r.dir, "--save", "", "--appendonly", "yes",
		"--appendfsync", "always")
	if err := r.cmd.Start(); err != nil {
		r.t.Fatalf("start redis-server: %v: make deps installs it", err)
	}
	await(r.t, "redis answers", limit, func() bool {
		out, err := exec.Command("redis-cli", "-p", r.port, "ping").Output()
		return err == nil && strings.HasPrefix(string(out), "PONG")
	})
}

func (r *redisServer) kill() {
	r.cmd.Process.Kill()
	r.cmd.Wait()
}

// markers reads the markers as Redis has them, with its own client.
func (r *redisServer) markers() (list []markers.Marker) {
	r.t.Helper()
	out, _ := tool(r.t, "redis-cli", "-p", r.port, "--raw", "XRANGE", "refstream:{main}:markers", "-", "+")
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "{") {
			var m markers.Marker
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				r.t.Fatal(err)
			}
			list = append(list, m)
		}
	}
	return list
}

// Redis is away: the stream and its truth go on, the server says so, and Redis gets all of it afterwards.
func TestRedisAway(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, smallStream(data, "--redis", redis.url())...)
	s.moreSegments(3)
	redis.kill()
	s.await("not ready", limit, func() bool { _, err := s.try("/readyz"); return err != nil })
	s.moreSegments(3)
	if waiting := regexp.MustCompile(`refstream_redis_waiting_records\{kind="frames"\} [1-9]`); !waiting.Match(s.get("/metrics")) {
		t.Error("/metrics does not count the records that wait for Redis")
	}
	redis.start()
	s.awaitReady()
	s.moreSegments(1)
	st := s.verify(data)
	if lost := st.lost(); len(lost) != 0 {
		t.Errorf("missing %+v", lost)
	}
	s.stop()
	there := redis.markers()
	for _, m := range st.markers {
		if !slices.Contains(there, m) {
			t.Errorf("marker %s is not in Redis", m.ID)
		}
	}
}

// Two api processes and a generator on one Redis and one folder serve the same; a trigger through an api is rendered.
func TestRoles(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	data := filepath.Join(t.TempDir(), "data")
	generator := start(t, smallStream(data, "--redis", redis.url(), "--role", "generator", "--scenario", "tr101290")...)
	generator.moreSegments(2)
	a := start(t, "--role", "api", "--redis", redis.url(), "--data", data)
	b := start(t, "--role", "api", "--redis", redis.url(), "--data", data)

	// The twin is known to all, with its frames.
	type twins struct {
		Channels []struct{ Twins []struct{ Channel string } }
	}
	for _, s := range []*running{generator, a} {
		if list := getJSON[twins](s, "/channels").Channels; len(list) != 1 || len(list[0].Twins) != 1 || list[0].Twins[0].Channel != "main-tr101290" {
			t.Errorf("channels at %s: %+v", s.url, list)
		}
	}
	a.await("frames of the twin", limit, func() bool {
		return len(getJSON[framesAnswer](a, "/frames?channel=main-tr101290").Frames) > 0
	})

	req, err := http.NewRequest(http.MethodPost, a.url+"/markers", strings.NewReader(`{"text":"from outside"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Refstream", "trigger")
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	var planned markers.Marker
	err = json.NewDecoder(res.Body).Decode(&planned)
	res.Body.Close()
	if err != nil || res.StatusCode != http.StatusAccepted {
		t.Fatalf("trigger: %s, %v", res.Status, err)
	}
	// A detection that one of them takes in is at all of them, the generator too.
	found := `{"source":"mine","frame":0}`
	if req, err = http.NewRequest(http.MethodPost, a.url+"/detections", strings.NewReader(found)); err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Refstream", "trigger")
	req.Header.Set("Content-Type", "application/json")
	if res, err = http.DefaultClient.Do(req); err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	for _, s := range []*running{a, b, generator} {
		if list := string(s.get("/detections?format=csv")); res.StatusCode != http.StatusCreated || strings.Count(list, ",mine,") != 1 {
			t.Errorf("%s, detections at %s: %s", res.Status, s.url, list)
		}
	}
	find := func(s *running) (found markers.Marker) {
		for _, m := range getJSON[markersAnswer](s, "/markers?limit=10000").Markers {
			if m.ID == planned.ID {
				found = m
			}
		}
		return found
	}
	b.await("the triggered marker", limit, func() bool { return find(b).ID != "" })
	if m := find(b); m.Frame != planned.Frame || m.LastFrame != planned.LastFrame || m.Text != "from outside" || m.Kind != markers.KindManual {
		t.Errorf("marker %+v, planned %+v", m, planned)
	}
	generator.moreSegments(2)
	st := a.verify(data)
	generator.stop()
	if st.playlist == "" || len(st.markers) == 0 {
		t.Error("nothing to compare")
	}
	for _, path := range []string{"/markers?limit=10000", "/segments?limit=5000", "/frames?from=0&limit=5000", "/hls/main/index.m3u8", "/hls/main/master.m3u8"} {
		await(t, path+" to be the same from two api processes", limit, func() bool { return string(a.get(path)) == string(b.get(path)) })
	}
}

// Two generators with one seed and epoch, each with its own data directory, write each marker once into one Redis.
func TestTwoGenerators(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	epoch := time.Now().Add(-10 * time.Minute).UTC().Format(time.RFC3339)
	var servers []*running
	var dirs []string
	for range 2 {
		data := filepath.Join(t.TempDir(), "data")
		dirs = append(dirs, data)
		servers = append(servers, start(t, smallStream(data, "--redis", redis.url(), "--epoch", epoch)...))
	}
	slots := func(s *running) (list []int64) {
		for _, seg := range getJSON[segmentsAnswer](s, "/segments?limit=5000").Segments {
			list = append(list, seg.MSN)
		}
		return list
	}
	await(t, "segments of both for the same slots", limit, func() bool {
		a, both := slots(servers[0]), 0
		for _, msn := range slots(servers[1]) {
			if slices.Contains(a, msn) {
				both++
			}
		}
		return both >= 3
	})
	count := map[string]int{}
	var states []state
	for i, s := range servers {
		states = append(states, s.verify(dirs[i]))
	}
	for _, s := range servers {
		s.stop()
	}
	for _, m := range redis.markers() {
		count[m.ID]++
	}
	for _, st := range states {
		for _, m := range st.markers {
			if count[m.ID] != 1 {
				t.Errorf("marker %s is in Redis %d times", m.ID, count[m.ID])
			}
		}
	}
	// The same segments, with the same numbers and the same frames, whoever made them.
	bySlot := map[int64]markers.SegmentRecord{}
	for _, seg := range states[0].segments.Segments {
		bySlot[seg.MSN] = seg
	}
	common := 0
	for _, seg := range states[1].segments.Segments {
		if other, ok := bySlot[seg.MSN]; ok {
			common++
			if other.FirstFrame != seg.FirstFrame || other.LastFrame != seg.LastFrame {
				t.Errorf("segment %d: %+v and %+v", seg.MSN, other, seg)
			}
		}
	}
	if common < 3 {
		t.Errorf("%d segments in common", common)
	}
}
