package scenes

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// scanKilledDir names the session's folder in the environment of the process that is to be killed.
const scanKilledDir = "REFSTREAM_TEST_SCAN_DIR"

// TestScanKilled ends a scan by SIGKILL again and again: the index opens each time, and is in the end that of a scan
// which was not disturbed. The process is this test itself, called with scanKilledDir set.
func TestScanKilled(t *testing.T) {
	if dir := os.Getenv(scanKilledDir); dir != "" {
		s := newScanSession(t)
		s.o.MaxInterval, s.folder = 700*time.Millisecond, dir
		s.scan()
		return
	}
	t.Parallel()
	r := newResumedStream(t)
	s := r.session(t)
	step := 4
	if testing.Short() {
		step = 6
	}
	for n := 1; n < len(r.frames); n += step {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestScanKilled$")
		cmd.Env = append(os.Environ(), scanKilledDir+"="+s.folder, "TMPDIR="+t.TempDir())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		s.until("there is another frame", func() bool {
			names, err := filepath.Glob(filepath.Join(s.folder, framesFolder, "F*"))
			return err == nil && len(names) > n
		})
		_ = cmd.Process.Kill() // it may be done
		_ = cmd.Wait()
		if _, err := os.Stat(filepath.Join(s.folder, indexFile)); err == nil {
			var list []Frame
			s.readJSON(indexFile, &list)
			for _, f := range list {
				s.picture(f)
			}
		}
	}
	if got := joined(s.resumedIndex()); got != joined(r.frames) {
		t.Errorf("resumed:\n%swant\n%s", got, joined(r.frames))
	}
}
