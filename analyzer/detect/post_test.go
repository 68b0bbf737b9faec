package detect

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/refstream/refstream/internal/testnet"
)

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
	var log bytes.Buffer
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
	if err := p.run(t.Context()); err == nil || !strings.Contains(err.Error(), "401 Unauthorized: the token is wrong") {
		t.Errorf("refused: %v", err)
	}
	const at = "/detections?channel=main Bearer secret "
	if want := at + strings.Join([]string{"1", "1", "2", "2", "3"}, "\n"+at); strings.Join(got, "\n") != want {
		t.Errorf("posted\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	if n := strings.Count(log.String(), "again in"); n != 2 {
		t.Errorf("the log says %q", log.String())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	away, err := newPoster("http://"+testnet.FreeTCP(t), "", "", &log)
	if err != nil {
		t.Fatal(err)
	}
	if err := away.add(t.Context(), []byte("1")); err != nil {
		t.Fatal(err)
	}
	away.end()
	away.grace = 0
	if err := away.run(ctx); err == nil || !strings.Contains(err.Error(), "given up") {
		t.Errorf("nobody there: %v", err)
	}
}
