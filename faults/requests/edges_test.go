package requests

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/refstream/refstream/internal/testnet"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// Requests without a body, for a part, or for what the client has are logged as what they were.
func TestOtherRequests(t *testing.T) {
	t.Parallel()
	const head, part, same = "-I", "-r 100-199", "-H If-None-Match:\"seg-12.ts\""
	for _, c := range []struct {
		fault, args string
		want        string // status, bytes, what was done, and why not
	}{
		{"http.cut", head, "HEAD 200 0  the answer has no body"},
		{"http.cut", same, "GET 304 0  the answer has no body"},
		{"http.cut", part, "GET 206 50 closed after 50 of 100 bytes "},
		{"http.cut, with: {at_byte: 100}", part, "GET 206 100  the body has 100 bytes"},
		{"http.cut, with: {after: headers}", head, "HEAD 200 0 closed after the header "},
		{"http.reset, with: {after: nothing}", head, "HEAD 0 0 reset without an answer "},
		{"http.length", head, "HEAD 200 0 Content-Length 41000 in place of 40000 "},
		{"http.status", head, "HEAD 503 0 status 503 "},
		{"http.throttle", same, "GET 304 0  the answer has no body"},
		{"http.corrupt", head, "HEAD 200 0  the answer has no body"},
		{"http.delay, with: {time: 1ms}", same, "GET 304 0 delayed by 1ms "},
	} {
		s := newSite(t, "{at: {msn: 12}, do: "+c.fault+"}")
		s.curl(t, "/faulty/"+labelled, strings.Fields(c.args)...)
		r := s.record(t, 1).Requests[0]
		if got := fmt.Sprintf("%s %d %d %s %s", r.Method, r.Status, r.Bytes, r.Did, r.Reason); got != c.want {
			t.Errorf("%s, %s: the log has %q, want %q", c.fault, c.args, got, c.want)
		}
	}
}

// Of the bytes that are to change, those that were not sent because of another fault are not in the log.
func TestCorruptAndCut(t *testing.T) {
	t.Parallel()
	s := newSite(t, "{at: {msn: 12}, do: http.corrupt}, {at: {msn: 12}, do: http.cut}")
	got, changed := s.curl(t, "/faulty/"+labelled), 0
	for i, b := range got.body {
		if b != s.files[labelled][i] {
			changed++
		}
	}
	if r := s.record(t, 1).Requests[0]; len(got.body) != size/2 || !strings.HasPrefix(r.Did, fmt.Sprintf("%d bytes changed", changed)) || changed < 20 || changed > 80 {
		t.Errorf("%d of %d bytes are changed: the log has %q", changed, len(got.body), r.Did)
	}
}

// Where there is no connection to take, the answer is aborted, and the log has that.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	s := newSite(t, "{at: {msn: 12}, do: http.reset}")
	server := httptest.NewUnstartedServer(s)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	res, err := server.Client().Get(server.URL + "/faulty/" + labelled)
	if err != nil || res.ProtoMajor != 2 {
		t.Fatal(res, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	r := s.record(t, 1).Requests[0]
	if err == nil || len(b) != size/2 || r.Bytes != size/2 || r.Did != "the answer was aborted after 20000 of 40000 bytes" || !strings.Contains(r.Reason, "HTTP/1.1") {
		t.Errorf("%d bytes, error %v; the log has %+v", len(b), err, r)
	}
}

// local serves a handler inside a bubble, where only waiting takes time.
func local(t *testing.T, h http.Handler) *http.Client {
	pipes := testnet.NewPipes()
	server := &http.Server{Handler: h, ReadTimeout: 15 * time.Second, WriteTimeout: time.Minute}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(pipes) })
	transport := &http.Transport{DialContext: pipes.Dial}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
		serving.Wait()
	})
	return &http.Client{Transport: transport}
}

// get is how many bytes a client gets of a file, and how long that takes.
func get(ctx context.Context, c *http.Client, file string) (n int64, took time.Duration, err error) {
	began := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://test/faulty/"+file, nil)
	if err != nil {
		return 0, 0, err
	}
	res, err := c.Do(req)
	if err == nil {
		defer res.Body.Close()
		n, err = io.Copy(io.Discard, res.Body)
	}
	return n, time.Since(began), err
}

// An answer takes as long as it is to, beyond the times that the server has for others.
func TestTimes(t *testing.T) {
	for fault, want := range map[string]time.Duration{
		"http.delay, with: {time: 3m}": 3 * time.Minute, "http.stall, with: {time: 90s}": 90 * time.Second,
		"http.delay, with: {time: 2m}}, {at: {msn: 12}, do: http.stall, with: {time: 1m}":      3 * time.Minute,
		"http.throttle, with: {rate: 1000}}, {at: {msn: 12}, do: http.stall, with: {time: 1m}": 380 * time.Second,
		"http.throttle, with: {rate: 1000}":                                                    320 * time.Second, "http.throttle, with: {rate: 1000000000}": 320 * time.Microsecond,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &site{log: newLog(t, "{at: {msn: 12}, do: "+fault+"}"), places: make(chan struct{}, 4), ended: make(chan struct{}, 9), files: map[string][]byte{labelled: body(12)}}
			n, took, err := get(t.Context(), local(t, s), labelled)
			if err != nil || n != size || took != want {
				t.Errorf("%s: %d bytes in %v, error %v; want %v", fault, n, took, err, want)
			}
			synctest.Wait()
			if len(s.places) != 0 {
				t.Error("a place is still taken")
			}
		})
	}
}

