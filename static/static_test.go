package static

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// built is the embedded tree with a stand-in for the player library, whether or not that has been built in.
func built(t *testing.T) fs.FS {
	t.Helper()
	tree := fstest.MapFS{
		"dist/hls.min.js": {Data: []byte("// hls.js\n")}, "dist/swagger-ui-bundle.js": {Data: []byte("// Swagger UI\n")},
		"dist/swagger-ui.css": {Data: []byte("/* Swagger UI */\n")},
	}
	for name, text := range pageFiles(t) {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}

// pageFiles are the texts of the embedded files of the pages, by name.
func pageFiles(t *testing.T) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	err := fs.WalkDir(files, "page", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		texts[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

func get(t *testing.T, h http.Handler, method, target string, header http.Header) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for k, v := range header {
		r.Header[k] = v
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestHandlerAnswers(t *testing.T) {
	h := newHandler(built(t), pageFile)
	cases := []struct {
		method, path string
		status       int
		contentType  string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8"},
		{"HEAD", "/", 200, "text/html; charset=utf-8"},
		{"GET", "/player.html", 200, "text/html; charset=utf-8"},
		{"GET", "/docs", 200, "text/html; charset=utf-8"},
		{"GET", "/static/docs.html", 404, "text/plain; charset=utf-8"},
		{"GET", "/static/dist/swagger-ui-bundle.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/static/stream.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/static/player.html", 404, "text/plain; charset=utf-8"},
		{"GET", "/static/style.css", 200, "text/css; charset=utf-8"},
		{"GET", "/static/main.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/static/check/frame-code.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/static/favicon.svg", 200, "image/svg+xml"},
		{"GET", "/static/dist/hls.min.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/static/", 404, "text/plain; charset=utf-8"},
		{"GET", "/static/index.html", 404, "text/plain; charset=utf-8"},
		{"GET", "/static/../static.go", 404, "text/plain; charset=utf-8"},
		{"GET", "/static/none.js", 404, "text/plain; charset=utf-8"},
		{"GET", "/index.html", 404, "text/plain; charset=utf-8"},
		{"POST", "/", 405, "text/plain; charset=utf-8"},
		{"DELETE", "/static/main.js", 405, "text/plain; charset=utf-8"},
	}
	for _, c := range cases {
		r := get(t, h, c.method, c.path, nil)
		if r.StatusCode != c.status || r.Header.Get("Content-Type") != c.contentType {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, r.StatusCode, r.Header.Get("Content-Type"),
				c.status, c.contentType)
		}
		if r.StatusCode == 200 && (r.Header.Get("Cache-Control") != "no-cache" || r.Header.Get("ETag") == "") {
			t.Errorf("%s %s: headers %v lack no-cache or an ETag", c.method, c.path, r.Header)
		}
		if c.status == 405 && r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s %s: Allow is %q", c.method, c.path, r.Header.Get("Allow"))
		}
	}
}

// The plain player is at / of its own handler, and nothing of the page is.
func TestPlayerAnswers(t *testing.T) {
	h := newHandler(built(t), playerFile)
	for _, path := range []string{"/", "/player.html"} {
		r := get(t, h, "GET", path, nil)
		if text := body(t, r); r.StatusCode != 200 || !strings.Contains(text, "<title>refstream replay</title>") {
			t.Errorf("%s: %d %.200s", path, r.StatusCode, text)
		}
		if csp := r.Header.Get("Content-Security-Policy"); csp != policy {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
	if text := body(t, get(t, newHandler(built(t), pageFile), "GET", "/", nil)); strings.Contains(text, "refstream replay") {
		t.Error("the page's handler shows the player at /")
	}
	tree := built(t)
	delete(tree.(fstest.MapFS), "dist/hls.min.js")
	for _, home := range []string{pageFile, playerFile} {
		for _, path := range []string{"/", "/player.html"} {
			if r := get(t, newHandler(tree, home), "GET", path, nil); r.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("without the library %s of %s answers %d", path, home, r.StatusCode)
			}
		}
	}
}

// The API's page may show the icons of its style sheet and nothing of other hosts; without its library it says so.
func TestDocs(t *testing.T) {
	r := get(t, newHandler(built(t), pageFile), "GET", "/docs", nil)
	if csp := r.Header.Get("Content-Security-Policy"); csp != docsPolicy {
		t.Errorf("policy %q", csp)
	}
	tree := built(t)
	delete(tree.(fstest.MapFS), "dist/swagger-ui-bundle.js")
	if r := get(t, newHandler(tree, pageFile), "GET", "/docs", nil); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("without its library: %d", r.StatusCode)
	}
}

// Recordings are served again with the clocks of then: what the pages say of the stream is told by the server's clock, and
// how long something takes by a steady one.
func TestPagesDoNotAskTheBrowsersClock(t *testing.T) {
	clock := regexp.MustCompile(`Date\.now|\bDate\(\)|new Date(;|\)|,)|timeOrigin`)
	modules := 0
	for name, text := range pageFiles(t) {
		if path.Ext(name) != ".js" {
			continue
		}
		modules++
		if found := clock.FindString(text); found != "" {
			t.Errorf("%s asks the browser what time it is: %q", name, found)
		}
	}
	if modules == 0 {
		t.Error("there are no modules")
	}
}

func TestHandlerRevalidates(t *testing.T) {
	tree := built(t)
	h := newHandler(tree, pageFile)
	first := get(t, h, "GET", "/static/main.js", nil)
	etag := first.Header.Get("ETag")
	again := get(t, h, "GET", "/static/main.js", http.Header{"If-None-Match": {etag}})
	if again.StatusCode != http.StatusNotModified || body(t, again) != "" {
		t.Errorf("with its ETag: %d, want 304 and no body", again.StatusCode)
	}
	if other := get(t, h, "GET", "/static/style.css", nil).Header.Get("ETag"); other == etag {
		t.Error("two files share an ETag")
	}
	tree.(fstest.MapFS)["page/main.js"] = &fstest.MapFile{Data: []byte("// another version\n")}
	changed := get(t, newHandler(tree, pageFile), "GET", "/static/main.js", http.Header{"If-None-Match": {etag}})
	if changed.StatusCode != http.StatusOK || changed.Header.Get("ETag") == etag {
		t.Errorf("changed content with the old ETag: %d %s", changed.StatusCode, changed.Header.Get("ETag"))
	}
}

func TestWithoutLibraryThePageSaysWhatToDo(t *testing.T) {
	tree := built(t)
	delete(tree.(fstest.MapFS), "dist/hls.min.js")
	r := get(t, newHandler(tree, pageFile), "GET", "/", nil)
	if r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body(t, r), "make build") {
		t.Errorf("without the library / answers %d and no hint", r.StatusCode)
	}
	if r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the message may be kept: %q", r.Header.Get("Cache-Control"))
	}
	if r := get(t, newHandler(tree, pageFile), "GET", "/static/main.js", nil); r.StatusCode != 200 {
		t.Errorf("the other files are gone too: %d", r.StatusCode)
	}
}

