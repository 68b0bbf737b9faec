package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refstream/refstream/delivery"
	"github.com/refstream/refstream/faults/catalogue"
	"github.com/refstream/refstream/faults/requests"
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

// The faults of a day are read in parts: each is there once, in order, also one that two parts have.
func TestExpressionPages(t *testing.T) {
	f := expressed(t)
	next, numbers := "faults?from=3000&to=2589000&limit=700", map[string]int{"a": 0, "b": 0}
	for next != "" {
		var page faultList
		f.ok("/faulty/http.mime(id=a,at=3590s,every=3600s,for=20s);http.cut(id=b,at=200s,every=60s)/"+next, &page)
		for _, r := range page.Faults {
			name, number, _ := strings.Cut(r.ID, "-")
			if numbers[name]++; number != strconv.Itoa(numbers[name]) {
				t.Fatalf("%s comes after number %d", r.ID, numbers[name]-1)
			}
		}
		next = page.Next
	}
	if numbers["a"] != 23 || numbers["b"] != 1437 {
		t.Errorf("there are %v faults", numbers)
	}
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
	// Another expression does not have it.
	f.ok("/faulty/http.status(at=msn:48,for=segments:1)/faults", &list)
	if r := list.Faults[0]; r.State != markers.FaultNotDone || !strings.HasPrefix(r.Reason, "it was over before the first request") {
		t.Errorf("what was over before the first request: %+v", r)
	}
}

// An expression on a twin is refused, with what to do.
func TestExpressionOnTwin(t *testing.T) {
	f, _ := withFaults(t)
	for _, target := range []string{"/faulty/http.status/hls/main-outage/index.m3u8", "/faulty/http.status/faults?channel=main-outage"} {
		w := f.get(target)
		f.refused(w, 400, "channel")
		if !strings.Contains(w.Body.String(), "use main, or add faults to the twin with POST /faults") {
			t.Errorf("%s: %s", target, w.Body)
		}
	}
	f.refused(f.get("/faulty/http.status/hls/none/index.m3u8"), 404, "")
}

func TestExpressionErrors(t *testing.T) {
	f := expressed(t)
	for expression, want := range map[string]string{
		"http.status(status=200)":                "expression:20: http.status: status: \"200\" is not possible: use 400 to 599",
		"http.cut(at_byte=150pct)":               "expression:18: http.cut: at_byte",
		"playlist.late":                          "expression:1: playlist.late: it shows versions",
		"freeze":                                 "expression:1: an expression has no kind \"freeze\": use one of the layers",
		"http.status;http.moved":                 "expression:13: http.moved overlaps with http.status of character 1",
		"http.mime;http.mime":                    "expression:11: the fault of character 1 is \"http.mime\" too",
		"client=a":                               "expression:1: there is no fault: write one",
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
	f.faulty = &delivery.Faulty{Log: requests.New(f.plan, f.Clock(), 10_000), Clock: f.Clock(), Newest: f.Newest}
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
