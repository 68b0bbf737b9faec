package recorder

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestFullDisk records onto a full file system: what was recorded is kept, the error says what to do, and with room again it
// is resumed. It fills up before a file is written, or before a row is.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]func(path string, n int) bool{
		"file": func(path string, _ int) bool { return path == "/7.ts" },
		"row":  func(path string, n int) bool { return path == "/live.m3u8" && n == 12 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testFullDisk(t, at)
		})
	}
}

func testFullDisk(t *testing.T, at func(path string, n int) bool) {
	dir := t.TempDir()
	session := filepath.Join(dir, "s")
	filler := filepath.Join(dir, "filler")
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Logf("no file system can be mounted here (%v): a limit can't be tested", err)
		return
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	var once sync.Once
	l := newLive(t, liveWindow, func(_ http.ResponseWriter, path string, n int) bool {
		if at(path, n) {
			once.Do(func() {
				if err := os.WriteFile(filler, make([]byte, 4<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("fill the file system: %v", err)
				}
			})
		}
		return false
	})
	_, err := tryRecord(t, Options{URL: l.server.URL + "/live.m3u8", Dir: session})
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), session) || !strings.Contains(err.Error(), "make room") {
		t.Errorf("error %v", err)
	}
	count := func() int {
		s := opened(t, session)
		segments := must[[]*Segment](t)(all(s.Segments(t.Context(), s.dirPlaylist(t))))
		for i, g := range segments[:min(len(segments), 7)] {
			if e := exchangeOf(t, s, g.Exchange); string(bodyOf(t, s, e.Body)) != string(liveData(i)) {
				t.Errorf("segment %d: %+v", i, e)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		return len(segments)
	}
	n := count()
	if n < 6 {
		t.Errorf("%d segments are kept", n)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if sum := recorded(t, Options{Dir: session}); sum.Reason != "end of stream" {
		t.Errorf("%+v", sum)
	}
	checkWhole(t, session, true)
	if count() <= n {
		t.Error("nothing came afterwards")
	}
}
