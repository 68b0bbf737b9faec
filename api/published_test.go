package api

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
		"/hls/main/seg-12.ts%00", "/hls/main/C:%5Cx.ts", "//etc/passwd", "/hls/%2e/index.m3u8", "/hls/main/./index.m3u8", "/hls/main/", "/hls/main", "/hls/main/seg-12.ts/",
		"/hls/main/index.m3u8/x", "/hls/main/secret.txt", "/hls/.hidden/index.m3u8", "/hls/other/index.m3u8")
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

// TestRangeOfPage: a Range that is to be ignored is ignored for the page too, and net/http refuses it.
func TestRangeOfPage(t *testing.T) {
	f := newFixture(t, func(c *Config) {
		c.Page = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "page.html", time.Time{}, strings.NewReader("<!doctype html>"))
		})
	})
	for _, path := range []string{"/", "/app.js"} {
		if w := f.get(path, "Range", "items=0-9"); w.Code != http.StatusOK || w.Body.Len() != 15 {
			t.Errorf("%s: %d, %d bytes", path, w.Code, w.Body.Len())
		}
	}
}