func TestBuiltTellsWhatTheHandlerServes(t *testing.T) {
	got := get(t, Handler(), "GET", "/", nil).StatusCode == http.StatusOK
	if got != Built() {
		t.Errorf("Built() is %v, but / serves the page: %v", Built(), got)
	}
}

var (
	references = regexp.MustCompile(`(?:src|href)="([^"]*)"`)
	imports    = regexp.MustCompile(`(?m)^import[^;]* from '([^']+)';`)
	foreign    = regexp.MustCompile(`(?:https?:)?//[a-z0-9-]+\.[a-z]`)
	inline     = regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script(?:[^>]*)>[^<]`)
)

// Every file the page names is served, every name is relative (so that a proxy may put it under a path), and nothing
// is inline or comes from another host, which the policy would refuse.
func TestPageIsSelfContained(t *testing.T) {
	h := newHandler(built(t), pageFile)
	for _, document := range []string{"/", "/player.html"} {
		page := body(t, get(t, h, "GET", document, nil))
		if found := inline.FindString(page); found != "" {
			t.Errorf("%s: inline script or style: %q", document, found)
		}
		for _, m := range references.FindAllStringSubmatch(page, -1) {
			if strings.HasPrefix(m[1], "/") || strings.Contains(m[1], ":") {
				t.Errorf("%s: %q is not relative", document, m[1])
			}
			if strings.HasPrefix(m[1], "static/") {
				if r := get(t, h, "GET", "/"+m[1], nil); r.StatusCode != 200 {
					t.Errorf("%s: %q answers %d", document, m[1], r.StatusCode)
				}
			}
		}
	}
	for name, text := range pageFiles(t) {
		text = strings.ReplaceAll(text, "http://www.w3.org/2000/svg", "")
		if found := foreign.FindString(text); found != "" {
			t.Errorf("%s names another host: %q", name, found)
		}
		for _, m := range imports.FindAllStringSubmatch(text, -1) {
			if r := get(t, h, "GET", path.Join(path.Dir(assetPath(name)), m[1]), nil); r.StatusCode != 200 {
				t.Errorf("%s imports %s, which answers %d", name, m[1], r.StatusCode)
			}
		}
	}
	csp := get(t, h, "GET", "/", nil).Header.Get("Content-Security-Policy")
	if strings.Contains(csp, "unsafe") || strings.Contains(csp, "http") || !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("policy %q is too wide", csp)
	}
}
