package recorder

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refstream/refstream/internal/testnet"
)

// tree lists what is in a folder.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if path != dir {
			names = append(names, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// TestNothing records what is no stream: the error says so, and nothing is left behind, unless it was there before.
func TestNothing(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/page":
			w.Write([]byte("<html>" + strings.Repeat("not a playlist\n", 100<<10)))
		case "/master":
			w.Write([]byte("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\ngone\n"))
		default:
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	t.Cleanup(server.Close)
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"a page", Options{URL: server.URL + "/page"}, "it is no playlist"},
		{"refused", Options{URL: server.URL + "/gone"}, "403 Forbidden"},
		{"no variant", Options{URL: server.URL + "/master"}, "/gone: 403 Forbidden"},
		{"nobody listens", Options{URL: "http://" + testnet.FreeTCP(t) + "/x.m3u8"}, "connection refused"},
		{"no file", Options{URL: filepath.Join(t.TempDir(), "x.m3u8")}, "no such file"},
		{"another scheme", Options{URL: "rtmp://host/app", Persist: true}, `scheme "rtmp"`},
		{"no address", Options{}, "the address of the stream is missing"},
		{"poll", Options{URL: server.URL, Poll: time.Millisecond}, "give at least 10ms"},
		{"negative", Options{URL: server.URL, Duration: -1}, "negative"},
		{"header", Options{URL: server.URL + "/page", Header: http.Header{"A\n": {"b"}}}, "header"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			c.o.Dir = filepath.Join(dir, "folder", "session")
			sum, err := tryRecord(t, c.o)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "record session "+c.o.Dir) {
				t.Errorf("error %v", err)
			}
			if sum.Elapsed != 0 {
				t.Errorf("%+v", sum)
			}
			if got := tree(t, dir); got != "" {
				t.Errorf("left behind: %s", got)
			}
			if err := os.MkdirAll(filepath.Join(c.o.Dir, "truth"), 0o755); err != nil {
				t.Fatal(err)
			}
			if _, err := tryRecord(t, c.o); err == nil {
				t.Error("no error")
			}
			if got := tree(t, dir); got != "folder folder/session folder/session/truth" {
				t.Errorf("left behind: %s", got)
			}
		})
	}
	t.Run("no folder", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{file, filepath.Join(file, "s"), ""} {
			if _, err := tryRecord(t, Options{URL: server.URL, Dir: dir}); err == nil {
				t.Errorf("%q: no error", dir)
			}
		}
	})
	t.Run("another address", func(t *testing.T) {
		t.Parallel()
		dir := sample(t)
		before := contents(t, opened(t, dir))
		_, err := tryRecord(t, Options{URL: server.URL, Dir: dir})
		if err == nil || !strings.Contains(err.Error(), server.URL) || !strings.Contains(err.Error(), "list.m3u8") {
			t.Errorf("error %v", err)
		}
		if after := contents(t, opened(t, dir)); len(after) != len(before) {
			t.Errorf("%d contents, before there were %d", len(after), len(before))
		}
	})
}

// sample records a session of two files.
func sample(t *testing.T) string {
	t.Helper()
	from, dir := t.TempDir(), filepath.Join(t.TempDir(), "sample")
	for name, text := range map[string]string{
		"list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nlong.ts\n#EXTINF:1,\nshort.ts\n#EXT-X-ENDLIST\n",
		"long.ts":   strings.Repeat("long", short), "short.ts": "short",
	} {
		if err := os.WriteFile(filepath.Join(from, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	recorded(t, Options{URL: filepath.Join(from, "list.m3u8"), Dir: dir})
	return dir
}

// TestPersist keeps asking for a stream that isn't there yet, and records that.
func TestPersist(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n := asked.Add(1); {
		case r.URL.Path == "/s.ts":
			w.Write([]byte("segment"))
		case n == 1:
			w.WriteHeader(http.StatusForbidden)
		case n == 2:
			w.Write([]byte("starting"))
		default:
			w.Write([]byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\ns.ts\n#EXT-X-ENDLIST\n"))
		}
	}))
	defer server.Close()
	dir := filepath.Join(t.TempDir(), "s")
	sum := recorded(t, Options{URL: server.URL + "/live.m3u8", Dir: dir, Persist: true})
	if sum.Reason != "end of stream" || sum.Segments != 1 || sum.Failures != 1 {
		t.Errorf("%+v", sum)
	}
	checkWhole(t, dir, false)
	s := opened(t, dir)
	p := playlistOf(t, s, "/live.m3u8")
	var got []int
	for _, e := range exchanges(t, s) {
		if e.Playlist != p.ID {
			t.Errorf("%+v", e)
		}
		got = append(got, e.Status)
	}
	troubles := must[[]*Trouble](t)(all(s.Troubles(t.Context())))
	if len(got) != 4 || got[0] != 403 || len(troubles) != 2 || !strings.Contains(troubles[0].Error, "403") ||
		!strings.Contains(troubles[1].Error, "EXTM3U") || troubles[1].At <= 0 {
		t.Errorf("%v, %+v", got, troubles)
	}
}

// TestStop stops recordings: by the context and by the duration.
func TestStop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		o      Options
	}{{"stopped", Options{}}, {"duration", Options{Duration: 700 * time.Millisecond}}} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			l := newLive(t, liveWindow, func(_ http.ResponseWriter, path string, _ int) bool {
				if path == "/3.ts" {
					<-t.Context().Done() // never
				}
				return false
			})
			t.Cleanup(l.server.CloseClientConnections)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			o := c.o
			o.URL, o.Dir, o.Now = l.server.URL+"/live.m3u8", filepath.Join(t.TempDir(), "s"), time.Now
			o.Progress = func(p Progress) {
				if p.Segments >= 3 && c.reason == "stopped" {
					cancel()
				}
			}
			sum, err := Record(ctx, o)
			if err != nil || sum.Reason != c.reason || sum.Segments < 3 || sum.Behind < liveSegment {
				t.Errorf("%+v, %v", sum, err)
			}
			if _, err := os.Stat(filepath.Join(o.Dir, databaseFile+"-wal")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the log is left: %v", err)
			}
			checkWhole(t, o.Dir, false)
			runs := must[[]Run](t)(opened(t, o.Dir).Runs(t.Context()))
			if len(runs) != 1 || runs[0].Reason != c.reason || runs[0].Ended > sum.Elapsed {
				t.Errorf("%+v", runs)
			}
		})
	}
}
