package api

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/journal"
	"github.com/refstream/refstream/static"
)

// TestWithTheEmbeddedStore goes once around with the real store and the real page: trigger, marker, event stream, list.
func TestWithTheEmbeddedStore(t *testing.T) {
	dir := t.TempDir()
	j, err := journal.Open(journal.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	f := newFixture(t, func(c *Config) {
		c.Store, c.Page = j, static.Handler()
		c.HLSDir = func(channel string) string { return filepath.Join(dir, channel, "hls") }
	})
	ctx := context.Background()
	if w := f.get("/readyz"); w.Code != 503 {
		t.Errorf("ready without a channel: %s", w.Body)
	}
	if err := j.PutChannel(ctx, testChannel("main")); err != nil {
		t.Fatal(err)
	}
	if w := f.get("/readyz"); w.Code != 200 {
		t.Errorf("not ready: %s", w.Body)
	}
	if err := j.Append(ctx, "main", markers.Batch{Frames: frames(2900, 2990)}); err != nil {
		t.Fatal(err)
	}
	first, second := f.planned(`{"text":"one"}`), f.planned(`{"text":"two"}`)
	if second.Frame < first.LastFrame+2 {
		t.Errorf("planned at %d, after an event up to %d", second.Frame, first.LastFrame)
	}
	s := follow(t, f.serve(t), "")
	if _, ok := s.next(); !ok {
		t.Fatal("the stream ended")
	}
	for _, m := range []markers.Marker{first, second} {
		if err := j.Append(ctx, "main", markers.Batch{Markers: []markers.Marker{m.At(m.UTC, testEpoch())}}); err != nil {
			t.Fatal(err)
		}
		if _, got := s.marker(); got.ID != m.ID {
			t.Errorf("marker %s, want %s", got.ID, m.ID)
		}
	}
	var list markerList
	if f.ok("/markers?kind=manual", &list); len(list.Markers) != 2 || list.Markers[1].Text != "two" {
		t.Errorf("markers %+v", list)
	}
	w := f.get("/")
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		t.Errorf("page: %d %v", w.Code, w.Header())
	}
}
