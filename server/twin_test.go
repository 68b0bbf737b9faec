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
	"github.com/refstream/refstream/markers/journal"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/stream"
)

// twinTest is a run of a twin, of a channel with segments of 10 frames, whose units are made by hand.
type twinTest struct {
	*twin
	t     testing.TB
	dir   string
	store *journal.Journal
	hls   string
}

const perSegment = 10

// runTwin begins a run in a data directory at the time of a frame.
func runTwin(t testing.TB, dir, text string, at int64) *twinTest {
	t.Helper()
	file := filepath.Join(t.TempDir(), "outage.yaml")
	if err := os.WriteFile(file, []byte("version: 1\nname: outage\nfaults: ["+text+"]"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := markers.Channel{Name: "main", Run: 1, Width: 1280, Height: 720, Rate: media.FrameRate{Num: 25, Den: 1}, FramesPerSegment: perSegment,
		Epoch: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Window: 8, EventEvery: 1000, EventLength: 10, PTSOrigin: markers.PTSOrigin,
		KeepMarkers: media.Seconds(time.Hour), Generator: "g"}
	store, err := journal.Open(journal.Options{Dir: dir, Channels: []string{"main"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.PutChannel(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	s := &channel{cfg: Config{Data: dir, Logger: slog.New(slog.DiscardHandler)}, info: c, stores: &stores{journal: store}, taken: func(string) error { return nil }}
	tw, err := s.newTwin(t.Context(), file, encoder.Options{Bitrate: 1_000_000, Rate: c.Rate}, func() time.Time { return c.Clock().UTC(at) })
	if err != nil {
		t.Fatal(err)
	}
	r := &twinTest{tw, t, dir, store, s.cfg.hlsDir(tw.name)}
	t.Cleanup(func() {
		tw.hub.Close()
		store.Close()
	})
	return r
}

// kill ends the run without a word.
func (r *twinTest) kill() {
	r.t.Helper()
	if err := r.store.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// give gives the twin units from to to of the segment that begins with a frame, in decoding order.
func (r *twinTest) give(first int64, from, to int, begins ...bool) {
	r.t.Helper()
	sps, err := hex.DecodeString("6764001facd9405005bb011000003e90000ea600f1831960") // x264's for 1280x720
	if err != nil {
		r.t.Fatal(err)
	}
	track := &media.Track{CodecString: "avc1.64001f", Width: 1280, Height: 720}
	order := []int64{0, 2, 3, 4, 5, 6, 7, 8, 9, 1}
	for i := from; i < to; i++ {
		n := order[i]
		au := media.Unit{Track: track, Frame: first + n, PTS: r.clock.PTS(first + n), DTS: r.clock.PTS(first+int64(i)) - 9*3600, Key: n == 0}
		if au.Key {
			au.NALs = [][]byte{sps, {0x68, 0xEF, 0x8F, 0xCB}}
		}
		au.NALs = append(au.NALs, append([]byte{map[bool]byte{true: 0x65, false: 0x41}[au.Key]}, make([]byte, 25_000)...))
		r.take(r.t.Context(), stream.Unit{Unit: au, Begins: au.Key && len(begins) > 0})
	}
}

// expect wants the states of the faults of frames 0 to 199 to begin so.
func (r *twinTest) expect(when, want string) []markers.FaultRecord {
	r.t.Helper()
	list, err := r.Faults(r.t.Context(), 0, 199)
	if err != nil {
		r.t.Fatal(err)
	}
	got := ""
	for _, f := range list {
		got += f.ID + " " + string(f.State) + " "
		if f.Channel != "main-outage" || f.Place != (markers.ID{}) {
			r.t.Errorf("%s: record %+v", when, f)
		}
	}
	if !strings.HasPrefix(got, want) {
		r.t.Errorf("%s: %q, want %q", when, got, want)
	}
	return list
}

// What is done to a frame counts once its segment is published, and not at all where it is dropped or cannot be written. All of it is known
// as long as the journal keeps it.
func TestTwinFaults(t *testing.T) {
	t.Parallel()
	r := runTwin(t, t.TempDir(), "{id: x, do: ts.tei, every: 400ms, for: {frames: 2}}, {id: list, do: playlist.empty, at: {msn: 6}, for: {segments: 2}}", 25)
	r.expect("before the first unit", "x-3 planned x-4 planned")
	r.give(30, 0, 9)
	r.expect("with an open segment", "x-3 planned x-4 planned")
	r.give(30, 9, 10)
	r.expect("with a whole one", "x-3 done x-4 planned")
	r.give(40, 0, 9)
	r.give(50, 0, 10)
	r.expect("with a segment that has a hole", "x-3 done x-4 not_done x-5 done")
	// A folder in the place of a file is a disk that cannot be written.
	list := filepath.Join(r.hls, "index.m3u8")
	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(list, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.give(60, 0, 10)
	r.expect("without a playlist", "x-3 done x-4 not_done x-5 done list active x-6 done")
	if err := os.RemoveAll(list); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(r.hls, packager.TS.SegmentFile(7), "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.give(70, 0, 10)
	r.give(80, 0, 1)
	r.expect("without a file", "x-3 done x-4 not_done x-5 done list not_done x-6 done x-7 not_done x-8 planned")
	r.give(80, 1, 10)
	for n := int64(90); n < 190; n += 10 {
		r.give(n, 0, 10)
	}
	r.expect("after the window", "x-3 done x-4 not_done x-5 done list not_done x-6 done x-7 not_done x-8 done x-9 done")
}

// BenchmarkTwin is the cost of a frame to a twin with faults behind the encoder, at 6 Mbit/s and 30 frames/s.
func BenchmarkTwin(b *testing.B) {
	r := runTwin(b, b.TempDir(), "{id: x, do: ts.tei, every: 4s, for: {frames: 20}}, {do: sei.missing, every: 5s, for: {frames: 20}}, {do: playlist.stale, every: 10s}", 25)
	n := int64(30)
	for b.Loop() {
		r.give(n/perSegment*perSegment, int(n%perSegment), int(n%perSegment)+1)
		n++
	}
	b.ReportMetric(30*float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e7, "%core")
}
