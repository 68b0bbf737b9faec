package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"gopkg.in/yaml.v3"

	"github.com/refstream/refstream/api"
	"github.com/refstream/refstream/clips"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/redis"
	"github.com/refstream/refstream/markers/storetest"
	"github.com/refstream/refstream/static"
)

// goldenStore is a Redis that holds ten frames, the marker and the channel of the golden files of generate, and records of
// the kinds that files don't have.
func goldenStore(t *testing.T) (*redis.Store, *goredis.Client, markers.Channel) {
	t.Helper()
	server := storetest.StartRedis(t)
	store, err := redis.Open(t.Context(), redis.Options{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	options, err := goredis.ParseURL(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	raw := goredis.NewClient(options)
	t.Cleanup(func() { raw.Close() })

	var info clips.Truth
	text, err := os.ReadFile(goldenFile("generate/truth.json"))
	if err = errors.Join(err, json.Unmarshal(text, &info)); err != nil {
		t.Fatal(err)
	}
	k := info.Channel.Clock()
	b := markers.Batch{
		Frames:  readLines[markers.FrameRecord](t, goldenFile("generate/frames.jsonl"))[22:32],
		Markers: readLines[markers.Marker](t, goldenFile("generate/markers.jsonl")),
		Missing: []markers.MissingRecord{
			{Frame: 1802, LastFrame: 1803, Reason: markers.ReasonEncoder, Detail: "exit status 1", At: k.UTC(1804)},
			{Frame: 1810, LastFrame: 1829, Reason: markers.ReasonSkipped, At: k.UTC(1830)},
		},
		Segments: []markers.SegmentRecord{
			{MSN: 59, FirstFrame: 1770, LastFrame: 1799, Bytes: 123456, PublishedAt: k.UTC(1800), URI: "seg-0000000059.ts"},
			{MSN: 60, FirstFrame: 1800, LastFrame: 1809, Bytes: 1 << 40, PublishedAt: k.UTC(1830), URI: "seg-0000000060.ts",
				Discontinuity: true, DiscontinuitySequence: 1},
		},
		Faults: []markers.FaultRecord{{ID: "x-1", Kind: "ts.tei", Layer: "packets", Source: info.Channel.Name, Channel: info.Channel.Name + "-outage",
			Span: k.Span(1795, 1796), PTS: k.PTS(1795), EndPTS: k.PTS(1797), UTC: k.UTC(1795), EndUTC: k.UTC(1797), MSN: 59, LastMSN: 59,
			State: markers.FaultDone, Done: []markers.Span{k.Span(1795, 1796)}, Place: markers.ID{Frame: 1799, Sub: 1}}},
		Triggers: []markers.Trigger{{Frame: 1820, LastFrame: 1825, Text: "now, \"é\" <b>"}},
		Detections: []markers.Detection{{Place: markers.ID{Frame: 1801, Sub: 1}, Source: "mine", Time: k.Time(1795), EndTime: k.Time(1796),
			Frame: 1795, LastFrame: 1796, Confidence: "0.75", Text: "seen, \"é\" <b>", Received: k.UTC(1803)}},
	}
	if err := errors.Join(store.PutChannel(t.Context(), info.Channel), store.Append(t.Context(), info.Channel.Name, b)); err != nil {
		t.Fatal(err)
	}
	return store, raw, info.Channel
}

// goldenRedis lists every key with its type, whether it expires, and its entries.
func goldenRedis(t *testing.T) {
	_, raw, _ := goldenStore(t)
	ctx := t.Context()
	keys, err := raw.Keys(ctx, "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	var b strings.Builder
	for _, key := range keys {
		kind, ttl := raw.Type(ctx, key).Val(), raw.TTL(ctx, key).Val()
		fmt.Fprintf(&b, "%s: %s, expires %t\n", key, kind, ttl >= 0)
		switch kind {
		case "stream":
			for _, entry := range raw.XRange(ctx, key, "-", "+").Val() {
				for _, name := range slices.Sorted(maps.Keys(entry.Values)) {
					fmt.Fprintf(&b, "%s %s %s %s\n", key, entry.ID, name, entry.Values[name])
				}
			}
		case "set":
			fmt.Fprintf(&b, "%s %q\n", key, raw.SMembers(ctx, key).Val())
		case "string":
			fmt.Fprintf(&b, "%s %s\n", key, raw.Get(ctx, key).Val())
		default:
			t.Errorf("%s is a %s: list here what it holds", key, kind)
		}
	}
	golden(t, "redis.txt", b.String())
}

// ask is one request of the golden list. header is name, value, name, value...
type ask struct {
	method, target, body string
	header               []string
}

func get(target string, header ...string) ask { return ask{http.MethodGet, target, "", header} }

// goldenAsks has every path and method of the API with its parameters, and the plain ways to go wrong.
func goldenAsks() []ask {
	trigger := []string{"X-Refstream", "trigger", "Content-Type", "application/json"}
	return []ask{
		get("/markers"),
		get("/markers?channel=main&ts_start=59&ts_end=61.5&kind=scheduled&limit=1&order=desc&format=json"),
		get("/markers?format=ndjson"), get("/markers?format=csv"), get("/markers?format=vtt"),
		get("/markers", "Accept", "text/csv"), get("/markers", "Accept", "image/png"), get("/markers", "If-None-Match", "*"),
		get("/markers?channel=other"), get("/markers?ts_start=x"), get("/markers?no_such=1"),
		{http.MethodDelete, "/markers", "", nil},
		{http.MethodPost, "/markers?channel=main", `{"text":"now","length_frames":3}`, trigger},
		{http.MethodPost, "/markers", `{}`, trigger[2:]},
		{http.MethodPost, "/markers", `{"length_frames":0}`, trigger},
		{http.MethodPost, "/markers", `{}`, trigger[:2]},
		{http.MethodPost, "/markers", `{"length_frames":17000}`, trigger},
		get("/markers/stream?channel=main&ts_start=0"), get("/markers/stream?last_event_id=1-1"),
		get("/markers/stream", "Last-Event-ID", "1-1"), get("/markers/stream?channel=other"), get("/markers/stream?ts_start=x"),
		{http.MethodPost, "/score?channel=main&clock=time&tolerance=1&offset=0.1&ts_start=0&ts_end=90", `[59.8, 70]`, trigger[2:]},
		{http.MethodPost, "/score", "{\"frame\":1794}\n", []string{"Content-Type", "application/x-ndjson"}},
		{http.MethodPost, "/score", "time\n60\n", []string{"Content-Type", "text/csv"}},
		{http.MethodPost, "/score", "[]", []string{"Content-Type", "text/plain"}},
		{http.MethodPost, "/score", "[", trigger[2:]},
		get("/detections"),
		get("/detections?channel=main&source=mine&ts_start=59&ts_end=61.5&limit=1&order=desc&format=json"),
		get("/detections?format=ndjson"), get("/detections?format=csv"), get("/detections?format=vtt"), get("/detections?no_such=1"),
		get("/detections/stream?channel=main&source=mine&ts_start=0"), get("/detections/stream?ts_start=x"),
		get("/score?channel=main&source=mine&tolerance=1&offset=0.1&ts_start=0&ts_end=90"), get("/score"), get("/score?source=other"),
		{http.MethodPost, "/detections?channel=main", `{"source":"mine","pts":5481000,"end":5490000,"confidence":1,"text":"x"}`, trigger},
		{http.MethodPost, "/detections", `[{"source":"mine","frame":1},{"source":"mine","time":2},{"source":"mine","utc":"2026-12-31T23:59:03Z"}]`, trigger},
		{http.MethodPost, "/detections", `{"source":"mine"}`, trigger}, {http.MethodPost, "/detections", `{}`, trigger[2:]},
		get("/frames"), get("/frames?channel=main&from=1793&to=1802&limit=2"), get("/frames?from=2&to=1"),
		get("/frames/1794?channel=main"), get("/frames/1802"), get("/frames/5"), get("/frames/x"),
		get("/markers?rendition=160x90"), get("/markers?rendition=1x1"), get("/markers/stream?rendition=1x1"),
		get("/frames?rendition=160x90&from=1793&to=1794"), get("/frames?rendition=1x1"), get("/frames/1794?rendition=160x90"),
		get("/frames/1794.png?rendition=160x90"),
		get("/frames/1794.png?channel=main"), get("/frames/x.png"), get("/audio/59.wav?channel=main"), get("/audio/x.wav"),
		get("/segments"), get("/segments?channel=main&from=60&to=61&limit=1"), get("/segments?limit=0"),
		get("/faults?channel=main-outage"), get("/faults?channel=main-outage&from=1700&to=1900&state=planned&format=ndjson"),
		get("/faults"), get("/faults?channel=main-outage&from=2&to=1"), get("/faults?channel=main-outage&from=0&to=9000000"),
		get("/faults?channel=main-outage&state=x"), get("/faults?channel=main-outage&from=1700&to=1900&limit=1"),
		get("/faults?channel=main-outage&after=1830&from=1700&to=1900&limit=1"),
		{http.MethodPost, "/faults", `{"channel":"main-outage","do":"ts.tei","for":{"frames":3}}`, trigger}, {http.MethodPost, "/faults", `{"channel":"main-outage","do":"ts.none"}`, trigger},
		{http.MethodPost, "/faults", `{"channel":"main-outage","do":"ts.tei","every":"1s"}`, trigger}, {http.MethodPost, "/faults", `{"do":"ts.tei"}`, trigger},
		{http.MethodDelete, "/faults/ts.lose?channel=main-outage", "", trigger[:2]},
		{http.MethodDelete, "/faults/ts.lose?channel=main", "", trigger[:2]}, {http.MethodDelete, "/faults/ts.lose?channel=main-outage", "", nil},
		get("/faults?channel=main-outage&from=1700&to=1900&format=csv"), get("/faults/stream?from=x"), get("/faults/stream?channel=main-outage&from=1700"),
		get("/clocks"), get("/clocks?channel=main"), get("/channels"), get("/channels?no_such=1"),
		get("/hls/main/index.m3u8"), get("/hls/main/master.m3u8"), get("/hls/main/seg-0000000059.ts"),
		get("/hls/main/seg-0000000059.ts", "Range", "bytes=1-2"), get("/hls/main/seg-0000000059.ts", "Range", "bytes=9-"),
		get("/hls/main/seg-0.ts"), get("/hls/other/index.m3u8"),
		get("/dash/main/manifest.mpd"), get("/dash/other/manifest.mpd"), get("/faulty/playlist.comments(at=0s,for=100h);client=a/dash/main/manifest.mpd"),
		get("/time"), get("/time?channel=main"), get("/time?channel=other"), get("/faulty/playlist.comments(at=0s,for=100h);client=a/time?channel=main"),
		get("/faulty/http.mime(type=text.plain)/hls/main/index.m3u8"), get("/faulty/playlist.comments(at=0s,for=100h);client=a/hls/main/index.m3u8"),
		get("/faulty/http.cut(at=msn:70,for=requests:2,at_byte=10pct)/faults?channel=main&to=3000"), get("/faulty/http.cut(at=msn:70)/faults?client=a%20b"),
		get("/live/main.ts"), get("/live/other.flv"), get("/live/main.mkv"),
		get("/healthz"), get("/readyz"), get("/metrics"), get("/openapi.yaml"), get("/openapi.json"), get("/docs"), get("/"), get("/no/such/path"),
	}
}

// goldenAPI asks a server whose clock stands still, so that its answers are the same for ever.
func goldenAPI(t *testing.T) {
	store, _, ch := goldenStore(t)
	dir := t.TempDir()
	for name, text := range map[string]string{"index.m3u8": "#EXTM3U\n", "master.m3u8": "#EXTM3U\n", "manifest.mpd": "<MPD/>\n", "seg-0000000059.ts": "12345678"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	config := api.Config{
		Store: store, Page: static.Handler(), Version: "1.2.3", Now: func() time.Time { return ch.Clock().UTC(1804) },
		HLSDir: func(channel string) string { return map[string]string{"main": dir}[channel] },
	}
	config.Faults = goldenFaults(t, ch)
	url := serveAPI(t, config)
	doc := readOpenAPI(t)
	answered := map[string]bool{}
	var b strings.Builder
	for _, a := range goldenAsks() {
		status := a.write(t, &b, url)
		path := doc.path(a)
		if status >= 300 {
			continue
		}
		if path == "" {
			t.Errorf("%s %s: status %d, but openapi.yaml does not have it", a.method, a.target, status)
		}
		answered[a.method+" "+path] = true
		head := ask{http.MethodHead, a.target, "", a.header}
		if a.method == http.MethodGet && doc.path(head) == path {
			if status := head.write(t, io.Discard, url); status < 300 {
				answered[http.MethodHead+" "+path] = true
				fmt.Fprintf(&b, "HEAD %s: %d\n", a.target, status)
			}
		}
	}
	for path, item := range doc.Paths {
		for method := range item {
			name := strings.ToUpper(method) + " " + path
			// Live streams need a running generator: see goldenServe. The channel has no sound, which the tests of api have.
			if method != "parameters" && path != "/live/{file}" && path != "/audio/{n}.wav" && !answered[name] {
				t.Errorf("openapi.yaml has %s: goldenAsks does not, or without success", name)
			}
		}
	}
	golden(t, "api.txt", b.String())

	b.Reset()
	config.Token, config.CORSOrigins = "secret", []string{"https://example.org"}
	config.Ready = func(context.Context) error { return errors.New("a reason") }
	url = serveAPI(t, config)
	for _, a := range []ask{
		{http.MethodPost, "/markers", "{}", []string{"Content-Type", "application/json"}},
		{http.MethodPost, "/markers", "{}", []string{"Content-Type", "application/json", "Authorization", "Bearer wrong"}},
		{http.MethodPost, "/markers", "{}", []string{"Content-Type", "application/json", "Authorization", "Bearer secret"}},
		{http.MethodOptions, "/markers", "", []string{"Origin", "https://example.org", "Access-Control-Request-Method", "POST"}},
		get("/channels", "Origin", "https://example.org"), get("/channels", "Origin", "https://example.com"),
		get("/readyz"),
	} {
		a.write(t, &b, url)
	}
	golden(t, "api-access.txt", b.String())
}

func serveAPI(t *testing.T, config api.Config) (url string) {
	t.Helper()
	server, err := api.New(config)
	if err != nil {
		t.Fatal(err)
	}
	ts := httptest.NewServer(server.Handler())
	t.Cleanup(ts.Close)
	return ts.URL
}

// openAPI is what the test reads of openapi.yaml: operations by method, which is in lower case, by path.
type openAPI struct {
	Paths map[string]map[string]any
}

func readOpenAPI(t *testing.T) (doc openAPI) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "api", "openapi.yaml"))
	if err = errors.Join(err, yaml.Unmarshal(text, &doc)); err != nil {
		t.Fatal(err)
	}
	return doc
}

// path is the one that a request asks for, empty where the document has none with its method.
func (d openAPI) path(a ask) (best string) {
	target, _, _ := strings.Cut(a.target, "?")
	for path, item := range d.Paths {
		pattern := regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(path), "[^/]+")
		// /frames/5.png is /frames/{n}.png, not /frames/{n}.
		if item[strings.ToLower(a.method)] != nil && len(path) > len(best) && regexp.MustCompile("^"+pattern+"$").MatchString(target) {
			best = path
		}
	}
	return best
}

// unlisted are headers that no client of the API reads, or that differ from run to run.
var unlisted = []string{"Date", "Content-Length", "Last-Modified", "Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options"}

// write makes the request and writes status, headers and body, every line with the request before it.
func (a ask) write(t *testing.T, w io.Writer, url string) (status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, a.method, url+a.target, strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	name := a.method + " " + a.target
	for i := 0; i < len(a.header); i += 2 {
		r.Header.Set(a.header[i], a.header[i+1])
		name += fmt.Sprintf(" (%s: %s)", a.header[i], a.header[i+1])
	}
	if a.body != "" {
		name += " " + strings.ReplaceAll(a.body, "\n", `\n`)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	fmt.Fprintf(w, "%s: %d\n", name, res.StatusCode)
	for _, key := range slices.Sorted(maps.Keys(res.Header)) {
		value := strings.Join(res.Header.Values(key), ", ")
		if key == "Etag" {
			value = "…"
		}
		if !slices.Contains(unlisted, key) {
			fmt.Fprintf(w, "%s: %s: %s\n", name, key, value)
		}
	}
	media, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	if a.target == "/openapi.json" { // it grows as openapi.yaml does
		return res.StatusCode
	}
	switch media {
	case "application/json", "application/problem+json", "application/x-ndjson", "text/csv", "text/vtt", "text/event-stream":
	default: // pictures, the page, files: not for this list
		return res.StatusCode
	}
	masks := []mask{{`"generator":"[0-9a-f]{16}"`, `"generator":"…"`}} // drawn for each data directory
	if media == "application/problem+json" {
		masks = []mask{{`"detail":"(\\.|[^"\\])+"`, `"detail":"…"`}} // for people: its wording may get better
	}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		fmt.Fprintf(w, "%s: %s\n", name, applied(masks, lines.Text()))
		if media == "text/event-stream" && strings.HasPrefix(lines.Text(), "data:") {
			break // the rest is without end
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return res.StatusCode
}

// goldenServe asks the program itself, with its encoder and its stores, for what only it has: live streams, outputs and
// the names of metrics.
func goldenServe(t *testing.T) {
	addr := freeAddr(t)
	args := []string{"serve", "--addr", addr, "--data", t.TempDir(), "--redis", storetest.StartRedis(t).URL,
		"--epoch", "2026-01-01T00:00:00Z", "--seed", "1", "--size", "160x90"}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	var log strings.Builder
	go func() { ended <- run(ctx, args, io.Discard, &log) }()
	await(t, "the server answers", time.Minute, func() bool {
		select {
		case err := <-ended:
			t.Fatalf("serve ended: %v\n%s", err, log.String())
		default:
		}
		res, err := http.Get("http://" + addr + "/healthz")
		if err == nil {
			res.Body.Close()
		}
		return err == nil
	})
	var b strings.Builder
	for _, a := range []ask{
		get("/channels"), get("/live/main.ts"), get("/live/main.flv"), {http.MethodHead, "/live/main.ts", "", nil},
	} {
		a.write(t, &b, "http://"+addr)
	}
	res, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	b.WriteString(metricNames(string(text)))
	stop()
	if err := <-ended; err != nil {
		t.Errorf("serve: %v\n%s", err, log.String())
	}
	golden(t, "serve.txt", b.String())
}

// metricNames lists the program's own metrics with their types and labels. Values of labels are left out where they
// depend on what was asked (those of requests) or are numbers (the bounds of histograms).
func metricNames(text string) string {
	var list []string
	asked := regexp.MustCompile(`(route|method|status|le)="[^"]*"`)
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "# TYPE refstream_") {
			list = append(list, strings.TrimPrefix(line, "# TYPE "))
		} else if strings.HasPrefix(line, "refstream_") {
			name := asked.ReplaceAllString(line[:strings.LastIndexByte(line, ' ')], "$1") + "\n"
			if !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	return strings.Join(list, "")
}
