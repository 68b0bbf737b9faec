package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/api"
	"github.com/refstream/refstream/internal/testnet"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// Every carrier says of every frame what the ledger says, by other people's readers and by verify, and brings its own
// messages: beyond 4.66 h, where RTMP's time stamps become longer, and across the wrap of the PTS. The long form also
// takes a stream that is new, and one that is some hours old.
func TestCarriers(t *testing.T) {
	// The PTS wraps 95442.7 s after the epoch.
	ages := map[string]time.Duration{"pts wrap": 95442*time.Second - wrapAhead}
	if !testing.Short() {
		ages["new"], ages["hours old"] = 0, 5*time.Hour
	}
	for name, age := range ages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testCarriers(t, age)
		})
	}
}

// wrapAhead is when the wrap comes after the start: what is read, which begins with the newest complete GOP, is to cross it.
const wrapAhead = 25 * time.Second

func testCarriers(t *testing.T, age time.Duration) {
	wraps := age > 24*time.Hour
	data, dir := filepath.Join(t.TempDir(), "data"), t.TempDir()
	nginxAddr, tcp, srt, push := freeAddr(t), newSink(t, ""), freeUDP(t), freeAddr(t)
	nginxRTMP(t, nginxAddr)
	nginx := "rtmp://" + nginxAddr + "/app/secret-key"
	rtmp, listen := freeAddr(t), freeAddr(t)
	s := start(t, smallStream(data, "--epoch", time.Now().UTC().Add(-age).Truncate(time.Millisecond).Format(time.RFC3339Nano),
		"--rtmp", rtmp, "--listen-ts", listen, "--push", "tcp://"+tcp.Addr().String(), "--push", "tcp://"+push, "--push", nginx,
		"--relay", "srt://"+srt+"?mode=listener", "--container", "ts,fmp4",
		"--relay", filepath.Join(dir, "file.ts"), "--relay", filepath.Join(dir, "file.mp4"))...)
	s.moreSegments(3)
	if wraps {
		s.await("the wrap to come near", limit, func() bool {
			latest := getJSON[struct{ Latest struct{ PTS int64 } }](s, "/clocks").Latest.PTS
			return latest > media.PTSMask-3*media.TicksPerSecond
		})
	}

	carriers := []carrier{
		// Long enough to cross the wrap, from a GOP that began before.
		{name: "http ts", url: s.url + "/live/main.ts", ticks: 1, frames: 200},
		{name: "http flv", url: s.url + "/live/main.flv", ticks: 90},
		{name: "tcp listener", url: "tcp://" + listen, ticks: 1},
		{name: "rtmp play", url: "rtmp://" + rtmp + "/live/main", ticks: 90},
		{name: "rtmp publish", url: nginx, ticks: 90},
		{name: "srt relay", url: "srt://" + srt, ticks: 1},
	}
	all := make([]reading, len(carriers))
	var readers sync.WaitGroup
	for i, c := range carriers {
		readers.Go(func() {
			// SRT's listener takes one reader, and then begins again.
			all[i] = c.read(t.Context(), func() { s.relayIsUp(t.Context(), "srt") })
		})
	}
	own := s.readMessages(&readers, rtmp)
	for name, url := range map[string]string{
		"hls": s.url + "/hls/main/index.m3u8", "hls fmp4": s.url + "/hls/main/index-fmp4.m3u8", "http ts": s.url + "/live/main.ts", "http flv": s.url + "/live/main.flv",
		"tcp": "tcp://" + listen, "tcp push": "tcp://" + push + "?listen", "rtmp": "rtmp://" + rtmp + "/live/main", "rtmp through nginx": nginx,
	} {
		readers.Go(func() { s.isTrue(name, url, "--duration", "5s") })
	}
	readers.Wait()
	sent, _ := tcp.connection(0)
	for _, c := range []carrier{
		{name: "tcp push", url: save(t, "push.ts", sent), ticks: 1},
		{name: "file relay", url: filepath.Join(dir, "file.ts"), ticks: 1},
	} {
		all = append(all, c.read(t.Context(), func() {}))
	}
	if all[0].err == nil {
		list := all[0].packets(t)
		if first, last := list[0], list[len(list)-1]; wraps && first.pts&media.PTSMask < last.pts&media.PTSMask {
			t.Errorf("what was read, PTS %d to %d, does not cross the wrap", first.pts, last.pts)
		}
	}

	ledger := s.ledger()
	for _, c := range all {
		c.check(t, ledger)
	}
	own.check(t, ledger, getJSON[markersAnswer](s, "/markers?limit=10000").Markers)
	s.isTrue("mp4 relay", filepath.Join(dir, "file.mp4"))
	s.isScored()
	for _, o := range s.outputs() {
		if strings.Contains(fmt.Sprint(o), "secret") {
			t.Errorf("the stream key shows: %+v", o)
		}
		if o.ClientsTotal == 0 || o.Bytes == 0 {
			t.Errorf("no client is counted: %+v", o)
		}
	}
	if strings.Contains(s.log(), "secret") {
		t.Error("the stream key is in the log")
	}
	s.stop()
	if _, err := net.DialTimeout("tcp", rtmp, time.Second); err == nil {
		t.Error("the RTMP port is still open")
	}
}

