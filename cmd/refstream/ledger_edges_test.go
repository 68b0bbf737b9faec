package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/journal"
)

// A generator is killed, and the wall clock steps back by fifteen seconds: here the journal is moved ahead of the clock
// instead, which is the same. A segment's file is gone, and a line of the journal is torn.
func TestKilledAndClockBack(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, smallStream(data)...)
	s.moreSegments(4)
	before := s.state()
	s.kill()
	c := before.channel.Clock()

	victim := before.segments.Segments[1]
	if err := os.Remove(filepath.Join(data, "main", "hls", victim.URI)); err != nil {
		t.Fatal(err)
	}
	// Frames that were recorded and not published, up to 30 s ahead, and half a line: a busy machine is up again before that.
	logs, err := filepath.Glob(filepath.Join(data, "main", "journal", "frames-*.jsonl"))
	if err != nil || len(logs) != 1 {
		t.Fatalf("%q, %v", logs, err)
	}
	recorded := readLines[markers.FrameRecord](t, logs[0])
	ahead := recorded[len(recorded)-1]
	first := ahead.Frame + 1
	newest := c.FrameAt(time.Now().Add(30 * time.Second))
	file, err := os.OpenFile(logs[0], os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	for n := first; n <= newest; n++ {
		ahead.Frame, ahead.PTS, ahead.DTS, ahead.UTC, ahead.MSN, ahead.Offset = n, c.PTS(n), c.PTS(n), c.UTC(n), c.MSN(n), c.Offset(n)
		ahead.Timecode, ahead.Key, ahead.Event = c.Timecode(n).String(), c.Offset(n) == 0, ""
		line, err := json.Marshal(ahead)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(file, "%s\n", line)
	}
	fmt.Fprint(file, `{"frame":`)
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}

	s = launch(t, freeAddr(t), smallStream(data)...)
	s.await("it says until when it waits", limit, func() bool {
		_, err := s.try("/readyz")
		return err != nil && strings.Contains(err.Error(), "the stream waits until ") && strings.Contains(s.log(), "waits for it")
	})
	s.awaitReady()
	s.moreSegments(2)
	st := s.state()
	// What is held against the pictures is the ledger without the segment that is gone.
	st.segments.Segments = slices.DeleteFunc(st.segments.Segments, func(seg markers.SegmentRecord) bool { return seg.MSN == victim.MSN })
	s.verifyCoverage(st)
	s.verifyPictures(st, filepath.Join(data, "main", "hls"))
	s.verifyPlaylist(st, filepath.Join(data, "main", "hls"))
	begin := c.FirstFrame(c.MSN(newest) + 1)
	why := map[int64]string{}
	for _, m := range st.frames.Missing {
		for n := m.Frame; n <= m.LastFrame; n++ {
			why[n] = m.Reason
		}
	}
	for n := first; n <= newest; n++ {
		if why[n] != markers.ReasonPublish {
			t.Fatalf("frame %d was recorded and not published: %q", n, why[n])
		}
	}
	for n := victim.FirstFrame; n <= victim.LastFrame; n++ {
		if why[n] != markers.ReasonLost {
			t.Fatalf("frame %d of the file that is gone: %q", n, why[n])
		}
	}
	for _, f := range st.frames.Frames {
		if run := map[bool]int64{false: 1, true: 2}[f.Frame >= begin]; f.Run != run {
			t.Fatalf("frame %d is recorded by run %d; run 2 begins with frame %d", f.Frame, f.Run, begin)
		}
	}
	must(t, "verify", s.url+"/hls/main/index.m3u8", "--duration", "3s")
}

// Two generators of one stream write to one Redis; a server with --role api stands on the files of the one whose records
// come second. What it says is true of those files, and verify finds nothing in them.
func TestTwoGeneratorsOneAPI(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	epoch := time.Now().Add(-10 * time.Minute).UTC().Format(time.RFC3339)
	var ids, dirs []string
	for range 2 {
		data := filepath.Join(t.TempDir(), "data")
		s := start(t, smallStream(data, "--redis", redis.url(), "--epoch", epoch, "--role", "generator")...)
		s.moreSegments(2)
		c, err := journal.ReadChannel(data, "main")
		if err != nil {
			t.Fatal(err)
		}
		ids, dirs = append(ids, c.Generator), append(dirs, data)
	}
	if ids[0] == ids[1] || ids[0] == "" {
		t.Fatalf("generators %q", ids)
	}
	type record struct {
		Frame     int64
		GenNS     *int64 `json:"gen_ns"`
		Run       *int64
		Generator string
	}
	seen := map[string]int{}
	for i, data := range dirs {
		a := start(t, "--role", "api", "--redis", redis.url(), "--data", data)
		for _, f := range getJSON[struct{ Frames []record }](a, "/frames?limit=5000").Frames {
			own := f.Generator == ids[i]
			if own != (f.GenNS != nil) || own != (f.Run != nil) {
				t.Errorf("api %d (%s): %+v", i, ids[i], f)
			}
			seen[f.Generator]++
		}
		if out, errs, code := refstream(t, "verify", a.url+"/hls/main/index.m3u8", "--duration", "3s"); code != 0 {
			t.Errorf("api %d (%s): verify: %d %s\n%s", i, ids[i], code, errs, out)
		}
	}
	if len(seen) == 0 || slices.ContainsFunc(ids, func(id string) bool { return seen[id] == 0 }) && len(seen) > 1 {
		t.Errorf("records by generator: %v", seen)
	}
}
