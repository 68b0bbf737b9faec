package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/refstream/refstream/analyzer/verify/score"
	"github.com/refstream/refstream/markers"
)

// A detector that has nothing but the pixels watches the live stream and posts, and the server scores it: it found every event
// between its first and its last, and nothing else.
func TestDetectClosesTheLoop(t *testing.T) {
	t.Parallel()
	s := start(t, "--data", filepath.Join(t.TempDir(), "data"), "--size", "160x90", "--bitrate", "300k", "--seed", "1",
		"--event-every", "1500ms", "--event-length", "300ms")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	var out, log printed
	go func() {
		ended <- run(ctx, []string{"detect", s.url + "/live/main.ts", "--post", s.url, "--source", "pixels"}, &out, &log)
	}()
	var r score.Report
	s.await("five events are posted", limit, func() bool {
		list, err := s.try("/detections?source=pixels")
		if err != nil {
			return false
		}
		found := parseLines[struct{ Detections []markers.Detection }](t, list)[0].Detections
		if len(found) < 5 {
			return false
		}
		r = getJSON[score.Report](s, fmt.Sprintf("/score?source=pixels&ts_start=%s&ts_end=%s", found[0].Time-1, found[len(found)-1].Time))
		return r.Markers > 0
	})
	if r.Matched < 5 || r.Precision == nil || *r.Precision != 1 || *r.Recall != 1 || *r.Max != 0 {
		t.Errorf("the score is %+v\n%s", r, out.String())
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("detect: %v\n%s", err, log.String())
	}
	if n := strings.Count(out.String(), "event, frame"); n < r.Matched {
		t.Errorf("it printed %d of %d events:\n%s", n, r.Matched, out.String())
	}
}

// A post is repeated where that may help, in the same order, and the command ends where it is refused.
func TestDetectionsArePosted(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []string
	answers := []int{http.StatusServiceUnavailable, http.StatusCreated, http.StatusTooManyRequests, http.StatusCreated, http.StatusUnauthorized}
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body := make([]byte, 64)
		n, _ := r.Body.Read(body)
		got = append(got, fmt.Sprintf("%s %s %s", r.URL, r.Header.Get("Authorization"), body[:n]))
		status := answers[0]
		answers = answers[1:]
		w.WriteHeader(status)
		if status == http.StatusUnauthorized {
			_, _ = w.Write([]byte(`{"detail":"the token is wrong"}`))
		}
	}))
	defer ts.Close()
	var log printed
	p, err := newPoster(ts.URL, "main", "secret", &log)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"1", "2", "3", "4"} {
		if err := p.add(t.Context(), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	p.end()
	if err := p.run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "401 Unauthorized: the token is wrong") {
		t.Errorf("refused: %v", err)
	}
	const at = "/detections?channel=main Bearer secret "
	if want := at + strings.Join([]string{"1", "1", "2", "2", "3"}, "\n"+at); strings.Join(got, "\n") != want {
		t.Errorf("posted\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	if n := strings.Count(log.String(), "again in"); n != 2 {
		t.Errorf("the log says %q", log.String())
	}
	stopped := make(chan struct{})
	close(stopped)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	away, err := newPoster("http://"+freeAddr(t), "", "", &log)
	if err != nil {
		t.Fatal(err)
	}
	if err := away.add(t.Context(), []byte("1")); err != nil {
		t.Fatal(err)
	}
	away.end()
	if err := away.run(ctx, stopped); err == nil || !strings.Contains(err.Error(), "given up") {
		t.Errorf("nobody there: %v", err)
	}
}

func TestDetectWrongUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{}, {"a.ts", "b.ts"}, {"none.ts"}, {"a.ts", "--source", "a/b"}, {"a.ts", "--clock", "utc"}, {"a.ts", "--duration", "-1s"},
		{"a.ts", "--post", "127.0.0.1:8080"},
	} {
		if _, errs, code := refstream(t, append([]string{"detect"}, args...)...); code == 0 || errs == "" {
			t.Errorf("%q: exit code %d, %q", args, code, errs)
		}
	}
}
