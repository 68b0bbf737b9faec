package main

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"
	"time"
)

// faultyProxy passes on what a server answers, but for the faults that were asked for, and notes all of it.
type faultyProxy struct {
	url string

	mu      sync.Mutex
	faults  []*proxyFault
	answers []proxyAnswer
	seen    map[string]int // requests of each path
}

// proxyFault is what goes wrong with some requests.
type proxyFault struct {
	// applies picks the requests: by path, and how often that was asked for before.
	applies func(path string, before int) bool
	// hold is how long they wait before they are passed on; status is answered in place of that, 0 for none.
	hold   time.Duration
	status int
	// left is to how many it happens.
	left int
}

// proxyAnswer is what was answered.
type proxyAnswer struct {
	path   string
	status int
	sum    [32]byte
	bytes  int
	at     time.Time // when it was complete
}

func newFaultyProxy(t *testing.T, to string) *faultyProxy {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	p := &faultyProxy{seen: map[string]int{}}
	passOn := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			body, err := io.ReadAll(r.Body)
			r.Body.Close()
			r.Body = io.NopCloser(bytes.NewReader(body))
			p.note(r.Request.URL.Path, r.StatusCode, body)
			return err
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := p.fault(r.URL.Path); f != nil {
			select {
			case <-time.After(f.hold):
			case <-r.Context().Done():
				return
			}
			if f.status != 0 {
				body := []byte("injected\n")
				p.note(r.URL.Path, f.status, body)
				w.WriteHeader(f.status)
				w.Write(body)
				return
			}
		}
		passOn.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func (p *faultyProxy) note(path string, status int, body []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers = append(p.answers, proxyAnswer{path, status, sha256.Sum256(body), len(body), time.Now()})
}

// inject asks for a fault from now on.
func (p *faultyProxy) inject(f proxyFault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, &f)
}

// left is how many of the faults have not happened yet.
func (p *faultyProxy) left() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.faults {
		n += f.left
	}
	return n
}

func (p *faultyProxy) fault(path string) *proxyFault {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.seen[path]
	p.seen[path]++
	for _, f := range p.faults {
		if f.left > 0 && f.applies(path, before) {
			f.left--
			return f
		}
	}
	return nil
}

// answered are the answers to what a predicate picks.
func (p *faultyProxy) answered(pick func(proxyAnswer) bool) (list []proxyAnswer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.answers {
		if pick(a) {
			list = append(list, a)
		}
	}
	return list
}

func isMediaPlaylist(name string) bool { return path.Base(name) == "index.m3u8" }

func isSegment(name string) bool { return strings.HasSuffix(name, ".ts") }
