package recorder

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// processLimit is how long files may be that the process of TestFileLimit writes.
const processLimit = "RECORDER_TEST_LIMIT"

// TestLimitedProcess records where it is the process of TestFileLimit.
func TestLimitedProcess(t *testing.T) {
	var limit uint64
	if _, err := fmt.Sscan(os.Getenv(processLimit), &limit); err != nil {
		return
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		t.Fatal(err)
	}
	_, err := tryRecord(t, Options{URL: os.Getenv(processURL), Dir: os.Getenv(processDir)})
	fmt.Println(err)
}

// TestFileLimit records where files may not be longer than a bit: the error says so, and what was recorded is kept.
func TestFileLimit(t *testing.T) {
	t.Parallel()
	l := newLive(t, liveWindow, nil)
	dir := filepath.Join(t.TempDir(), "s")
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLimitedProcess$")
	c.Env = append(os.Environ(), processURL+"="+l.server.URL+"/live.m3u8", processDir+"="+dir, processLimit+"=400000")
	out, err := c.CombinedOutput()
	for _, want := range []string{"record session " + dir, "disk I/O error", "file too large", "what was recorded is kept", "ulimit -f"} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v, %s: want %s", err, out, want)
		}
	}
	t.Logf("%s", out)
	s := opened(t, dir)
	segments := must[[]*Segment](t)(all(s.Segments(t.Context(), s.dirPlaylist(t))))
	if len(segments) < 3 || len(segments) == liveLength {
		t.Errorf("%d segments are kept", len(segments))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if sum := recorded(t, Options{Dir: dir}); sum.Reason != "end of stream" {
		t.Errorf("%+v", sum)
	}
	checkWhole(t, dir, true)
}
