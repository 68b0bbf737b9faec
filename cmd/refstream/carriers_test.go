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

	"github.com/refstream/refstream/api"
	"github.com/refstream/refstream/internal/testnet"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// Every carrier says of every frame what the ledger says, also beyond 4.66 h, where RTMP's time stamps become longer, and
// across the wrap of the PTS.
func TestCarriers(t *testing.T) {
	for name, age := range map[string]time.Duration{
		"new":       0,
		"hours old": 5 * time.Hour,
		// The PTS wraps 95442.7 s after the epoch.
		"pts wrap": 95442*time.Second - wrapAhead,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testCarriers(t, age)
		})
	}
}

// wrapAhead is when the wrap comes after the start: what is read, which begins with the newest complete GOP, is to cross it.
const wrapAhead = 10 * time.Second

func testCarriers(t *testing.T, age time.Duration) {
	wraps := age > 24*time.Hour
	data, dir := filepath.Join(t.TempDir(), "data"), t.TempDir()
	nginxAddr, tcp, srt := freeAddr(t), newSink(t, ""), freeUDP(t)
	nginxRTMP(t, nginxAddr)
	nginx := "rtmp://" + nginxAddr + "/app"
	rtmp, listen := freeAddr(t), freeAddr(t)
	args := smallStream(data, "--epoch", time.Now().UTC().Add(-age).Truncate(time.Millisecond).Format(time.RFC3339Nano),
		"--rtmp", rtmp, "--listen-ts", listen, "--push", "tcp://"+tcp.Addr().String(), "--push", nginx+"/secret-key",
		"--relay", "srt://"+srt+"?mode=listener", "--relay-hls", filepath.Join(dir, "hls"),
		"--relay", filepath.Join(dir, "file.ts"))
	s := start(t, args...)
	s.moreSegments(3)
	if wraps {
		s.await("the wrap to come near", 2*wrapAhead, func() bool {
			latest := getJSON[struct{ Latest struct{ PTS int64 } }](s, "/clocks").Latest.PTS
			return latest > media.PTSMask-2*media.TicksPerSecond
		})
	}

	carriers := []carrier{
		{name: "http ts", url: s.url + "/live/main.ts", ticks: 1},
		{name: "http flv", url: s.url + "/live/main.flv", ticks: 90},
		{name: "tcp listener", url: "tcp://" + listen, ticks: 1},
		{name: "rtmp play", url: "rtmp://" + rtmp + "/live/main", ticks: 90},
		{name: "rtmp publish", url: nginx + "/secret-key", ticks: 90},
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
	readers.Wait()
	sent, _ := tcp.connection(0)
	for _, c := range []carrier{
		{name: "tcp push", url: save(t, "push.ts", sent), ticks: 1},
		{name: "hls relay", url: filepath.Join(dir, "hls", "index.m3u8"), ticks: 1, options: []string{"-live_start_index", "0"}},
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

	ledger := getJSON[framesAnswer](s, "/frames?from=0&limit=5000").Frames
	if len(ledger) == 5000 {
		ledger = append(ledger, getJSON[framesAnswer](s, fmt.Sprintf("/frames?from=%d&limit=5000", ledger[4999].Frame+1)).Frames...)
	}
	for _, c := range all {
		c.check(t, ledger)
	}
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
	if code, took := s.stop(); code != 0 || took > 5*time.Second {
		t.Errorf("exit code %d after %v", code, took)
	}
	// With the input's end ffmpeg has written the end of what it relayed.
	if _, err := net.DialTimeout("tcp", rtmp, time.Second); err == nil {
		t.Error("the RTMP port is still open")
	}
}

// outputs is what /channels says of the live outputs.
func (s *server) outputs() []api.Output {
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
func (s *server) carrier(kind, name string) api.Output {
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
func (s *server) relayIsUp(ctx context.Context, name string) {
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