// An answer that is held back ends with its client, or the server, and one for which there is no place is not held back.
func TestHeldBack(t *testing.T) {
	for _, fault := range []string{"http.delay, with: {time: 1h}", "http.stall, with: {time: 1h}", "http.throttle, with: {rate: 100}"} {
		synctest.Test(t, func(t *testing.T) {
			stopping, stop := context.WithCancel(t.Context())
			s := &site{log: newLog(t, "{at: {msn: 12}, do: "+fault+"}"), places: make(chan struct{}, 2), ended: make(chan struct{}, 9), files: map[string][]byte{labelled: body(12)}}
			c := local(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ctx, cancel := context.WithCancel(r.Context())
				defer cancel()
				defer context.AfterFunc(stopping, cancel)()
				s.ServeHTTP(w, r.WithContext(ctx))
			}))
			leaving, leave := context.WithCancel(t.Context())
			var clients sync.WaitGroup
			for _, ctx := range []context.Context{leaving, t.Context()} {
				clients.Go(func() {
					if n, took, err := get(ctx, c, labelled); err == nil || n == size || took != time.Second && took != 2*time.Second {
						t.Errorf("%s: %d bytes in %v, error %v", fault, n, took, err)
					}
				})
			}
			synctest.Wait()
			if n, took, err := get(t.Context(), c, labelled); err != nil || n != size || took != 0 {
				t.Errorf("%s, without a place: %d bytes in %v, error %v", fault, n, took, err)
			}
			if r := s.records("")[0]; r.State != markers.FaultActive {
				t.Errorf("%s: while two are held back: %+v", fault, r)
			}
			<-time.After(time.Second)
			leave()
			synctest.Wait()
			if len(s.places) != 1 {
				t.Errorf("%s: %d places are taken when the client has left", fault, len(s.places))
			}
			<-time.After(time.Second)
			stop()
			clients.Wait()
			synctest.Wait()
			why := map[string]int{}
			for _, r := range s.records("")[0].Requests {
				why[strings.Split(r.Reason, " after")[0]+", done "+fmt.Sprint(r.Did != "")]++
			}
			if len(s.places) != 0 || why["2 answers are held back already, and no more may be, done false"] != 1 || len(why) != 2 {
				t.Errorf("%s: %d places are taken, the log has %v", fault, len(s.places), why)
			}
		})
	}
}

// Which requests a fault meets depends on the client, the file and the number of the request alone, in whatever order clients come.
func TestDraws(t *testing.T) {
	const clients, requests = 20, 30
	fates := func(order func(i int) (client, request int)) (list [clients][requests]bool) {
		l := newLog(t, "{at: {msn: 12}, do: http.status, with: {share: 40%}}, {id: other, at: {msn: 12}, for: {requests: 3}, do: http.mime}")
		for i := range clients * requests {
			c, _ := order(i)
			nth, met := l.meet(Request{Client: fmt.Sprint(c), File: labelled, Resource: scenario.Segment, MSN: 12, Now: time.Now}, 0)
			for _, m := range met {
				list[c][nth-1] = list[c][nth-1] || m.kind.Name == "http.status"
				if m.kind.Name == "http.mime" && nth > 3 {
					t.Errorf("request %d is met by a fault of three", nth)
				}
				if m.draw != Draw(m.Fault, fmt.Sprint(c), labelled, nth) {
					t.Errorf("request %d has another draw", nth)
				}
			}
		}
		return list
	}
	a := fates(func(i int) (int, int) { return i / requests, i % requests })
	b := fates(func(i int) (int, int) { return i % clients, i / clients })
	met := 0
	for c := range clients {
		for r := range requests {
			if a[c][r] {
				met++
			}
		}
	}
	if a != b || a[0] == a[1] || met < 200 || met > 280 {
		t.Errorf("equal %t, clients have the same draws %t, %d of 600 are met", a == b, a[0] == a[1], met)
	}
}

