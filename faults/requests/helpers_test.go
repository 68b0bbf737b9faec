package requests

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/faults/internal/faultstest"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// The faults of tests are planned for segment 12, of 50 frames at 25 frames/s.
const (
	perSegment = 50
	size       = 40_000
	labelled   = "seg-12.ts"
	clean      = "seg-13.ts"
)

// site serves files: below /faulty/ with faults, of a channel whose newest segment is 12, and below /clean/ without.
type site struct {
	*httptest.Server
	log    *Log
	files  map[string][]byte
	places chan struct{}
	ended  chan struct{} // an answer
}

func body(seed uint64) []byte {
	b := make([]byte, size)
	src := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(src.Uint32())
	}
	return b
}

func channel() markers.Channel { return faultstest.Channel(perSegment) }

func newLog(t testing.TB, entries string) *Log {
	t.Helper()
	return New(faultstest.Plan(t, channel(), Kinds(), entries), channel().Clock(), 10_000)
}

// newSite has the faults of a file's list.
func newSite(t testing.TB, entries string) *site {
	t.Helper()
	s := &site{log: newLog(t, entries), places: make(chan struct{}, 4), ended: make(chan struct{}, 100)}
	s.files = map[string][]byte{labelled: body(12), clean: body(13), "index.m3u8": []byte("#EXTM3U\n#EXTINF:2,\nseg-12.ts\n")}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// request is a request for a file.
func (s *site) request(client, file string) Request {
	q := Request{Client: client, File: file, Resource: scenario.Playlist, MSN: 12, Now: time.Now, Places: s.places}
	if number, ok := strings.CutSuffix(strings.TrimPrefix(file, "seg-"), ".ts"); ok {
		q.Resource = scenario.Segment
		q.MSN, _ = strconv.ParseInt(number, 10, 64)
	}
	return q
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := path.Base(r.URL.Path)
	b, ok := s.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "video/mp2t")
	h.Set("Cache-Control", "no-cache")
	h.Set("Etag", `"`+name+`"`)
	h.Set("Access-Control-Allow-Origin", "*")
	send := func(w http.ResponseWriter) { http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b)) }
	if !strings.HasPrefix(r.URL.Path, "/faulty/") {
		send(w)
		return
	}
	defer func() { s.ended <- struct{}{} }()
	s.log.Serve(w, r, s.request(r.URL.Query().Get("client"), name), send)
}

// record is that of the only fault, once so many answers have ended.
func (s *site) record(t testing.TB, answers int) markers.FaultRecord {
	t.Helper()
	for range answers {
		select {
		case <-s.ended:
		case <-time.After(time.Minute):
			t.Fatal("the answer does not end")
		}
	}
	return s.records("")[0]
}

// records are those of a client, or of all, when all is over.
func (s *site) records(client string) (list []markers.FaultRecord) {
	for _, f := range s.log.plan.Between(0, 1<<30) {
		list = append(list, markers.FaultRecord{ID: f.ID, Layer: string(f.Kind.Layer), Span: s.log.clock.Span(f.First, f.Last)})
	}
	s.log.Fill(list, client, 1<<30)
	return list
}

// curled is what curl has got.
type curled struct {
	exit      int
	body      []byte
	header    string // of all answers, in lower case
	redirects string
}

// curl has curl get a file.
func (s *site) curl(t testing.TB, target string, args ...string) (c curled) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	args = append([]string{"-s", "-o", dir + "/body", "-D", dir + "/header", "-w", "%{num_redirects}"}, args...)
	cmd := exec.CommandContext(ctx, "curl", append(args, s.URL+target)...)
	out, err := cmd.Output()
	if cmd.ProcessState == nil {
		t.Fatalf("curl: %v", err)
	}
	c.exit, c.redirects = cmd.ProcessState.ExitCode(), string(out)
	c.body, c.header = read(dir+"/body"), strings.ToLower(string(read(dir+"/header")))
	return c
}

func (c curled) String() string {
	return fmt.Sprintf("exit code %d, %d bytes, %s redirects, header %q", c.exit, len(c.body), c.redirects, c.header)
}
