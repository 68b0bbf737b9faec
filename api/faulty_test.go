package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/refstream/refstream/delivery"
	"github.com/refstream/refstream/faults/catalogue"
	"github.com/refstream/refstream/faults/requests"
	"github.com/refstream/refstream/internal/testnet"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// expressed is a fixture whose channel main has segments 40 to 49.
func expressed(t testing.TB, change ...func(*Config)) *fixture {
	f := newFixture(t, change...)
	f.publish("master.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nindex.m3u8\n")
	f.publishTo(49)
	return f
}

// broken gets target, whose error is one that a fault makes.
func (f *fixture) broken(target string) *httptest.ResponseRecorder {
	f.t.Helper()
	r, w := request(http.MethodGet, target, ""), httptest.NewRecorder()
	f.server.Handler().ServeHTTP(w, r)
	f.spec.check(f.t, r, w)
	return w
}

// publishTo publishes the playlist with the ten segments up to one.
func (f *fixture) publishTo(msn int64) {
	text := fmt.Sprintf("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:%d\n#EXT-X-MAP:URI=\"init-00000001.mp4\"\n", msn-9)
	for n := msn - 9; n <= msn; n++ {
		name := fmt.Sprintf("seg-%010d.ts", n)
		f.publish(name, strings.Repeat(name, 100))
		text += "#EXTINF:2.002,\n" + name + "\n"
	}
	f.publish("index.m3u8", text)
}

// An expression makes faults of playlists and of answers, which are the same for everybody, and its truth has them.
func TestExpression(t *testing.T) {
	f := expressed(t)
	const base = "/faulty/http.status(status=429,at=msn:48,for=segments:1);playlist.stale(at=msn:50,for=segments:2);playlist.endlist(at=msn:53);client=a/"
	clean := f.get("/hls/main/index.m3u8").Body.String()
	if got := f.get(base + "hls/main/index.m3u8"); got.Code != 200 || got.Body.String() != clean {
		t.Errorf("before its faults: %d %s", got.Code, got.Body)
	}
	for range 2 { // with and without escapes
		for _, target := range []string{base, strings.NewReplacer("(", "%28", ";", "%3B", "=", "%3d").Replace(base)} {
			if got := f.broken(target + "hls/main/seg-0000000048.ts"); got.Code != 429 || got.Header().Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("segment 48: %d %v", got.Code, got.Header())
			}
		}
	}
	if got := f.get(base + "hls/main/seg-0000000047.ts"); got.Code != 200 || got.Body.Len() != 1700 {
		t.Errorf("segment 47: %d", got.Code)
	}
	f.publishTo(51)
	if got := f.get(base + "hls/main/index.m3u8"); got.Body.String() != clean || got.Header().Get("ETag") != delivery.ETag([]byte(clean)) {
		t.Errorf("while it is stale: %s", got.Body)
	}
	f.publishTo(54)
	if got := f.get(base + "hls/main/index.m3u8").Body.String(); !strings.HasSuffix(got, "seg-0000000054.ts\n#EXT-X-ENDLIST\n") {
		t.Errorf("with an end: %s", got)
	}
	var list faultList
	f.ok(base+"faults", &list)
	var got []string
	for _, r := range list.Faults {
		got = append(got, fmt.Sprintf("%s %s %d", r.ID, r.State, len(r.Requests)))
	}
	// Of the stale versions one was requested. Of those with an end there will be more.
	if want := []string{"http.status done 4", "playlist.stale done 0", "playlist.endlist active 0"}; !slices.Equal(got, want) || list.Channel != "main" {
		t.Errorf("faults %q, want %q", got, want)
	}
	if r := list.Faults[0].Requests[3]; r.Client != "a" || r.Number != 4 || r.Status != 429 {
		t.Errorf("the last request: %+v", r)
	}
	f.ok(base+"faults?client=b", &list)
	if r := list.Faults[0]; r.State != markers.FaultNotDone || r.Reason != requests.Unmet {
		t.Errorf("of another client: %+v", r)
	}
	// Another expression knows nothing of it.
	f.ok("/faulty/http.status(at=msn:48,for=segments:1)/faults", &list)
	if r := list.Faults[0]; r.State != markers.FaultNotDone || !strings.HasPrefix(r.Reason, "it was over before the first request") {
		t.Errorf("what was over before the first request: %+v", r)
	}
}

