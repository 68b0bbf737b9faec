package analyzer

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A disk that is full is an error of its own, also when something was stored before.
func TestCaptureFullDisk(t *testing.T) {
	const full = "/dev/full" // Linux has it: every write to it fails so
	folder := t.TempDir()
	playlist := "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n#EXTINF:1,\nb.ts\n#EXT-X-ENDLIST\n"
	packets := make([]byte, 188*100)
	for i := 0; i < len(packets); i += 188 {
		packets[i], packets[i+1], packets[i+2], packets[i+3] = 0x47, 0x1f, 0xff, 0x10
	}
	for name, data := range map[string][]byte{"index.m3u8": []byte(playlist), "a.ts": packets, "b.ts": packets} {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(http.FileServer(http.Dir(folder)))
	defer server.Close()
	for url, file := range map[string]string{
		server.URL + "/a.ts": "stream.ts", server.URL + "/index.m3u8": "000001.ts", filepath.Join(folder, "index.m3u8"): "index.m3u8",
	} {
		dir := t.TempDir()
		if err := os.Symlink(full, filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
		_, err := Capture(within(t), url, dir, Options{Now: time.Now}, 0)
		if failed := new(StoreError); !errors.As(err, &failed) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %v", url, err)
		}
	}
}
