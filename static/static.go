// Package static holds the page that shows the stream and checks it, the plain player of any other HLS stream, and the page
// that shows the API, embedded into the program: an HTML document for each, their style sheets and ES modules from page/, and
// from dist/ the player libraries hls.js and, which the page loads where it is wanted, dash.js, and Swagger UI for the API.
//
// The libraries are not kept in the repository: `make build` copies them from node_modules into dist/ before the program
// is compiled. A program that was compiled without one serves everything else, and in place of its page a message
// that says what to do.
//
// The pages load nothing from other hosts and hold no inline script or style; the Content-Security-Policy sent with
// them (W3C CSP Level 3) makes the browser enforce both.
package static

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed page dist
var files embed.FS

// libraryPath is where the player library is served, below the handler's root.
const libraryPath = "/static/dist/hls.min.js"

// docsLibraryPath is where what shows the API is.
const docsLibraryPath = "/static/dist/swagger-ui-bundle.js"

// The documents: the page, the plain player, and the API's.
const (
	pageFile   = "page/index.html"
	playerFile = "page/player.html"
	playerPath = "/player.html"
	docsFile   = "page/docs.html"
	docsPath   = "/docs"
)

// contentType names the type of a file that is served, empty for what isn't. It is not left to the machine's MIME
// tables, which differ: browsers refuse modules that are not served as JavaScript.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".LICENSE", "":
		return "text/plain; charset=utf-8"
	}
	return ""
}

// policy lets a page load from its own origin only. hls.js runs its worker from a blob, and feeds the video element
// through one; it clears text tracks with an empty one from a data address.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"media-src 'self' blob: data:; worker-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"

// docsPolicy is that of the API's page, whose style sheet has its icons in data addresses.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'self'"

// missingPage is in the place of pages whose library is not embedded.
const missingPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>refstream: the page is not built</title>
<h1>The page is not built</h1>
<p>This program was compiled without the page's library. Run <code>make build</code> (or <code>make run</code>)
in the source folder and start it again. The stream and the <a href="openapi.yaml">API</a> work all the same.</p>
</html>
`

// asset is one file, ready to be sent.
type asset struct {
	body        []byte
	contentType string
	etag        string
	status      int
}

// handler serves assets by their path. It is immutable.
type handler struct {
	assets map[string]asset
}

// Built reports whether the player library is embedded, without which there is no page.
func Built() bool {
	_, err := fs.Stat(files, strings.TrimPrefix(libraryPath, "/static/"))
	return err == nil
}

// Handler serves the page at /, the plain player at /player.html, the API at /docs, and their assets below /static/. What does not exist is
// 404; methods other than GET and HEAD are 405. Every answer has an ETag made from its content and must be revalidated, so
// a new version of the program is seen at once and the old one is never mixed with it. When the player library is not
// embedded, / and /player.html answer 503 with a message that says so, and so does /docs without its own.
func Handler() http.Handler { return newHandler(files, pageFile) }

// Player serves what Handler does, but for the page: the plain player is at / too. It plays the stream at /stream.m3u8,
// or at the address that the query parameter src gives, on the same host.
func Player() http.Handler { return newHandler(files, playerFile) }

// newHandler serves a tree of files, with the named document at /.
func newHandler(fsys fs.FS, home string) http.Handler {
	h := &handler{assets: map[string]asset{}}
	// An embedded tree has no file that can't be read; one that a test hands in and that fails is left out and is 404.
	_ = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(fsys, name)
		if err != nil || contentType(name) == "" {
			return err
		}
		a := newAsset(body, contentType(name), http.StatusOK)
		if name == home {
			h.assets["/"] = a
		}
		if served := assetPath(name); served != "" {
			h.assets[served] = a
		}
		return nil
	})
	missing := newAsset([]byte(missingPage), contentType("index.html"), http.StatusServiceUnavailable)
	if _, ok := h.assets[libraryPath]; !ok {
		h.assets["/"], h.assets[playerPath] = missing, missing
	}
	if _, ok := h.assets[docsLibraryPath]; !ok {
		h.assets[docsPath] = missing
	}
	return h
}

// assetPath is where an embedded file is served: page/player.html at /player.html, page/docs.html at /docs, page/x at /static/x, dist/x at
// /static/dist/x; empty for the page, which is at / or nowhere.
func assetPath(name string) string {
	switch name {
	case pageFile:
		return ""
	case playerFile:
		return playerPath
	case docsFile:
		return docsPath
	}
	return "/static/" + strings.TrimPrefix(name, "page/")
}

func newAsset(body []byte, contentType string, status int) asset {
	sum := sha256.Sum256(body)
	// 128 bits of the hash tell any two versions apart.
	return asset{body: body, contentType: contentType, etag: `"` + hex.EncodeToString(sum[:16]) + `"`, status: status}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, fmt.Sprintf("method %s is not allowed here: use GET", r.Method), http.StatusMethodNotAllowed)
		return
	}
	a, ok := h.assets[r.URL.Path]
	if !ok {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	header := w.Header()
	header.Set("Content-Type", a.contentType)
	header.Set("Cache-Control", "no-cache")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	switch r.URL.Path {
	case "/", playerPath:
		header.Set("Content-Security-Policy", policy)
	case docsPath:
		header.Set("Content-Security-Policy", docsPolicy)
	}
	if a.status != http.StatusOK {
		header.Set("Cache-Control", "no-store")
		w.WriteHeader(a.status)
		if r.Method == http.MethodGet {
			// A client that is gone does not want the rest.
			_, _ = w.Write(a.body)
		}
		return
	}
	header.Set("ETag", a.etag)
	// ServeContent answers If-None-Match and Range; it writes no date, for an embedded file has none.
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
}
