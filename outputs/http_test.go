package outputs

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/internal/testnet"
	"github.com/refstream/refstream/internal/testunix"
	"github.com/refstream/refstream/media"
)

// serveHTTP serves the hub's handlers with a time limit for requests.
func serveHTTP(t *testing.T, h *Hub, limit time.Duration) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/live/main.ts", h.TS())
	mux.Handle("/live/main.flv", h.FLV())
	s := httptest.NewUnstartedServer(mux)
	s.Config.ReadTimeout, s.Config.WriteTimeout = limit, limit
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// get opens a stream over a connection of its own.
func get(t *testing.T, url string) *http.Response {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

// stall connects and asks for a stream, of which it reads nothing.
func stall(t *testing.T, addr, request string) net.Conn {
	t.Helper()
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = testunix.ReceiveBuffer(fd, 4096) })
	}}
	c, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	return c
}

// follower compares what comes with what should.
type follower struct {
	n    atomic.Int64 // bytes that came, all as they should be
	err  error        // how it ended: io.EOF where all came
	done chan struct{}
}

func follow(r io.Reader, want []byte) *follower {
	f := &follower{done: make(chan struct{})}
	go func() {
		defer close(f.done)
		buf := make([]byte, 64<<10)
		for {
			n, err := r.Read(buf)
			at := int(f.n.Load())
			switch {
			case at+n > len(want) || !bytes.Equal(buf[:n], want[at:at+n]):
				f.err = fmt.Errorf("bytes from %d on, of %d, are others", at, len(want))
				return
			case err == io.EOF && at+n < len(want):
				f.err = io.ErrUnexpectedEOF
				return
			case err != nil:
				f.err = err
				return
			}
			f.n.Add(int64(n))
		}
	}()
	return f
}

// TestCrowd has 50 clients, of which one stalls and some come late. The others get every byte.
func TestCrowd(t *testing.T) {
	const early, gops, late = 44, 8, 5
	const units = gops * testGOP
	for _, format := range []string{"ts", "flv"} {
		t.Run(format, func(t *testing.T) {
			s := newSource(t, 30_000)
			h, log := newHub(t, func(o *Options) { o.WriteTimeout = slow })
			server := serveHTTP(t, h, patience)
			url := server.URL + "/live/main." + format
			kind := "http-" + format
			stall(t, server.Listener.Addr().String(), "GET /live/main."+format+" HTTP/1.1\r\nHost: a\r\n\r\n")
			var clients []*follower
			var begins []int // with which unit each of them begins
			come := func(unit int) {
				want := s.sent(t, format, unit, units)
				s.checkUnits(t, format, want, unit, units)
				clients, begins = append(clients, follow(get(t, url).Body, want)), append(begins, unit)
			}
			want := s.sent(t, format, 0, units)
			for range early {
				clients, begins = append(clients, follow(get(t, url).Body, want)), append(begins, 0)
			}
			eventually(t, "all to be there", func() bool { return statusOf(t, h, kind).Clients == early+1 })

			until := s.sizes(t, format, units)
			for i := range units {
				s.write(t, h, i, i+1)
				if i%testGOP != testGOP-1 {
					continue
				}
				if i/testGOP >= gops-late {
					come(i + 1 - 2*testGOP) // the last complete GOP
				}
				// As fast as those who read can take it.
				for k, c := range clients {
					least := int64(until[i+1] - until[begins[k]])
					eventually(t, fmt.Sprintf("client %d", k), func() bool { return c.n.Load() >= least || isDone(c.done) })
				}
			}
			eventually(t, "the stalled client to be dropped", func() bool { return statusOf(t, h, kind).Dropped == 1 })
			h.Close()
			for k, c := range clients {
				eventually(t, fmt.Sprintf("the end of client %d", k), func() bool { return isDone(c.done) })
				if c.err != io.EOF {
					t.Errorf("client %d: %v", k, c.err)
				}
			}
			eventually(t, "all to leave", func() bool { return statusOf(t, h, kind).Clients == 0 })
			st := statusOf(t, h, kind)
			if st.Dropped != 1 || st.ClientsTotal != early+1+late || st.State != StateEnded || st.LastError == "" || st.Bytes < 40*int64(until[units]) {
				t.Errorf("%+v", st)
			}
			if n := strings.Count(log.String(), "too slow"); n != 1 {
				t.Errorf("the log says %d times that a consumer is too slow:\n%s", n, log)
			}
		})
	}
}

