package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
)

// patience is how long a test waits for what should happen at once.
const patience = 2 * time.Minute

// eventStream is a client of /markers/stream.
type eventStream struct {
	t    *testing.T
	resp *http.Response
	in   *bufio.Reader
}

// serve serves until the test and its clients are done.
func (f *fixture) serve(t *testing.T) *httptest.Server {
	srv := httptest.NewServer(f.server.Handler())
	t.Cleanup(srv.Close)
	return srv
}

// follow opens a stream; the server answers with success.
func follow(t *testing.T, srv *httptest.Server, query string, header ...string) *eventStream {
	t.Helper()
	return followPath(t, srv, "/markers/stream"+query, header...)
}

func followPath(t *testing.T, srv *httptest.Server, path string, header ...string) *eventStream {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" ||
		resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	return &eventStream{t, resp, bufio.NewReader(resp.Body)}
}

// next reads one block, up to an empty line; ok is false at the end of the stream.
func (s *eventStream) next() (block string, ok bool) {
	s.t.Helper()
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return block, false
		}
		if line == "\n" {
			return block, true
		}
		block += line
	}
}

// marker reads blocks until one is a marker, and checks its form.
func (s *eventStream) marker() (id string, m markerView) {
	s.t.Helper()
	for {
		block, ok := s.next()
		if !ok {
			s.t.Fatal("the stream ended")
		}
		if !strings.HasPrefix(block, "event: marker\n") {
			continue
		}
		lines := strings.Split(block, "\n")
		if len(lines) != 4 || !strings.HasPrefix(lines[1], "id: ") || !strings.HasPrefix(lines[2], "data: ") {
			s.t.Fatalf("event %q", block)
		}
		if err := json.Unmarshal([]byte(lines[2][len("data: "):]), &m); err != nil {
			s.t.Fatalf("event %q: %v", block, err)
		}
		return lines[1][len("id: "):], m
	}
}

func (s *eventStream) expect(ids ...string) {
	s.t.Helper()
	for _, want := range ids {
		if _, m := s.marker(); m.ID != "main-"+want {
			s.t.Fatalf("marker %s, want %s", m.ID, want)
		}
	}
}

func TestStreamBegins(t *testing.T) {
	f := withMarkers(t)
	srv := f.serve(t)
	tests := []struct {
		query, header string
		want          []string
	}{
		{"", "", nil},
		{"?ts_start=31.031", "", []string{"e3", "e4", "t2400"}},
		{"?ts_start=31.03", "", []string{"e2", "e3", "e4", "t2400"}},
		{"?ts_start=-1", "", []string{"e1", "e2", "e3", "e4", "t2400"}},
		{"?last_event_id=900-1", "", []string{"e3", "e4", "t2400"}},
		{"?last_event_id=300-1", "1500-1", []string{"e4", "t2400"}}, // the header is newer
		{"?ts_start=0", "2400-1", nil},
		{"?last_event_id=1000-0", "", []string{"e3", "e4", "t2400"}},
	}
	for i, tt := range tests {
		s := follow(t, srv, tt.query, "Last-Event-ID", tt.header)
		s.expect(tt.want...)
		// What comes next is new.
		n := int64(3000 + 600*i)
		f.append(markers.Batch{Markers: []markers.Marker{event(int64(100+i), n, n+59)}})
		id, m := s.marker()
		if m.ID != fmt.Sprintf("main-e%d", 100+i) || id != fmt.Sprintf("%d-1", n) {
			t.Errorf("%s %s: then %s %s", tt.query, tt.header, id, m.ID)
		}
		_ = s.resp.Body.Close()
		f.store.mu.Lock()
		f.store.log("main", markers.Markers).records = f.store.log("main", markers.Markers).records[:5] // as before for the next case
		f.store.log("main", markers.Markers).last = markers.ID{Frame: 2400, Sub: 1}
		f.store.mu.Unlock()
	}
	for query, field := range map[string]string{
		"?last_event_id=x": "last_event_id", "?last_event_id=-1-1": "last_event_id", "?ts_start=x": "ts_start", "?limit=1": "limit",
	} {
		f.refused(f.get("/markers/stream"+query), http.StatusBadRequest, field)
	}
	f.refused(f.get("/markers/stream", "Last-Event-ID", "abc"), http.StatusBadRequest, "Last-Event-ID")
	f.refused(f.get("/markers/stream?channel=x"), http.StatusNotFound, "")
}

