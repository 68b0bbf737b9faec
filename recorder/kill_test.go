package recorder

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The process of TestKill is this test, with what it records in its environment.
const (
	processURL = "RECORDER_TEST_URL"
	processDir = "RECORDER_TEST_DIR"
)

// TestRecorderProcess records where it is the process of TestKill, and has nothing to do otherwise.
func TestRecorderProcess(t *testing.T) {
	if os.Getenv(processURL) == "" {
		return
	}
	recorded(t, Options{URL: os.Getenv(processURL), Dir: os.Getenv(processDir)})
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("it does not come: %s", what)
		}
	}
}

// killed records a live stream in a process of its own, which is killed when some segments are there. It returns what was
// there before.
func killed(t *testing.T, l *live, dir string) (exchangesBefore int) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRecorderProcess$")
	c.Env = append(os.Environ(), processURL+"="+l.server.URL+"/live.m3u8", processDir+"="+dir)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var before []*Exchange
	eventually(t, "eight segments", func() bool {
		s, err := Open(t.Context(), dir)
		if errors.Is(err, ErrNoSession) {
			return false
		}
		if err != nil {
			t.Fatal(err) // a session that is being made or recorded can be read at any time
		}
		defer s.Close()
		var segments int
		if err := s.db.QueryRow(`SELECT COUNT(*) FROM segments`).Scan(&segments); err != nil {
			t.Fatal(err)
		}
		before = exchanges(t, s)
		for _, e := range before {
			bodyOf(t, s, e.Body)
		}
		return segments >= 8
	})
	if _, err := tryRecord(t, Options{Dir: dir}); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "by process ") {
		t.Errorf("a second recorder: %v", err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err == nil {
		t.Fatal("the recorder ended before it was killed")
	}
	return len(before)
}

// TestKill kills a recorder, opens what it wrote, and resumes.
func TestKill(t *testing.T) {
	t.Parallel()
	l := newLive(t, liveLength, nil)
	dir := filepath.Join(t.TempDir(), "s")
	before := killed(t, l, dir)
	checkWhole(t, dir, true)
	s := opened(t, dir)
	if after := exchanges(t, s); len(after) < before {
		t.Errorf("%d exchanges, before there were %d", len(after), before)
	}
	runs := must[[]Run](t)(s.Runs(t.Context()))
	if len(runs) != 1 || runs[0].Reason != "" || runs[0].Ended < 100*time.Millisecond || time.Since(runs[0].Started) > longest {
		t.Errorf("runs %+v", runs)
	}

	begun := filepath.Join(dir, chunksDir, partPrefix+"1")
	if err := os.WriteFile(begun, []byte("begun"), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := recorded(t, Options{Dir: dir})
	if sum.Reason != "end of stream" || !sum.Resumed {
		t.Errorf("%+v", sum)
	}
	if _, err := os.Stat(begun); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was begun is still there: %v", err)
	}
	checkWhole(t, dir, true)
	runs = must[[]Run](t)(s.Runs(t.Context()))
	if len(runs) != 2 || runs[0].Reason != "" || runs[1].Reason != "end of stream" || runs[1].Ended <= 0 || runs[1].Ended > sum.Elapsed {
		t.Errorf("runs %+v", runs)
	}
	versions := must[[]*Version](t)(all(s.Versions(t.Context(), s.dirPlaylist(t))))
	second := 0
	for second < len(versions) && versions[second].Run == runs[0].ID {
		second++
	}
	if second == 0 || second == len(versions) || versions[second].Number != 0 || versions[second].Unseen != -1 {
		t.Errorf("the first version of the second run is number %d of %d", second, len(versions))
	}
	seen := map[int64]bool{}
	for _, g := range must[[]*Segment](t)(all(s.Segments(t.Context(), s.dirPlaylist(t)))) {
		e := exchangeOf(t, s, g.Exchange)
		if string(bodyOf(t, s, e.Body)) != string(liveData(int(g.MSN))) || e.Run != g.Run {
			t.Errorf("segment %d: %+v", g.MSN, e)
		}
		seen[g.MSN] = true
	}
	if len(seen) != liveLength {
		t.Errorf("%d segments", len(seen))
	}
	var bodies, exchangesOf int // what is fetched again is stored once
	err := s.db.QueryRow(`SELECT COUNT(DISTINCT body), COUNT(*) FROM exchanges WHERE resource = 'segment'`).Scan(&bodies, &exchangesOf)
	if err != nil || bodies != liveLength || exchangesOf <= bodies {
		t.Errorf("%d contents of segments for %d requests, %v", bodies, exchangesOf, err)
	}
}
