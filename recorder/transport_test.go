package recorder

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// lateBody is an empty body whose end is seen only when the server has the request's header, as on a machine that is busy.
type lateBody struct{ seen chan struct{} }

func (b lateBody) Read([]byte) (int, error) {
	select {
	case <-b.seen:
	case <-time.After(30 * time.Second):
	}
	return 0, io.EOF
}

func (lateBody) Close() error { return nil }

// TestWire looks at the requests of a recording on the wire: nothing in them speaks of a body, and none has one.
func TestWire(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	late := lateBody{make(chan struct{}, 1)}
	var requests [][]string
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(c)
			for {
				var lines []string
				for {
					line, err := in.ReadString('\n')
					if line = strings.TrimSpace(line); err != nil || line == "" {
						break
					}
					lines = append(lines, line)
				}
				if len(lines) == 0 {
					break
				}
				requests = append(requests, lines)
				late.seen <- struct{}{}
				body := "segment"
				if strings.HasPrefix(lines[0], "GET /live.m3u8 ") {
					body = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n1.ts\n#EXTINF:1,\n2.ts\n#EXT-X-ENDLIST\n"
				}
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			}
			c.Close()
		}
	})
	client := newHTTP()
	o := client.Transport.(once)
	o.body = late
	client.Transport = o
	sum := recorded(t, Options{URL: "http://" + l.Addr().String() + "/live.m3u8", Dir: filepath.Join(t.TempDir(), "s"), HTTP: client,
		Header: http.Header{"X-Mine": {"1"}}})
	client.CloseIdleConnections()
	l.Close()
	serving.Wait()
	if sum.Segments != 2 || len(requests) != 3 {
		t.Errorf("%+v, requests %q", sum, requests)
	}
	for _, lines := range requests {
		text := strings.ToLower(strings.Join(lines, "\n")) + "\n"
		if !strings.HasPrefix(text, "get /") || !strings.Contains(text, "\naccept-encoding: identity\n") || !strings.Contains(text, "\nx-mine: 1\n") ||
			strings.Contains(text, "transfer-encoding:") || strings.Contains(text, "content-length:") {
			t.Errorf("request %q", lines)
		}
	}
}