// TestStreamResumes breaks the connection after every event: no marker is missed and none comes twice.
func TestStreamResumes(t *testing.T) {
	f := newFixture(t)
	srv := f.serve(t)
	last := ""
	for i := range int64(10) {
		s := follow(t, srv, "", "Last-Event-ID", last)
		block, _ := s.next()
		if last == "" {
			// The first block has the place to resume from, without an event.
			if block != "retry: 2000\nid: 0-0\n" {
				t.Fatalf("first block %q", block)
			}
		}
		f.append(markers.Batch{Markers: []markers.Marker{event(i+1, i*300+300, i*300+310)}})
		var m markerView
		if last, m = s.marker(); m.ID != fmt.Sprintf("main-e%d", i+1) {
			t.Fatalf("marker %s after %d", m.ID, i)
		}
		_ = s.resp.Body.Close()
	}
}

func TestStreamOfManyMarkers(t *testing.T) {
	f := newFixture(t)
	var b markers.Batch
	for i := range int64(3 * streamPage) {
		b.Markers = append(b.Markers, event(i+1, i*10, i*10+5))
	}
	b.Missing = []markers.MissingRecord{lost(12, 13)}
	f.append(b)
	srv := f.serve(t)
	s := follow(t, srv, "?ts_start=-1")
	for i := range b.Markers {
		_, m := s.marker()
		if m.ID != b.Markers[i].ID || (m.MissingFrames == 2) != (i == 1) {
			t.Fatalf("marker %d is %s with %d missing", i, m.ID, m.MissingFrames)
		}
	}
}

func TestStreamAfterTrimming(t *testing.T) {
	f := withMarkers(t)
	if err := f.store.Trim(context.Background(), "main", markers.Markers, markers.AtFrame(5000)); err != nil {
		t.Fatal(err)
	}
	srv := f.serve(t)
	// All that came after it is gone, although the log's end lies after it.
	s := follow(t, srv, "?last_event_id=300-1")
	f.append(markers.Batch{Markers: []markers.Marker{event(9, 5400, 5459)}})
	s.expect("e9")
}

func TestStreamHeartbeats(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Heartbeat = time.Millisecond })
	srv := f.serve(t)
	s := follow(t, srv, "")
	for beats := 0; beats < 3; {
		block, ok := s.next()
		if !ok {
			t.Fatal("the stream ended")
		}
		if block == ": heartbeat\n" {
			beats++
		}
	}
	// Also while the store is away, and markers come when it is back.
	f.store.setFail(markers.ErrUnavailable)
	if block, ok := s.next(); !ok || block != ": heartbeat\n" {
		t.Fatalf("%q, %v", block, ok)
	}
	f.store.setFail(nil)
	f.append(markers.Batch{Markers: []markers.Marker{event(1, 300, 359)}})
	s.expect("e1")
}

func TestStreamClientsAreLimited(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.StreamClients = 3; c.Heartbeat = time.Millisecond })
	srv := f.serve(t)
	first, _ := follow(t, srv, ""), follow(t, srv, "")
	// Half of the places, rounded up, is what one address gets.
	if w := f.get("/markers/stream"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "this address has 2") {
		t.Errorf("a third of one address: %d %s", w.Code, w.Body)
	}
	if f.server.clients.Enter("192.0.2.1:99") != nil {
		t.Fatal("another address gets none")
	}
	if w := f.get("/detections/stream"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "all 3 places") {
		t.Errorf("all are taken: %d %s", w.Code, w.Body)
	}
	w := f.get("/markers/stream")
	f.refused(w, http.StatusServiceUnavailable, "")
	if w.Header().Get("Retry-After") != "5" {
		t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
	}
	if !strings.Contains(f.get("/metrics").Body.String(), "refstream_http_stream_clients 2\n") {
		t.Error("the gauge does not say 2")
	}
	_ = first.resp.Body.Close()
	// The place is free when the server has seen that the client is gone.
	deadline := time.After(patience)
	for {
		if f.server.clients.Enter("127.0.0.1:1") == nil {
			f.server.clients.Leave("127.0.0.1:1")
			break
		}
		select {
		case <-deadline:
			t.Fatal("no place became free")
		default:
		}
	}
	follow(t, srv, "")
}

func TestRefusedStreamLeavesItsPlace(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.StreamClients = 1 })
	for range 3 {
		f.refused(f.get("/markers/stream?limit=1"), http.StatusBadRequest, "limit")
	}
}

// TestSlowStreamClientIsDropped has a client that never reads, over a connection that takes little.
func TestSlowStreamClientIsDropped(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.StreamWriteTimeout = 20 * time.Millisecond })
	var b markers.Batch
	for i := range int64(30_000) { // far more than the buffers of a connection
		b.Markers = append(b.Markers, event(i+1, i*10, i*10+5))
	}
	f.append(b)
	addr, stop := f.run(t)
	defer stop()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /markers/stream?ts_start=-1 HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(patience)
	for {
		if strings.Contains(f.get("/metrics").Body.String(), "refstream_http_stream_clients_dropped_total 1\n") {
			return
		}
		select {
		case <-deadline:
			t.Fatal("the client was not dropped")
		default:
		}
	}
}