// A fault is for its resources and frames alone, and its requests are those of one client.
func TestSelection(t *testing.T) {
	l := newLog(t, "{id: list, at: {msn: 12}, do: http.status, on: {kind: playlist}, for: {requests: 2}}, {id: all, at: {msn: 20}, do: http.mime, on: {kind: any}}, "+
		"{id: seg, at: {msn: 12}, do: http.status}")
	meet := func(client, file string, resource scenario.Resource, msn int64) (ids string) {
		_, met := l.meet(Request{Client: client, File: file, Resource: resource, MSN: msn, Now: time.Now}, 0)
		for _, m := range met {
			ids += m.ID + " "
		}
		return strings.TrimSpace(ids)
	}
	for i, c := range []struct {
		client, file string
		resource     scenario.Resource
		msn          int64
		want         string
	}{
		{"", "index.m3u8", scenario.Playlist, 11, ""}, {"", "index.m3u8", scenario.Playlist, 12, "list"}, {"", "seg-12.ts", scenario.Segment, 12, "seg"},
		{"", "master.m3u8", scenario.Multivariant, 12, ""}, {"", "index.m3u8", scenario.Playlist, 13, "list"}, {"", "index.m3u8", scenario.Playlist, 13, ""},
		{"a", "index.m3u8", scenario.Playlist, 13, "list"}, {"a", "index.m3u8", scenario.Playlist, 14, ""}, {"", "seg-13.ts", scenario.Segment, 13, ""},
		{"", "init-1.mp4", scenario.Initialization, 20, "all"}, {"", "index.m3u8", scenario.Playlist, 20, "all"}, {"", "seg-12.ts", scenario.Segment, 12, "seg"},
		{"", "index.m3u8", scenario.Playlist, -1, ""},
	} {
		if got := meet(c.client, c.file, c.resource, c.msn); got != c.want {
			t.Errorf("request %d: %q, want %q", i, got, c.want)
		}
	}
}

// What is kept is bounded: clients, requests, and what is older than the window.
func TestMemory(t *testing.T) {
	const maxRequests = 10_000
	l := newLog(t, "{id: a, at: {msn: 12}, do: http.mime}, {id: b, at: {msn: 14}, do: http.mime}")
	now := time.Unix(0, 0)
	for i := range 3 * maxRequests {
		now = now.Add(time.Second)
		q := Request{Client: fmt.Sprint(i % (2 * maxClients)), File: fmt.Sprint("seg-", i), Resource: scenario.Segment, MSN: 12 + int64(i%3), Now: func() time.Time { return now }}
		if _, met := l.meet(q, 0); len(met) > 0 {
			l.note(&answer{Request: q, faults: met}, markers.FaultRequest{Client: q.Client})
		}
	}
	list := []markers.FaultRecord{{ID: "a", Layer: "request", Span: markers.Span{Frame: 600}}, {ID: "b", Layer: "request", Span: markers.Span{Frame: 700}}}
	l.Fill(list, "", 1<<30)
	if n := int64(len(list[0].Requests)); len(l.clients) != maxClients || len(l.entries) > maxRequests || n+list[0].RequestsLeftOut != maxRequests {
		t.Errorf("%d clients, %d requests, of a fault %d and %d left out", len(l.clients), len(l.entries), n, list[0].RequestsLeftOut)
	}
	l.Forget(14 * perSegment)
	list[0].Requests = nil // what is forgotten is left as it is
	l.Fill(list, "", 1<<30)
	if len(list[0].Requests) != 0 || len(list[1].Requests) == 0 {
		t.Errorf("a fault of the past has %d requests, and another %d", len(list[0].Requests), len(list[1].Requests))
	}
	q := Request{Client: "0", File: "seg-x", MSN: 16, Now: func() time.Time { return now }}
	l.meet(q, 0)
	for file, n := range l.clients["0"].files {
		if n.last < l.from {
			t.Errorf("%s is still counted", file)
		}
	}
}

// What has become of a fault that began long ago is found without those that came since.
func TestLongFault(t *testing.T) {
	l := newLog(t, "{id: a, at: 0s, for: 8784h, do: http.mime}, {id: b, every: 10s, do: http.cut}")
	const newest = 20_000_000
	l.Forget(newest - 10*perSegment)
	list := []markers.FaultRecord{{ID: "a", Layer: "request", Span: markers.Span{LastFrame: 1 << 30}}, {ID: "x", Layer: "request", Span: markers.Span{Frame: newest}}}
	if n := testing.AllocsPerRun(1, func() { l.Fill(list, "", newest) }); n > 1000 {
		t.Errorf("%.0f allocations", n)
	}
	if list[0].State != markers.FaultActive {
		t.Errorf("the fault is %q, want active", list[0].State)
	}
}

// Answers to many at once, under the race detector.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, "{id: a, at: {msn: 12}, do: http.cut, with: {share: 50%}}, {id: b, at: {msn: 12}, do: http.corrupt, with: {share: 50%}}")
	s.ended = make(chan struct{}, 1000)
	var clients sync.WaitGroup
	for i := range 20 {
		clients.Go(func() {
			transport := &http.Transport{DialContext: (&net.Dialer{}).DialContext}
			defer transport.CloseIdleConnections()
			for range 5 {
				res, err := (&http.Client{Transport: transport}).Get(s.URL + "/faulty/" + labelled + "?client=" + fmt.Sprint(i))
				if err == nil {
					_, _ = io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
			}
			s.records("")
		})
	}
	clients.Wait()
	for range 100 {
		<-s.ended
	}
	for _, r := range s.records("") {
		if len(r.Requests) < 20 || len(r.Requests) > 80 {
			t.Errorf("%s has met %d of 100 requests", r.ID, len(r.Requests))
		}
	}
}
