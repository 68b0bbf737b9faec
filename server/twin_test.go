package server

import (
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/stream"
)

// What is done to a frame counts once its segment is published, and not at all where it is dropped or cannot be written.
func TestTwinFaults(t *testing.T) {
	t.Parallel()
	const perSegment = 10
	epoch := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	file := filepath.Join(dir, "outage.yaml")
	text := "version: 1\nname: outage\nfaults: [{id: x, do: ts.tei, every: 400ms, for: {frames: 2}}, {id: list, do: playlist.empty, at: {msn: 6}, for: {segments: 2}}]"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := markers.Channel{Name: "main", Run: 1, Width: 1280, Height: 720, Rate: media.FrameRate{Num: 25, Den: 1}, FramesPerSegment: perSegment,
		Epoch: epoch, Window: 8, EventEvery: 1000, EventLength: 10, PTSOrigin: markers.PTSOrigin}
	s := &Server{cfg: Config{Data: dir, Logger: slog.New(slog.DiscardHandler)}, channel: c}
	tw, err := s.newTwin(file, encoder.Options{Bitrate: 1_000_000, Rate: c.Rate}, func() time.Time { return epoch.Add(time.Second) })
	if err != nil {
		t.Fatal(err)
	}
	defer tw.hub.Close()
	sps, err := hex.DecodeString("6764001facd9405005bb011000003e90000ea600f1831960") // x264's for 1280x720
	if err != nil {
		t.Fatal(err)
	}
	track := &media.Track{CodecString: "avc1.64001f", Width: 1280, Height: 720}
	order := []int64{0, 2, 3, 4, 5, 6, 7, 8, 9, 1} // of decoding
	// publish publishes units of a segment, in decoding order.
	publish := func(first int64, from, to int) {
		for i := from; i < to; i++ {
			n := order[i]
			au := media.Unit{Track: track, Frame: first + n, PTS: tw.clock.PTS(first + n), DTS: tw.clock.PTS(first+int64(i)) - 9*3600, Key: n == 0}
			if au.Key {
				au.NALs = [][]byte{sps, {0x68, 0xEF, 0x8F, 0xCB}}
			}
			au.NALs = append(au.NALs, append([]byte{map[bool]byte{true: 0x65, false: 0x41}[au.Key]}, make([]byte, 500)...))
			tw.publish(stream.Unit{Unit: au})
		}
	}
	states := func() (list string) {
		for _, r := range tw.Faults(0, 109) {
			list += r.ID + " " + string(r.State) + " "
		}
		return strings.TrimSpace(list)
	}
	expect := func(when, want string) {
		t.Helper()
		if got := states(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	expect("before the first unit", "x-3 planned x-4 planned")
	publish(30, 0, 9)
	expect("with an open segment", "x-3 planned x-4 planned")
	publish(30, 9, 10)
	expect("with a whole one", "x-3 done x-4 planned")
	publish(40, 0, 9)
	publish(50, 0, 10)
	expect("with a segment that has a hole", "x-3 done x-4 not_done x-5 done")
	// A folder in the place of a file is a disk that cannot be written.
	hls := s.cfg.hlsDir(tw.name)
	list := filepath.Join(hls, "index.m3u8")
	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(list, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	publish(60, 0, 10)
	expect("without a playlist", "x-3 done x-4 not_done x-5 done x-6 done list active")
	if err := os.RemoveAll(list); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(hls, packager.TS.SegmentFile(7), "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	publish(70, 0, 10)
	publish(80, 0, 1)
	expect("without a file", "x-3 done x-4 not_done x-5 done x-6 done list not_done x-7 not_done x-8 planned")
}
