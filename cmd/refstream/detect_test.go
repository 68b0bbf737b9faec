package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
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