func TestExpressionErrors(t *testing.T) {
	f := expressed(t)
	for expression, want := range map[string]string{
		"http.status(status=200)":                "expression:20: http.status: status: \"200\" is not possible: use 400 to 599",
		"http.cut(at_byte=150pct)":               "expression:18: http.cut: at_byte",
		"playlist.late":                          "expression:1: playlist.late: it shows versions",
		"freeze":                                 "expression:1: do: there is no kind \"freeze\"",
		"http.status;http.moved":                 "expression:13: http.moved overlaps with http.status of line 1",
		"http.status(every=1s,for=30s)":          "expression:1: every: a fault may begin before",
		"http.length(by=0)":                      "expression:1: http.length: by is 0",
		"%20":                                    "expression:1: \" \" is not possible here",
		strings.Repeat("http.status;", 100):      "expression:1001: it has more than 1000 characters",
		"http.delay(time=5s);client=" + "%2e%2f": "expression:29: \"/\" is not possible here",
	} {
		for _, path := range []string{"/hls/main/index.m3u8", "/faults"} {
			w := f.get("/faulty/" + expression + path)
			f.refused(w, http.StatusBadRequest, "expression")
			var p Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || !strings.HasPrefix(p.Detail, want) {
				t.Errorf("%s: %s, want %s", expression, w.Body, want)
			}
		}
	}
	for _, target := range []string{"/faulty/http.status/hls/other/index.m3u8", "/faulty/http.status/hls/main/x.txt", "/faulty/http.status/hls/main/seg-0000000099.ts"} {
		if w := f.get(target); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	f.refused(f.get("/faulty/http.status/faults?state=x"), http.StatusBadRequest, "state")
}

// Expressions that were not used for long are forgotten; a new one is made as well.
func TestManyExpressions(t *testing.T) {
	f := expressed(t)
	const first = "/faulty/http.status(at=msn:49)/"
	f.broken(first + "hls/main/seg-0000000049.ts")
	met := func() int {
		var list faultList
		f.ok(first+"faults", &list)
		return len(list.Faults[0].Requests)
	}
	for n := range 63 {
		f.get(fmt.Sprintf("/faulty/http.mime;seed=%d/hls/main/index.m3u8", n))
	}
	if n := met(); n != 1 {
		t.Errorf("%d requests are known", n)
	}
	for n := range 64 {
		f.get(fmt.Sprintf("/faulty/http.cors;seed=%d/hls/main/index.m3u8", n))
	}
	if n := met(); n != 0 {
		t.Errorf("%d requests are known of what was forgotten", n)
	}
}

// twinFixture has a faulty twin of main with a ready scenario, of which segment newest is the newest.
type twinFixture struct {
	*fixture
	plan   *scenario.Plan
	faulty *delivery.Faulty
	newest atomic.Int64
}

const twinName = "main-delivery"

func (f *twinFixture) Clock() markers.Clock { return testChannel("main").Clock() }
func (f *twinFixture) Newest() int64        { return f.Clock().FirstFrame(f.newest.Load()+1) - 1 }

func (f *twinFixture) Faults(_ context.Context, first, last int64) (list []markers.FaultRecord, _ error) {
	for _, p := range f.plan.Between(first, last) {
		list = append(list, markers.FaultRecord{ID: p.ID, Kind: p.Kind.Name, Layer: string(p.Kind.Layer), Span: f.Clock().Span(p.First, p.Last)})
	}
	f.faulty.Log.Fill(list, "", f.Newest())
	return list, nil
}

func newTwinFixture(t testing.TB) *twinFixture {
	file, err := catalogue.Load("delivery")
	if err != nil {
		t.Fatal(err)
	}
	f := &twinFixture{}
	if f.plan, err = file.Plan(testChannel("main")); err != nil {
		t.Fatal(err)
	}
	f.faulty = &delivery.Faulty{Log: requests.New(f.plan, f.Clock()), Clock: f.Clock(), Newest: f.Newest}
	f.fixture = expressed(t, func(c *Config) {
		c.Now = time.Now
		c.HLSDir = func(string) string { return filepath.Join(f.dir, "main", "hls") } // the twin's files are the same
		c.Faults = func(_ context.Context, name string) (FaultLog, error) {
			if name != twinName {
				return nil, nil
			}
			return f, nil
		}
		c.RequestFaults = func(name string) *delivery.Faulty {
			if name != twinName {
				return nil
			}
			return f.faulty
		}
	})
	return f
}

// The name of a client is carried on by the playlists of a twin, and by nothing else.
func TestClientIsCarriedOn(t *testing.T) {
	f := newTwinFixture(t)
	clean := f.get("/hls/main/index.m3u8").Body.String()
	for target, want := range map[string]string{
		"/hls/main-delivery/index.m3u8":           clean,
		"/hls/main/index.m3u8?client=a":           clean,
		"/hls/main-delivery/index.m3u8?client=a":  strings.NewReplacer(".ts\n", ".ts?client=a\n", ".mp4\"", ".mp4?client=a\"").Replace(clean),
		"/hls/main-delivery/master.m3u8?client=a": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nindex.m3u8?client=a\n",
	} {
		w := f.get(target)
		if got := w.Body.String(); got != want || w.Header().Get("ETag") != delivery.ETag([]byte(want)) {
			t.Errorf("%s: %s", target, got)
		}
	}
	f.refused(f.get("/hls/main-delivery/index.m3u8?client="+url.QueryEscape("a b")), http.StatusBadRequest, "client")
	f.refused(f.get("/faults?channel=main-delivery&client=%00"), http.StatusBadRequest, "client")
}

// viewer is a client that loads the playlist and the segment each time, again where it fails, and notes what it makes of the answers.
type viewer struct {
	name, base string
	http       *http.Client
	met        []string // "fault file number" of each request that a fault has met, by the plan
	files      map[string]int64
	taken      map[string]int64
}

// seen is an answer.
type seen struct {
	status int
	header http.Header
	body   []byte
	length int64
	took   time.Duration
	err    error
}

func (v *viewer) get(target string) (s seen) {
	began := time.Now()
	res, err := v.http.Get(target)
	if err == nil {
		s.status, s.header, s.length = res.StatusCode, res.Header, res.ContentLength
		s.body, err = io.ReadAll(res.Body)
		res.Body.Close()
	}
	s.took, s.err = time.Since(began), err
	return s
}

// due lists the faults that are to meet the next request, by the plan alone.
func (v *viewer) due(plan *scenario.Plan, file string, on scenario.Resource, frame, hop int64) (list []scenario.Fault) {
	v.files[file]++
	for _, f := range plan.At(frame, scenario.LayerRequest) {
		chained := hop > 0 && slices.Contains([]string{"http.redirect", "http.redirect_loop", "http.moved"}, f.Kind.Name)
		if !f.On.Has(on) || !chained && (f.Requests > 0 && v.taken[f.ID] >= f.Requests || !requests.Meets(f, requests.Draw(f, v.name, file, v.files[file]))) {
			continue
		}
		if !chained {
			v.taken[f.ID]++
		}
		v.met = append(v.met, fmt.Sprintf("%s %s %d", f.ID, file, v.files[file]))
		list = append(list, f)
	}
	return list
}

// is reports whether an answer is what a fault makes of a file of so many bytes.
func (s seen) is(f scenario.Fault, clean []byte, hop int64) bool {
	whole := s.err == nil && s.status == 200 && bytes.Equal(s.body, clean)
	half := s.err != nil && bytes.Equal(s.body, clean[:len(clean)/2])
	switch f.Kind.Name {
	case "http.status":
		return s.err == nil && int64(s.status) == f.Params["status"].N
	case "http.delay", "http.stall":
		return whole && s.took == time.Duration(f.Params["time"].N)
	case "http.throttle":
		return whole && s.took == time.Duration(int64(len(clean))*8*1e9/f.Params["rate"].N)
	case "http.cut", "http.reset":
		if f.Params["after"].Text == "nothing" {
			return s.err != nil && s.status == 0
		}
		return half
	case "http.length":
		return errors.Is(s.err, io.ErrUnexpectedEOF) && bytes.Equal(s.body, clean) && s.length == int64(len(clean))+f.Params["by"].N
	case "http.corrupt":
		return s.err == nil && len(s.body) == len(clean) && !bytes.Equal(s.body, clean)
	case "http.mime":
		return whole && s.header.Get("Content-Type") == "text/html"
	case "http.cors":
		return whole && s.header.Get("Access-Control-Allow-Origin") == ""
	case "http.caching":
		return whole && strings.Contains(s.header.Get("Cache-Control"), "max-age=10")
	case "http.redirect", "http.moved", "http.redirect_loop":
		if most := map[string]int64{"http.redirect": f.Params["hops"].N, "http.moved": 1}[f.Kind.Name]; most > 0 && hop == most {
			return whole
		}
		return s.status == 302 && s.header.Get("Location") != ""
	case "http.chunked":
		return whole && s.length == -1
	}
	return false
}

// Fifty clients of the faulty twin, each with a name of its own: every request has the fate that the plan has for that client, and the
// log has the same. The clients of the clean channel meanwhile get all, at once.
func TestManyClients(t *testing.T) {
	const clients, clean, segments = 50, 5, 150
	synctest.Test(t, func(t *testing.T) {
		f := newTwinFixture(t)
		pipes := testnet.NewPipes()
		server := &http.Server{Handler: f.server.Handler(), ReadTimeout: readTimeout, WriteTimeout: writeTimeout}
		// On a connection that was used before, net/http makes a request that is not answered again, by itself.
		transport := &http.Transport{DialContext: pipes.Dial, DisableKeepAlives: true}
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(pipes) })
		var viewers []*viewer
		for n := range clients + clean {
			v := &viewer{name: fmt.Sprint("c", n), base: "http://test/hls/" + twinName + "/", files: map[string]int64{}, taken: map[string]int64{}}
			if n >= clients {
				v.base = "http://test/hls/main/"
			}
			v.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			viewers = append(viewers, v)
		}
		kinds := sync.Map{}
		for msn := range int64(segments) {
			if msn%10 != 0 && len(f.plan.At(f.Clock().FirstFrame(msn), scenario.LayerRequest)) == 0 {
				continue
			}
			f.publishTo(msn + 9)
			f.newest.Store(msn)
			segment := fmt.Sprintf("seg-%010d.ts", msn)
			var all sync.WaitGroup
			for n, v := range viewers {
				all.Go(func() {
					for file, on := range map[string]scenario.Resource{"index.m3u8": scenario.Playlist, segment: scenario.Segment} {
						want, err := os.ReadFile(filepath.Join(f.dir, "main", "hls", file))
						if err != nil {
							t.Error(err)
						}
						next := file + "?client=" + v.name
						if n < clients && on == scenario.Playlist {
							want = bytes.ReplaceAll(bytes.ReplaceAll(want, []byte(".ts\n"), []byte(".ts?client="+v.name+"\n")), []byte(`.mp4"`), []byte(".mp4?client="+v.name+`"`))
						}
						for hop, try := int64(0), 0; try < 6; try++ {
							var due []scenario.Fault
							if n < clients {
								due = v.due(f.plan, file, on, f.Clock().FirstFrame(msn), hop)
							}
							got := v.get(v.base + next)
							for _, fault := range due {
								kinds.Store(fault.Kind.Name, true)
								if !got.is(fault, want, hop) {
									t.Errorf("%s of %s, with %s: %d, %d bytes in %v, error %v", file, v.name, fault.ID, got.status, len(got.body), got.took, got.err)
								}
							}
							ok := got.err == nil && got.status == 200
							if len(due) == 0 && (!ok || !bytes.Equal(got.body, want) || got.took != 0 || got.header.Get("Access-Control-Allow-Origin") != "*") {
								t.Errorf("%s of %s, without a fault: %d, %d bytes in %v, error %v", file, v.name, got.status, len(got.body), got.took, got.err)
							}
							if ok {
								break
							}
							if to := got.header.Get("Location"); to != "" {
								next = to
								hop = min(hop+1, 100)
								if strings.Contains(to, "hop=1") {
									hop = 1
								}
							}
						}
					}
				})
			}
			all.Wait()
		}
		for _, v := range viewers[:clients] {
			var list faultList
			f.ok(fmt.Sprintf("/faults?channel=%s&client=%s&from=0&to=%d", twinName, v.name, f.Newest()), &list)
			var logged []string
			for _, r := range list.Faults {
				for _, q := range r.Requests {
					logged = append(logged, fmt.Sprintf("%s %s %d", r.ID, q.File, q.Number))
				}
				if (r.State == markers.FaultDone) != (len(r.Requests) > 0) {
					t.Errorf("%s of %s is %s, with %d requests", r.ID, v.name, r.State, len(r.Requests))
				}
			}
			slices.Sort(logged)
			if slices.Sort(v.met); !slices.Equal(logged, v.met) {
				t.Errorf("the log of %s has %q, want %q", v.name, logged, v.met)
			}
		}
		for _, k := range requests.Kinds() {
			if _, ok := kinds.Load(k.Name); !ok {
				t.Errorf("%s has met nobody", k.Name)
			}
		}
		transport.CloseIdleConnections()
		server.Close()
		serving.Wait()
	})
}

// A fault through the whole server: the headers of all answers, the metrics, and the stop, which ends what is held back.
func TestFaultyServer(t *testing.T) {
	f := expressed(t, func(c *Config) { c.Now = time.Now })
	server := httptest.NewServer(f.server.Handler())
	defer server.Close()
	get := func(expression string) (*http.Response, error) {
		return http.Get(server.URL + "/faulty/" + expression + "/hls/main/seg-0000000049.ts")
	}
	res, err := get("http.cut(at_byte=10)")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if res.Body.Close(); len(b) != 10 || !errors.Is(err, io.ErrUnexpectedEOF) || res.ContentLength != 1700 || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d bytes, error %v, %v", len(b), err, res.Header)
	}
	if _, err := get("http.reset(after=nothing)"); err == nil {
		t.Error("there is an answer")
	}
	if res, err = get("http.stall(time=1h,at_byte=5)"); err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadFull(res.Body, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	f.server.stop()
	if _, err := res.Body.Read(make([]byte, 1)); err == nil {
		t.Error("the answer continues")
	}
	f.server.running.Wait()
	if len(f.server.held) != 0 {
		t.Error("a place is still taken")
	}
}
