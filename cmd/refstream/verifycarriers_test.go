package main

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Our own stream is true by our own tool, on every carrier.
func TestVerifyCarriers(t *testing.T) {
	t.Parallel()
	data, dir := filepath.Join(t.TempDir(), "data"), t.TempDir()
	rtmp, listen, nginx, push := freeAddr(t), freeAddr(t), freeAddr(t), freeAddr(t)
	nginxRTMP(t, nginx)
	s := start(t, smallStream(data, "--rtmp", rtmp, "--listen-ts", listen, "--push", "rtmp://"+nginx+"/app/key",
		"--push", "tcp://"+push, "--relay-hls", filepath.Join(dir, "ts"), "--relay", filepath.Join(dir, "file.mp4"))...)
	s.moreSegments(3)
	carriers := map[string]string{
		"hls": s.url + "/hls/main/index.m3u8", "http ts": s.url + "/live/main.ts", "http flv": s.url + "/live/main.flv",
		"tcp": "tcp://" + listen, "tcp push": "tcp://" + push + "?listen", "rtmp": "rtmp://" + rtmp + "/live/main", "rtmp through nginx": "rtmp://" + nginx + "/app/key",
	}
	var verifying sync.WaitGroup
	for name, url := range carriers {
		verifying.Go(func() { s.isTrue(name, url, "--duration", "6s") })
	}
	verifying.Wait()
	// A relay's files are complete when it has ended; the truth is asked for before.
	s.isTrue("hls relay", filepath.Join(dir, "ts", "index.m3u8"), "--duration", "4s")
	s.isTrue("mp4 relay", filepath.Join(dir, "file.mp4"))
	if _, took := s.stop(); took > 5*time.Second {
		t.Errorf("stopped after %v", took)
	}
}

// isTrue runs verify on a stream and reports what it finds.
func (s *server) isTrue(name, url string, args ...string) {
	s.t.Helper()
	allow := ""
	switch {
	case strings.HasSuffix(url, ".mp4"):
		allow = "clock_gone" // it holds no timed ID3
	case name == "rtmp through nginx":
		allow = "clock_gone" // its module passes on neither onFI nor cue points
	case name == "hls relay":
		allow = "clock_gone" // ffmpeg's muxer would write the time of its own clock, so it writes none
	}
	out, errs, code := refstream(s.t, append([]string{"verify", url, "--truth", s.url, "--allow", allow}, args...)...)
	if code != 0 {
		s.t.Errorf("%s: exit code %d: %s\n%s", name, code, errs, out)
	}
}
