package api

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const testPlaylist = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n"

func published(t testing.TB) *fixture {
	f := newFixture(t)
	f.publish("index.m3u8", testPlaylist)
	f.publish("master.m3u8", "#EXTM3U\n")
	f.publish("seg-12.ts", strings.Repeat("G23456789-", 1000))
	f.publish("seg-12.ts.tmp", "half")
	f.publish("secret.txt", "secret")
	if err := os.WriteFile(filepath.Join(f.dir, "main", "channel.json"), []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestPlaylists(t *testing.T) {
	f := published(t)
	for _, name := range []string{"index.m3u8", "master.m3u8"} {
		w := f.get("/hls/main/" + name)
		h := w.Header()
		if w.Code != 200 || h.Get("Content-Type") != "application/vnd.apple.mpegurl" || h.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d %v", name, w.Code, h)
		}
	}
	w := f.get("/hls/main/index.m3u8?_HLS_msn=5")
	if w.Body.String() != testPlaylist {
		t.Errorf("playlist is %q", w.Body)
	}
	etag := w.Header().Get("ETag")
	if w := f.get("/hls/main/index.m3u8", "If-None-Match", etag); w.Code != 304 || w.Header().Get("ETag") != etag {
		t.Errorf("with its ETag: %d", w.Code)
	}
	f.publish("index.m3u8", testPlaylist+"#EXTINF:2,\nseg-12.ts\n")
	if w := f.get("/hls/main/index.m3u8", "If-None-Match", etag); w.Code != 200 || w.Header().Get("ETag") == etag {
		t.Errorf("changed, with the old ETag: %d", w.Code)
	}
}

func TestSegmentFile(t *testing.T) {
	f := published(t)
	w := f.get("/hls/main/seg-12.ts")
	h := w.Header()
	if w.Code != 200 || w.Body.Len() != 10000 || h.Get("Content-Type") != "video/mp2t" || h.Get("Content-Length") != "10000" ||
		h.Get("Cache-Control") != "public, max-age=3600, immutable" {
		t.Errorf("%d, %d bytes, %v", w.Code, w.Body.Len(), h)
	}
	if w := f.get("/hls/main/seg-12.ts", "If-None-Match", h.Get("ETag")); w.Code != 304 {
		t.Errorf("with its ETag: %d", w.Code)
	}
	w = f.get("/hls/main/seg-12.ts", "Range", "bytes=10-19")
	if w.Code != 206 || w.Body.String() != "G23456789-" || w.Header().Get("Content-Range") != "bytes 10-19/10000" {
		t.Errorf("range: %d %q %q", w.Code, w.Body, w.Header().Get("Content-Range"))
	}
	w = f.get("/hls/main/seg-12.ts", "Range", "bytes=20000-")
	f.refused(w, http.StatusRequestedRangeNotSatisfiable, "Range")
	if w.Header().Get("Content-Range") != "bytes */10000" {
		t.Errorf("Content-Range %q", w.Header().Get("Content-Range"))
	}
	w = f.do(request(http.MethodHead, "/hls/main/seg-12.ts", ""))
	if w.Code != 200 || w.Header().Get("Content-Length") != "10000" || w.Body.Len() != 0 {
		t.Errorf("HEAD: %d %v", w.Code, w.Header())
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
		w := f.get("/hls/main/" + name)
		if got := w.Header().Get("Content-Type"); media != "" && (w.Code != 200 || got != media) || media == "" && w.Code != 404 {
			t.Errorf("%s: %d, %s", name, w.Code, got)
		}
	}
}

// TestRanges: what RFC 9110 has a server ignore is ignored, and all else is answered with what was asked for.
func TestRanges(t *testing.T) {
	f := published(t)
	for _, c := range []struct {
		asked  string
		status int
		ranges string
	}{
		{"bytes=0-9", 206, "bytes 0-9/10000"}, {"Bytes=0-9", 206, "bytes 0-9/10000"}, {"bytes=9990-", 206, "bytes 9990-9999/10000"},
		{"bytes=-10", 206, "bytes 9990-9999/10000"}, {"bytes=-99999", 206, "bytes 0-9999/10000"}, {"bytes= 0-9 ,", 206, "bytes 0-9/10000"},
		{"bytes=0-99999999999999999999999", 206, "bytes 0-9999/10000"}, {"bytes=000-0009", 206, "bytes 0-9/10000"},
		{"bytes=10000-", 416, "bytes */10000"}, {"bytes=99999999999999999999999-", 416, "bytes */10000"}, {"bytes=-0", 416, "bytes */10000"},
		// A unit that is not known, and what can't be read.
		{"items=0-9", 200, ""}, {"bytes", 200, ""}, {"bytes=", 200, ""}, {"bytes=,", 200, ""}, {"bytes=-", 200, ""}, {"bytes=9-0", 200, ""},
		{"bytes=a-9", 200, ""}, {"bytes=0-9x", 200, ""}, {"bytes=+0-9", 200, ""}, {"bytes=0--9", 200, ""}, {"bytes=--9", 200, ""},
		{"bytes=0-9;q=1", 200, ""}, {"bytes=0 - 9", 200, ""}, {"bytes = 0-9", 200, ""}, {"bytes=0-9,x", 200, ""}, {"", 200, ""}, {"bytes=0x1-", 200, ""},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			w := f.do(request(method, "/hls/main/seg-12.ts", "", "Range", c.asked))
			if w.Code != c.status || w.Header().Get("Content-Range") != c.ranges || c.status == 200 && w.Header().Get("Content-Length") != "10000" {
				t.Errorf("%s, Range %q: %d, %v", method, c.asked, w.Code, w.Header())
			}
		}
	}
	if w := f.get("/hls/main/seg-12.ts", "Range", "bytes=0-9", "Range", "bytes=0-9"); w.Code != 200 {
		t.Errorf("two headers: %d", w.Code)
	}
	if w := f.get("/hls/main/seg-12.ts", "Range", "bytes=0-1,5-6"); w.Code != 206 || !strings.HasPrefix(w.Header().Get("Content-Type"), "multipart/byteranges") {
		t.Errorf("two ranges: %d %v", w.Code, w.Header())
	}
}

