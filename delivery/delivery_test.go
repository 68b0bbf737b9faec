package delivery

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const testPlaylist = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n"

// fixture is a directory of channels, each with its published files; there is no channel none.
type fixture struct {
	t   testing.TB
	dir string
}

func published(t testing.TB) *fixture {
	f := &fixture{t, t.TempDir()}
	if err := os.Mkdir(filepath.Join(f.dir, "main"), 0o755); err != nil {
		t.Fatal(err)
	}
	f.publish("index.m3u8", testPlaylist)
	f.publish("master.m3u8", "#EXTM3U\n")
	f.publish("seg-12.ts", strings.Repeat("G23456789-", 1000))
	f.publish("seg-12.ts.tmp", "half")
	f.publish("secret.txt", "secret")
	f.publish("../channel.json", "secret")
	return f
}

// publish writes a file of the channel main.
func (f *fixture) publish(name, content string) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, "main", name), []byte(content), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

// do answers a request for /CHANNEL/FILE. header is name, value, name, value...
func (f *fixture) do(method, target string, header ...string) *httptest.ResponseRecorder {
	r, w := httptest.NewRequest(method, target, nil), httptest.NewRecorder()
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	p := Publications{Dir: func(channel string) string {
		if channel == "none" {
			return ""
		}
		return filepath.Join(f.dir, channel)
	}}
	channel, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	file, err := p.Open(channel, name)
	var missing NotFoundError
	switch {
	case errors.As(err, &missing):
		http.Error(w, missing.Error(), http.StatusNotFound)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		defer file.Close()
		file.Send(w, r)
	}
	return w
}

func (f *fixture) get(target string, header ...string) *httptest.ResponseRecorder {
	return f.do(http.MethodGet, target, header...)
}

func TestPlaylists(t *testing.T) {
	f := published(t)
	for _, name := range []string{"index.m3u8", "master.m3u8"} {
		w := f.get("/main/" + name)
		h := w.Header()
		if w.Code != 200 || h.Get("Content-Type") != "application/vnd.apple.mpegurl" || h.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d %v", name, w.Code, h)
		}
	}
	w := f.get("/main/index.m3u8?_HLS_msn=5")
	if w.Body.String() != testPlaylist {
		t.Errorf("playlist is %q", w.Body)
	}
	etag := w.Header().Get("ETag")
	if w := f.get("/main/index.m3u8", "If-None-Match", etag); w.Code != 304 || w.Header().Get("ETag") != etag {
		t.Errorf("with its ETag: %d", w.Code)
	}
	f.publish("index.m3u8", testPlaylist+"#EXTINF:2,\nseg-12.ts\n")
	if w := f.get("/main/index.m3u8", "If-None-Match", etag); w.Code != 200 || w.Header().Get("ETag") == etag {
		t.Errorf("changed, with the old ETag: %d", w.Code)
	}
}

// TestContainers serves what the second container publishes.
func TestContainers(t *testing.T) {
	f := published(t)
	for name, media := range map[string]string{
		"index-fmp4.m3u8": "application/vnd.apple.mpegurl", "master-fmp4.m3u8": "application/vnd.apple.mpegurl",
		"seg-12.m4s": "video/iso.segment", "init-00ff00ff.mp4": "video/mp4", "seg-12.mp4": "", "init-1.m4s": "", "index-mp4.m3u8": "", "seg-.m4s": "",
	} {
		f.publish(name, "x")
		w := f.get("/main/" + name)
		if got := w.Header().Get("Content-Type"); media != "" && (w.Code != 200 || got != media) || media == "" && w.Code != 404 {
			t.Errorf("%s: %d, %s", name, w.Code, got)
		}
	}
}

func TestManyPlaylistSizes(t *testing.T) {
	f := published(t)
	for _, n := range []int{0, 1, 1000, 100_000} {
		f.publish("index.m3u8", strings.Repeat("#", n))
		if w := f.get("/main/index.m3u8"); w.Body.Len() != n || w.Header().Get("Content-Length") != fmt.Sprint(n) {
			t.Errorf("%d bytes: %d, Content-Length %s", n, w.Body.Len(), w.Header().Get("Content-Length"))
		}
	}
}

func TestOnlyPublishedFilesAreServed(t *testing.T) {
	f := published(t)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	hls := filepath.Join(f.dir, "main")
	for link, target := range map[string]string{
		"seg-link.ts": outside, "seg-up.ts": "../channel.json", "seg-loop.ts": "seg-loop.ts", "seg-dangling.ts": "seg-none.ts",
	} {
		if err := os.Symlink(target, filepath.Join(hls, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(hls, "seg-dir.ts"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"main/seg-link.ts", "main/seg-up.ts", "main/seg-dangling.ts", "main/seg-dir.ts", "main/seg-13.ts",
		"main/secret.txt", "main/seg-12.ts.tmp", "main/seg-.ts", "main/.ts", "main/", "other/index.m3u8", "none/index.m3u8",
		"main/INDEX.M3U8", "main/seg-12.ts/", "main/seg-a.b.ts", "main/" + "seg-" + strings.Repeat("1", 200) + ".ts",
		".hidden/index.m3u8", "main/index.m3u8/x",
	} {
		if w := f.get("/" + path); w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := f.get("/main/seg-loop.ts"); w.Code == 200 {
		t.Errorf("a link to itself: %d", w.Code)
	}
}
