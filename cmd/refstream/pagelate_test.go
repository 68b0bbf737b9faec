package main

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"slices"
	"sync"
	"testing"
	"time"
)

// moodyProxy passes requests on to a server and lets a test answer some of them.
type moodyProxy struct {
	url string

	mu     sync.Mutex
	answer func(w http.ResponseWriter, r *http.Request) bool // false: pass it on
}

func newMoodyProxy(t *testing.T, to string) *moodyProxy {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	p := &moodyProxy{}
	passOn := &httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorLog: log.New(io.Discard, "", 0), // browsers hang up as they like
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		answered := p.answer != nil && p.answer(w, r)
		p.mu.Unlock()
		if !answered {
			passOn.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.CloseClientConnections)
	p.url = server.URL
	return p
}

// set changes what the proxy answers itself.
func (p *moodyProxy) set(answer func(w http.ResponseWriter, r *http.Request) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

// atFirst has the first two requests for each of some paths go wrong: where there is no answer, a browser asks a second time by
// itself. The proxy calls it under its lock.
func atFirst(applies func(path string) bool, wrong http.HandlerFunc) func(http.ResponseWriter, *http.Request) bool {
	asked := map[string]int{}
	return func(w http.ResponseWriter, r *http.Request) bool {
		asked[r.URL.Path]++
		if !applies(r.URL.Path) || asked[r.URL.Path] > 2 {
			return false
		}
		wrong(w, r)
		return true
	}
}

// hangUp ends the connection without an answer.
func hangUp(w http.ResponseWriter, _ *http.Request) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		conn.Close()
	}
}

// What the page needs can't be had when it opens, and can soon after: it begins by itself, also where the server does not
// call the stream live, as for a recording.
func (b *page) beginsLate(t *testing.T, s *running, proxy *moodyProxy) {
	b.playing(5, 60*time.Second)
	named := func(names ...string) func(string) bool {
		return func(p string) bool { return slices.Contains(names, path.Base(p)) }
	}
	once := 0
	cases := map[string]func(http.ResponseWriter, *http.Request) bool{
		"404 for the multivariant playlist": atFirst(named("master.m3u8"), http.NotFound),
		"404 for the media playlist":        atFirst(named("index.m3u8"), http.NotFound),
		"no answer for the playlists":       atFirst(named("master.m3u8", "index.m3u8"), hangUp),
		"no answer for anything":            atFirst(named("master.m3u8", "index.m3u8", "clocks", "markers", "stream"), hangUp),
		"404 once, not called live": func(w http.ResponseWriter, r *http.Request) bool {
			switch path.Base(r.URL.Path) {
			case "master.m3u8":
				if once++; once > 1 {
					return false
				}
				http.NotFound(w, r)
			case "clocks":
				w.Header().Set("Content-Type", "application/json")
				w.Write(bytes.Replace(s.get("/clocks"), []byte(`"live":true`), []byte(`"live":false`), 1))
			default:
				return false
			}
			return true
		},
	}
	if testing.Short() { // both are much like others
		delete(cases, "404 for the multivariant playlist")
		delete(cases, "no answer for the playlists")
	}
	for name, answer := range cases {
		t.Log(name)
		proxy.set(answer)
		b.open(proxy.url + "/")
		await(t, name+": the page to play", 60*time.Second, func() bool {
			return eval[bool](b, `window.refstream?.selfCheck.exact > 5`)
		})
	}
}