func isDone(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// sent is what a client gets that begins with unit from, of a stream of to units.
func (s *source) sent(t *testing.T, format string, from, to int) []byte {
	if format == "flv" {
		return s.flvOf(t, from, to)
	}
	return join(s.tsOf(t, to)[from:])
}

// sizes are the bytes of all units before each, without what a client gets besides at its beginning.
func (s *source) sizes(t *testing.T, format string, to int) []int {
	t.Helper()
	until := []int{0}
	if format == "ts" {
		for i, unit := range s.tsOf(t, to) {
			until = append(until, until[i]+len(unit))
		}
		return until
	}
	m := flv.NewMuxer(testFLV())
	for i := range to {
		u := s.unit(i)
		c, err := m.Unit(u.Unit, annotate.Scripts(u.Record, u.Markers))
		if err != nil {
			t.Fatal(err)
		}
		until = append(until, until[i]+flv.Chunk{Tags: c.Tags}.Size())
	}
	return until
}

// checkUnits reads a stream that must begin with unit from, a key frame, and have each one up to unit to.
func (s *source) checkUnits(t *testing.T, format string, stream []byte, from, to int) {
	t.Helper()
	next := tsUnits(stream)
	if format == "flv" {
		next = flvUnits(stream)
	}
	for i := from; ; i++ {
		au, err := next()
		if err == io.EOF {
			if i != to {
				t.Errorf("the stream ends with unit %d, want %d", i, to)
			}
			return
		}
		want := s.unit(i)
		if err != nil || au.PTS != want.PTS || au.DTS != want.DTS || au.Key != want.Key || i == from && !au.Key {
			t.Fatalf("unit %d: %d %d %t, %v, want %d %d %t", i, au.PTS, au.DTS, au.Key, err, want.PTS, want.DTS, want.Key)
		}
	}
}

// tsUnits reads a transport stream.
func tsUnits(stream []byte) func() (media.Unit, error) {
	return ts.NewReader(bytes.NewReader(stream)).Next
}

// flvUnits reads FLV.
func flvUnits(stream []byte) func() (media.Unit, error) {
	r, d := flv.NewReader(bytes.NewReader(stream)), flv.NewDemuxer()
	return func() (media.Unit, error) {
		for {
			tag, err := r.Next()
			if err != nil {
				return media.Unit{}, err
			}
			if au, ok, err := d.Unit(tag); ok || err != nil {
				return au, err
			}
		}
	}
}

func TestHTTPAnswers(t *testing.T) {
	h, log := newHub(t, func(o *Options) { o.MaxClients = 2 })
	server := serveHTTP(t, h, patience)
	cases := []struct {
		method, path string
		status       int
		header, want string
	}{
		{"HEAD", "/live/main.ts", 200, "Content-Type", "video/mp2t"},
		{"HEAD", "/live/main.flv", 200, "Content-Type", "video/x-flv"},
		{"HEAD", "/live/main.flv", 200, "Cache-Control", "no-store"},
		{"HEAD", "/live/main.ts", 200, "Content-Length", ""},
		{"GET", "/live/main.ts", 200, "Content-Type", "video/mp2t"},
		{"GET", "/live/main.ts", 200, "Cache-Control", "no-store"},
		{"GET", "/live/main.ts", 503, "Retry-After", "5"},
		{"GET", "/live/main.ts", 503, "Cache-Control", "no-store"},
		{"HEAD", "/live/main.ts", 200, "Retry-After", ""},
		{"GET", "/live/main.flv", 200, "Content-Type", "video/x-flv"},
		{"GET", "/live/main.flv", 200, "Content-Length", ""},
		{"POST", "/live/main.flv", 405, "Allow", "GET, HEAD"},
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var open []*http.Response
	for _, c := range cases {
		req, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != c.status || res.Header.Get(c.header) != c.want {
			t.Errorf("%s %s: %s, %s is %q, want %d and %q", c.method, c.path, res.Status, c.header, res.Header.Get(c.header), c.status, c.want)
		}
		switch {
		case c.method == "GET" && c.status == 200:
			open = append(open, res)
			if res.ContentLength != -1 {
				t.Errorf("the answer has a length of %d", res.ContentLength)
			}
		case c.method == "HEAD":
			if b, err := io.ReadAll(res.Body); len(b) > 0 || err != nil {
				t.Errorf("HEAD has a body: %q, %v", b, err)
			}
		}
	}
	if n := strings.Count(log.String(), "all places"); n != 1 {
		t.Errorf("the log says %d times that there is no place:\n%s", n, log)
	}
	// A place that somebody gives up is there for the next, and leaving is no error.
	for _, res := range open {
		res.Body.Close()
	}
	for _, kind := range []string{KindHTTPTS, KindHTTPFLV} {
		eventually(t, "places to be free", func() bool { return statusOf(t, h, kind).Clients == 0 })
		if st := statusOf(t, h, kind); st.Dropped != 0 || st.LastError != "" || st.State != StateListening {
			t.Errorf("%+v", st)
		}
	}
	if res := get(t, server.URL+"/live/main.ts"); res.StatusCode != 200 {
		t.Errorf("after that: %s", res.Status)
	}
}

// TestHTTPStreamOutlastsLimits has a stream pause for longer than the server gives a request, in a bubble.
func TestHTTPStreamOutlastsLimits(t *testing.T) {
	s := newSource(t, 0)
	synctest.Test(t, func(t *testing.T) {
		h, _ := newHub(t)
		l := testnet.NewPipes()
		server := &http.Server{Handler: h.TS(), ReadTimeout: time.Second, WriteTimeout: time.Second}
		serving := runs(func() error { return server.Serve(l) })
		client := &http.Client{Transport: &http.Transport{DialContext: l.Dial, DisableKeepAlives: true}}
		res, err := client.Get("http://test/live/main.ts")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		g := gather(res.Body)
		for i := range 4 {
			s.write(t, h, i*testGOP, (i+1)*testGOP)
			select {
			case <-time.After(900 * time.Millisecond):
			case <-g.done:
				t.Fatal("the answer has ended")
			}
		}
		h.Close()
		got, err := g.all(t)
		if err != io.EOF {
			t.Error(err)
		}
		same(t, "stream", got, join(s.tsOf(t, 4*testGOP)))
		server.Close()
		<-serving
	})
}

// TestHTTPDropIsNoEnd has a client fall behind: its answer must not end as if the stream were complete.
func TestHTTPDropIsNoEnd(t *testing.T) {
	s := newSource(t, 200_000)
	h, log := newHub(t, func(o *Options) { o.WriteTimeout = time.Hour })
	server := serveHTTP(t, h, patience)
	c := stall(t, server.Listener.Addr().String(), "GET /live/main.ts HTTP/1.1\r\nHost: a\r\n\r\n")
	eventually(t, "the client to be there", func() bool { return statusOf(t, h, KindHTTPTS).Clients == 1 })
	s.write(t, h, 0, 10*testGOP)
	// Now it reads, and what comes next is kept no longer.
	got, _ := io.ReadAll(c)
	if len(got) == 0 || bytes.HasSuffix(got, []byte("\r\n0\r\n\r\n")) {
		t.Errorf("%d bytes, which end as if the stream did", len(got))
	}
	eventually(t, "the client to be gone", func() bool { return statusOf(t, h, KindHTTPTS).Clients == 0 })
	if st := statusOf(t, h, KindHTTPTS); st.Dropped != 1 || !strings.Contains(log.String(), "fell behind") {
		t.Errorf("%+v\n%s", st, log)
	}
}

// TestHTTPClientsGetTheEnd has clients join a stream that has ended.
func TestHTTPClientsGetTheEnd(t *testing.T) {
	s := newSource(t, 0)
	h, _ := newHub(t)
	server := serveHTTP(t, h, patience)
	// The last unit has an onFI that waits for the unit after it.
	s.write(t, h, 0, 3*testGOP+1)
	h.Close()
	for _, format := range []string{"ts", "flv"} {
		got, err := io.ReadAll(get(t, server.URL+"/live/main."+format).Body)
		if err != nil {
			t.Error(err)
		}
		same(t, format, got, s.sent(t, format, 2*testGOP, 3*testGOP+1))
	}
	if err := h.Write(s.unit(0)); err != nil {
		t.Errorf("a unit after the end: %v", err)
	}
}
