package main

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// messages are the carriers' own messages, as ffprobe reads them from a live stream.
type messages struct {
	flvs    []carrier
	scripts [][]packet
	tags    map[string][]packet
}

// readMessages reads some seconds of the carriers that have messages, on goroutines of readers.
func (s *running) readMessages(readers *sync.WaitGroup, rtmp string) *messages {
	m := &messages{
		flvs: []carrier{
			{name: "rtmp", url: "rtmp://" + rtmp + "/live/main", ticks: 90},
			{name: "http flv", url: s.url + "/live/main.flv", ticks: 90},
		},
		tags: map[string][]packet{},
	}
	m.scripts = make([][]packet, len(m.flvs))
	for i, c := range m.flvs {
		readers.Go(func() { m.scripts[i], _ = dataPackets(s.t, c.url, "-read_intervals", "%+6") })
	}
	var mu sync.Mutex
	for name, args := range map[string][]string{
		"http ts": {s.url + "/live/main.ts"},
		"hls":     {s.url + "/hls/main/index.m3u8", "-live_start_index", "0"},
	} {
		readers.Go(func() {
			list, _ := dataPackets(s.t, args[0], append(args[1:], "-read_intervals", "%+12")...)
			mu.Lock()
			defer mu.Unlock()
			m.tags[name] = list
		})
	}
	return m
}

// check wants each onFI to be that of the frame at its time stamp, and each ID3 tag the marker at its PTS.
func (m *messages) check(t *testing.T, ledger []markers.FrameRecord, events []markers.Marker) {
	t.Helper()
	for i, c := range m.flvs {
		n := 0
		for _, p := range m.scripts[i] {
			if !strings.HasPrefix(string(p.Data), "\x02\x00\x04onFI") {
				continue
			}
			n++
			f, ok := c.ledgerOf(ledger, p.PTS*90)
			if !ok {
				t.Fatalf("%s: onFI at %d ms, where there is no frame", c.name, p.PTS)
			}
			c.checkFI(t, p, f)
		}
		if n < 4 {
			t.Errorf("%s: %d onFI in 6 s", c.name, n)
		}
	}
	byPTS := map[int64]markers.Marker{}
	for _, m := range events {
		byPTS[m.PTS&media.PTSMask] = m
	}
	for name, list := range m.tags {
		if len(list) == 0 {
			t.Errorf("%s: no ID3", name)
		}
		for _, p := range list {
			m, ok := byPTS[p.PTS&media.PTSMask]
			want, err := json.Marshal(m)
			if err != nil || !ok || !strings.Contains(string(p.Data), string(want)) {
				t.Errorf("%s: ID3 at PTS %d: %q, want %s", name, p.PTS, p.Data, want)
			}
		}
	}
}
