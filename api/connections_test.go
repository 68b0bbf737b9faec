package api

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
)

// TestSilentConnectionsMakeRoom has more connections than there may be, most of which say nothing: whoever asks is answered, and a
// stream that goes on is not cut.
func TestSilentConnectionsMakeRoom(t *testing.T) {
	const most = 4
	f := newFixture(t, func(c *Config) { c.MaxConnections = most; c.Heartbeat = time.Millisecond })
	addr, stop := f.run(t)
	defer stop()
	resp, err := (&http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + addr + "/markers/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	events := &eventStream{t, resp, bufio.NewReader(resp.Body)}
	for range 10 * most {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil { // and then it keeps the connection
			t.Fatal(err)
		}
		if answer, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%v, %v", answer, err)
		}
		idle, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer idle.Close()
	}
	if status, _ := raw(t, addr, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	f.append(markers.Batch{Markers: []markers.Marker{event(1, 300, 359)}})
	events.expect("e1")
}