// isTrue runs verify on a stream of the server and reports what it finds. The truth is asked for where the stream is from,
// where that is the server.
func (s *running) isTrue(name, url string, args ...string) {
	s.t.Helper()
	if !strings.HasPrefix(url, s.url) {
		args = append(args, "--truth", s.url)
	}
	var exact []string
	switch name {
	case "mp4 relay": // holds no timed ID3, and begins at zero where the stream is old
		args = append(args, "--allow", "clock_gone,clock_offset")
	case "rtmp through nginx", "hls relay":
		// nginx's module passes on neither onFI nor cue points, and ffmpeg's HLS muxer would write the time of its own clock,
		// so it writes none.
		args = append(args, "--allow", "clock_gone")
	case "hls":
		exact = carried("index.m3u8")[:5]
	case "http ts":
		exact = carried("stream.ts")[:4]
	case "http flv":
		exact = carried("stream.flv")[:6]
	}
	r, code := verified(s.t, append([]string{url}, args...)...)
	if code != 0 {
		s.t.Errorf("%s: exit code %d: %s", name, code, texts(r))
	}
	for _, clock := range exact {
		if got := stateOf(r, clock); got != report.Exact {
			s.t.Errorf("%s: %s is %q", name, clock, got)
		}
	}
}

// isScored has a detection scored against what the server says.
func (s *running) isScored() {
	s.t.Helper()
	marks := getJSON[markersAnswer](s, "/markers").Markers
	if len(marks) == 0 {
		s.t.Error("no markers")
		return
	}
	r, code := scored(s.t, fmt.Sprintf("[%d]", marks[0].PTS), "--truth", s.url, "--clock", "pts", "--to", marks[0].Time.String())
	if code != 0 || r.Matched != 1 || r.Missed != 0 || *r.Max > 1 {
		s.t.Errorf("score: exit code %d, %+v", code, r)
	}
}

// ledger is all that /frames has.
func (s *running) ledger() (list []markers.FrameRecord) {
	s.t.Helper()
	const most = 5000
	for from := int64(0); ; from = list[len(list)-1].Frame + 1 {
		part := getJSON[framesAnswer](s, fmt.Sprintf("/frames?from=%d&limit=%d", from, most)).Frames
		list = append(list, part...)
		if len(part) < most {
			return list
		}
	}
}

// outputs is what /channels says of the live outputs.
func (s *running) outputs() []api.Output {
	s.t.Helper()
	answer := getJSON[struct {
		Channels []struct {
			markers.Channel
			Outputs []api.Output
		}
	}](s, "/channels")
	if len(answer.Channels) != 1 {
		s.t.Fatalf("channels: %+v", answer)
	}
	return answer.Channels[0].Outputs
}

// output is the one of a kind whose name contains a text.
func (s *running) carrier(kind, name string) api.Output {
	s.t.Helper()
	list := s.outputs()
	for _, o := range list {
		if o.Kind == kind && strings.Contains(o.Name, name) {
			return o
		}
	}
	s.t.Fatalf("no output %s %s in %+v", kind, name, list)
	return api.Output{}
}

// relayIsUp returns when a relay's program runs, or ctx ends.
func (s *running) relayIsUp(ctx context.Context, name string) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		body, err := s.try("/channels")
		var answer struct {
			Channels []struct{ Outputs []api.Output }
		}
		if err == nil && json.Unmarshal(body, &answer) == nil && len(answer.Channels) == 1 {
			for _, o := range answer.Channels[0].Outputs {
				if o.Kind == "relay" && strings.Contains(o.Name, name) && o.State == "running" {
					return
				}
			}
		}
		<-tick.C
	}
}

// freeUDP is a loopback address that nothing listens on with UDP just now.
func freeUDP(t *testing.T) string { return testnet.FreeUDP(t) }
