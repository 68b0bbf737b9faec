package replay

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/internal/testnet"
	"github.com/refstream/refstream/recorder"
)

// troubled is a live origin with trouble: late and missing playlists, segments that come late, slowly, in part or never.
type troubled struct {
	start time.Time
	ts    []byte
}

// step is how long a segment is; so much of its data is in each.
const step = 500 * ms

func (o *troubled) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := time.Since(o.start)
	n := int(at/step) + 10
	var number int
	_, _ = fmt.Sscanf(filepath.Base(r.URL.Path), "%d.ts", &number)
	switch name := r.URL.Path; {
	case name == "/main.m3u8":
		http.Redirect(w, r, "/moved/main.m3u8?session=1", http.StatusFound)
	case name == "/moved/main.m3u8":
		io.WriteString(w, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/a/i.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nhttp://"+
			strings.Replace(r.Host, "127.0.0.1", "localhost", 1)+"/b/i.m3u8\n")
	case name == "/b/i.m3u8" && at > 1500*ms && at < 2200*ms:
		w.WriteHeader(http.StatusNotFound)
	case strings.HasSuffix(name, "i.m3u8"):
		if name == "/a/i.m3u8" && at > 3*time.Second && at < 3800*ms {
			select {
			case <-time.After(3800*ms - at):
			case <-r.Context().Done():
			}
		}
		w.Header().Set("X-Number", fmt.Sprint(n))
		b := fmt.Sprintf("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:%d\n", n-4)
		for i := n - 4; i <= n; i++ {
			b += fmt.Sprintf("#EXTINF:0.5,\n%d.ts\n", i)
		}
		io.WriteString(w, b)
	case number%7 == 3:
		w.WriteHeader(http.StatusGone)
		io.WriteString(w, "gone")
	case number%7 == 5:
		w.Header().Set("Content-Length", fmt.Sprint(len(o.ts)))
		w.Write(o.ts[:len(o.ts)/2])
		hangUp(r.Context(), w, true)
	default:
		w.Write(o.ts)
		fmt.Fprintf(w, "%s", r.URL.Path)
	}
}

// poll is how often the recorder asks.
const poll = 25 * ms

// seen is a version of a playlist in a session.
type seen struct {
	text string
	at   time.Duration
}

// versionsOf are the versions of the playlist whose address ends so.
func versionsOf(t *testing.T, s *recorder.Session, suffix string) []seen {
	t.Helper()
	lists, err := s.Playlists(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var list []seen
	for _, p := range lists {
		if u, err := url.Parse(p.URL); err != nil || !strings.HasSuffix(u.Path, suffix) {
			continue
		}
		for v, err := range s.Versions(t.Context(), p.ID) {
			if err != nil {
				t.Fatal(err)
			}
			b, err := s.Body(t.Context(), v.Body)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, seen{string(b), v.Seen})
		}
	}
	return list
}

// outcomes writes down what came of each segment: the statuses of its attempts and the last body.
func outcomes(t *testing.T, s *recorder.Session) map[string]string {
	t.Helper()
	found := map[string]string{}
	for e, err := range s.Exchanges(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Resource != hlsclient.ResourceSegment {
			continue
		}
		b, err := s.Body(t.Context(), e.Body)
		if err != nil {
			t.Fatal(err)
		}
		found[e.URL[len(e.URL)-len("a/10.ts"):]] += fmt.Sprintf("%d %v %x; ", e.Status, e.Error != "", len(b))
	}
	return found
}

// TestAgain records a live stream with trouble, and its replay, which come out the same: all versions with the intervals
// between them, and what came of each segment. All of it is in a bubble, so that the only differences are the replay's.
func TestAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &troubled{start: time.Now(), ts: bytes.Repeat([]byte("refstream"), 20_000)}
		const long = 6 * time.Second
		s := piped(t, func(ctx context.Context, l net.Listener) {
			server := &http.Server{Handler: o}
			defer context.AfterFunc(ctx, func() { server.Close() })()
			_ = server.Serve(l)
		}, recorder.Options{URL: "http://127.0.0.1:8080/main.m3u8", Duration: long, Poll: poll})
		player, err := New(t.Context(), s, Options{Wait: true, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(player.Paths(), " "); !strings.Contains(got, "/_origin/http/localhost:8080/") || !strings.Contains(got, "/a/i.m3u8") {
			t.Errorf("paths %s", got)
		}
		again := piped(t, func(ctx context.Context, l net.Listener) { _ = player.Serve(ctx, l) },
			recorder.Options{URL: "http://replay/main.m3u8", Duration: long, Poll: poll})
		for _, name := range []string{"/a/i.m3u8", "/b/i.m3u8"} {
			a, b := versionsOf(t, s, name), versionsOf(t, again, name)
			// The last may have come when the one or the other had ended.
			if len(a) < 10 || len(b) < len(a)-1 || len(b) > len(a)+1 {
				t.Fatalf("%s: %d versions, and %d of the replay", name, len(a), len(b))
			}
			for i := range min(len(a), len(b)) {
				if a[i].text != b[i].text {
					t.Errorf("%s: version %d is\n%s and was\n%s", name, i, b[i].text, a[i].text)
				}
				if i < 2 { // the first is there from the beginning
					continue
				}
				// Both ends of both intervals are only known as well as the recorders ask.
				if was, is := a[i].at-a[i-1].at, b[i].at-b[i-1].at; (is - was).Abs() > 2*poll {
					t.Errorf("%s: version %d came after %v, and %v in the replay", name, i, was, is)
				}
			}
		}
		compareOutcomes(t, outcomes(t, s), outcomes(t, again))
	})
}

// piped records from a server without a network, and opens the session.
func piped(t *testing.T, serve func(context.Context, net.Listener), o recorder.Options) *recorder.Session {
	t.Helper()
	l := testnet.NewPipes()
	ctx, stop := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	serving.Go(func() { serve(ctx, l) })
	defer serving.Wait()
	defer stop()
	// A request that fails on a connection used before would be repeated by the transport, behind the recorder's back.
	o.HTTP = &http.Client{Transport: &http.Transport{DialContext: l.Dial, DisableKeepAlives: true, DisableCompression: true}}
	return record(t, o)
}

func compareOutcomes(t *testing.T, was, is map[string]string) {
	t.Helper()
	bad := 0
	for name, what := range was {
		if got, ok := is[name]; ok && got != what && !strings.HasPrefix(what, got) && !strings.HasPrefix(got, what) {
			t.Errorf("%s: %s, and %s in the replay", name, what, got)
		}
		if strings.Contains(what, "true") {
			bad++
		}
	}
	if bad < 4 || len(is) < len(was)-4 {
		t.Errorf("%d segments, %d of them bad, and %d in the replay", len(was), bad, len(is))
	}
}
