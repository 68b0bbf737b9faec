package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// The carriers' own messages on a live stream, read by ffprobe: each onFI is that of the frame at its time stamp, each ID3
// tag is the marker at its PTS.
func TestLiveMessages(t *testing.T) {
	t.Parallel()
	rtmp := freeAddr(t)
	s := start(t, smallStream(filepath.Join(t.TempDir(), "data"), "--rtmp", rtmp)...)
	s.moreSegments(2)
	var scripts [][]packet
	flvs := []carrier{
		{name: "rtmp", url: "rtmp://" + rtmp + "/live/main", ticks: 90},
		{name: "http flv", url: s.url + "/live/main.flv", ticks: 90},
	}
	for _, c := range flvs {
		scripts = append(scripts, dataPackets(t, c.url, "-read_intervals", "%+6"))
	}
	tags := dataPackets(t, s.url+"/live/main.ts", "-read_intervals", "%+12")
	hls := dataPackets(t, s.url+"/hls/main/index.m3u8", "-live_start_index", "0", "-read_intervals", "%+12")

	ledger := getJSON[framesAnswer](s, "/frames?from=0&limit=5000").Frames
	for i, c := range flvs {
		n := 0
		for _, p := range scripts[i] {
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
	for _, m := range getJSON[markersAnswer](s, "/markers?limit=10000").Markers {
		byPTS[m.PTS&media.PTSMask] = m
	}
	for name, list := range map[string][]packet{"http ts": tags, "hls": hls} {
		if len(list) == 0 {
			t.Errorf("%s: no ID3", name)
		}
		for _, p := range list {
			m, ok := byPTS[p.PTS]
			want, err := json.Marshal(m)
			if err != nil || !ok || !strings.Contains(string(p.Data), string(want)) {
				t.Errorf("%s: ID3 at PTS %d: %q, want %s", name, p.PTS, p.Data, want)
			}
		}
	}
}