// FuzzRange: a Range leads to no other answer than a part, all, or that there is no such part.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-9", "bytes=-5", "bytes=5-", "bytes=1-2,3-4", "x=1-2", "bytes=99999999999999999999-", "bytes=-0", "bytes=9-1"} {
		f.Add(s)
	}
	fx := published(f)
	f.Fuzz(func(t *testing.T, asked string) {
		r, w := request(http.MethodGet, "/hls/main/seg-12.ts", "", "Range", asked), httptest.NewRecorder()
		fx.server.Handler().ServeHTTP(w, r)
		if w.Code == 206 && (w.Body.Len() == 0 || w.Header().Get("Content-Range") == "" && !strings.HasPrefix(w.Header().Get("Content-Type"), "multipart/")) ||
			w.Code == 200 && w.Body.Len() != 10000 || w.Code != 200 && w.Code != 206 && w.Code != 416 {
			t.Errorf("Range %q: %d, %d bytes, %v", asked, w.Code, w.Body.Len(), w.Header())
		}
	})
}

func TestOnlyPublishedFilesAreServed(t *testing.T) {
	f := published(t)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	hls := filepath.Join(f.dir, "main", "hls")
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
		"main/secret.txt", "main/seg-12.ts.tmp", "main/seg-.ts", "main/.ts", "main/", "main", "other/index.m3u8",
		"main/INDEX.M3U8", "main/seg-12.ts/", "main/seg-a.b.ts", "main/" + "seg-" + strings.Repeat("1", 200) + ".ts",
		".hidden/index.m3u8", "main/index.m3u8/x",
	} {
		if w := f.get("/hls/" + path); w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := f.get("/hls/main/seg-loop.ts"); w.Code == 200 {
		t.Errorf("a link to itself: %d", w.Code)
	}
}

// TestPathTraversal sends request lines as they are, for clients and net/url tidy paths up.
func TestPathTraversal(t *testing.T) {
	f := published(t)
	srv := httptest.NewServer(f.server.Handler())
	defer srv.Close()
	up := []string{"..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "..%00", "%c0%ae%c0%ae", "..;", "%u002e%u002e"}
	slash := []string{"/", "%2f", "%2F", "%5c", `\`, "%252f", "//", "/./"}
	var targets []string
	for _, u := range up {
		for _, s := range slash {
			targets = append(targets,
				"/hls/main/"+u+s+"channel.json", "/hls/main/seg-"+u+s+"channel.json", "/hls/"+u+s+"etc"+s+"passwd",
				"/hls/main"+s+u+s+u+s+"channel.json", "/hls/main/hls"+s+u+s+"index.m3u8", "/"+u+s+"channel.json",
				"/hls/"+u+s+"main/index.m3u8", "/frames/"+u+s+"channel.json")
		}
	}
	targets = append(targets, "/hls/main/%2fetc%2fpasswd", "/hls//etc/passwd", "/hls/main/index.m3u8%00.ts",
		"/hls/main/seg-12.ts%00", "/hls/main/C:%5Cx.ts", "//etc/passwd", "/hls/%2e/index.m3u8", "/hls/main/./index.m3u8")
	for _, target := range targets {
		status, body := raw(t, srv.Listener.Addr().String(), "GET "+target+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		if status != 404 && status != 400 || strings.Contains(body, "secret") {
			t.Errorf("%s: %d %q", target, status, body)
		}
	}
}

// raw sends bytes and reads the answer.
func raw(t *testing.T, addr, request string) (status int, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(all)), nil)
	if err != nil {
		t.Fatalf("%q answered by %q: %v", request, all, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestFileThatCannotBeRead(t *testing.T) {
	f := published(t)
	// A file in the place of the channel's directory: something is wrong here, and it is not the client.
	if err := os.WriteFile(filepath.Join(f.dir, "broken"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	w := f.get("/hls/broken/index.m3u8")
	f.refused(w, http.StatusInternalServerError, "")
	if strings.Contains(w.Body.String(), f.dir) {
		t.Errorf("the answer tells paths: %s", w.Body)
	}
}

func TestManyPlaylistSizes(t *testing.T) {
	f := published(t)
	for _, n := range []int{0, 1, 1000, 100_000} {
		f.publish("index.m3u8", strings.Repeat("#", n))
		if w := f.get("/hls/main/index.m3u8"); w.Body.Len() != n || w.Header().Get("Content-Length") != fmt.Sprint(n) {
			t.Errorf("%d bytes: %d, Content-Length %s", n, w.Body.Len(), w.Header().Get("Content-Length"))
		}
	}
}
