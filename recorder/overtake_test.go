package recorder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/refstream/refstream/hlsclient"
)

// TestOvertaking records a live stream of which one segment hangs and others come at the second attempt: all others are
// recorded, each row with the request that brought it.
func TestOvertaking(t *testing.T) {
	t.Parallel()
	inTime(t, liveWindow, func(w http.ResponseWriter, path string, n int) bool {
		switch {
		case path == "/4.ts":
			never(w)
		case (path == "/7.ts" || path == "/8.ts" || path == "/9.ts") && n == 1:
			http.Error(w, "not yet", http.StatusNotFound)
		default:
			return false
		}
		return true
	}, func(t *testing.T, l *live) {
		dir := filepath.Join(t.TempDir(), "s")
		var behind time.Duration
		sum := recorded(t, Options{URL: l.server.URL + "/live.m3u8", HTTP: l.http, Dir: dir, Timeout: 2500 * time.Millisecond,
			Progress: func(p Progress) { behind = max(behind, p.Behind) }})
		checkWhole(t, dir, false)
		if sum.Segments != liveLength-1 || sum.Failed != 1 || sum.Behind != 0 {
			t.Errorf("%+v", sum)
		}
		// What waits for the one that hangs is not dealt with, though the playlist names only six of them.
		if behind <= (liveWindow+1)*liveSegment {
			t.Errorf("behind %v at the most", behind)
		}
		s := opened(t, dir)
		for i, g := range must[[]*Segment](t)(all(s.Segments(t.Context(), s.dirPlaylist(t)))) {
			e := exchangeOf(t, s, g.Exchange)
			want, attempt := string(liveData(i)), 1
			switch i {
			case 4:
				want = ""
			case 7, 8, 9:
				attempt = 2
			}
			if g.MSN != int64(i) || (g.Error != "") != (i == 4) || string(bodyOf(t, s, e.Body)) != want || e.MSN != g.MSN ||
				i != 4 && e.Attempt != attempt {
				t.Errorf("segment %d: %+v, %+v", i, g, e)
			}
			v := must[[]*Version](t)(all(rowsOfVersion(t, s, g.Version)))[0]
			if text := string(bodyOf(t, s, v.Body)); !strings.Contains(text, fmt.Sprintf("\n%d.ts\n", i)) {
				t.Errorf("segment %d: version %d doesn't name it", i, g.Version)
			}
		}
	})
}

// TestSilent reports during an outage for how long nothing new has come, not before that is long, nor after it.
func TestSilent(t *testing.T) {
	t.Parallel()
	first := sync.OnceValue(time.Now)
	const from, to = time.Second, 6 * time.Second // the playlist's target duration is a second
	inTime(t, liveWindow, func(w http.ResponseWriter, path string, _ int) bool {
		at := time.Since(first())
		if path != "/live.m3u8" || at < from || at > to {
			return false
		}
		http.Error(w, "away", http.StatusServiceUnavailable)
		return true
	}, func(t *testing.T, l *live) {
		var most time.Duration
		sum := recorded(t, Options{URL: l.server.URL + "/live.m3u8", HTTP: l.http, Dir: filepath.Join(t.TempDir(), "s"),
			Progress: func(p Progress) {
				if p.Silent > 0 && p.Elapsed < from-2*liveSegment+1500*time.Millisecond {
					t.Errorf("silent for %v after %v", p.Silent, p.Elapsed)
				}
				most = max(most, p.Silent)
			}})
		if most < to-from-2*progressEvery || most > to-from+2*liveSegment+2*progressEvery || sum.Silent != 0 {
			t.Errorf("silent for %v at the most, %v at the end", most, sum.Silent)
		}
	})
}

// rowsOfVersion reads one version by its id.
func rowsOfVersion(t *testing.T, s *Session, id int64) func(func(*Version, error) bool) {
	t.Helper()
	return rows(t.Context(), s, "versions", func(r scanner) (*Version, error) {
		v := &Version{}
		err := r.Scan(&v.ID, &v.Body)
		return v, err
	}, `SELECT id, body FROM versions WHERE id = ?`, id)
}

// TestNotAsked has rows for segments that left the playlist before their turn came: here all of them hang.
func TestNotAsked(t *testing.T) {
	t.Parallel()
	if text(hlsclient.ErrNotAsked) != NotAsked {
		t.Errorf("the client says %q", hlsclient.ErrNotAsked)
	}
	inTime(t, liveWindow, func(w http.ResponseWriter, path string, _ int) bool {
		if strings.HasSuffix(path, ".ts") {
			never(w)
		}
		return false
	}, func(t *testing.T, l *live) {
		ctx, cancel := context.WithTimeout(t.Context(), longest)
		defer cancel()
		dir := filepath.Join(t.TempDir(), "s")
		sum, err := Record(ctx, Options{URL: l.server.URL + "/live.m3u8", HTTP: l.http, Dir: dir, Now: time.Now, Timeout: longest,
			Duration: (liveLength - 6) * liveSegment * 2, Progress: func(p Progress) {
				if p.Behind == liveLength*liveSegment {
					cancel() // all were named
				}
			}})
		if err != nil || sum.Reason != "stopped" {
			t.Fatalf("%+v, %v", sum, err)
		}
		checkWhole(t, dir, false)
		s := opened(t, dir)
		segments := must[[]*Segment](t)(all(s.Segments(t.Context(), s.dirPlaylist(t))))
		asked := map[string]bool{}
		for _, e := range exchanges(t, s) {
			asked[e.URL] = true
		}
		// Six are still in the playlist, and eight are being asked for, of which six have left it.
		if len(segments) == 0 || len(segments) > liveLength-liveWindow {
			t.Errorf("%d segments", len(segments))
		}
		for _, g := range segments {
			if g.Exchange != 0 || !strings.HasPrefix(g.Error, NotAsked) || asked[fmt.Sprintf("%s/%d.ts", l.server.URL, g.MSN)] {
				t.Errorf("%+v", g)
			}
			if g.MSN >= liveLength-liveWindow {
				t.Errorf("segment %d was in the playlist in the end", g.MSN)
			}
		}
	})
}

// TestPasswords has none in what is logged and in errors; the session has it.
func TestPasswords(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		switch {
		case password != "hunter2":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/live.m3u8":
			// The host of the second is no number, so that its address is none.
			fmt.Fprintf(w, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\ngone.ts\n#EXTINF:1,\nhttp://user:hunter2@h:port/x.ts\n#EXT-X-ENDLIST\n")
		default:
			w.WriteHeader(http.StatusGone)
		}
	}))
	defer server.Close()
	dir := filepath.Join(t.TempDir(), "s")
	address := strings.Replace(server.URL, "://", "://user:hunter2@", 1)
	var log bytes.Buffer
	o := Options{URL: address + "/live.m3u8", Dir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	recorded(t, o)
	if strings.Contains(log.String(), "hunter2") || !strings.Contains(log.String(), "user:xxxxx@") || strings.Count(log.String(), "is missing") != 2 {
		t.Errorf("log %s", &log)
	}
	if got := opened(t, dir).Info().URL; got != o.URL {
		t.Errorf("the session is of %s", got)
	}
	o.URL = address + "/other.m3u8"
	_, err := tryRecord(t, o)
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "/other.m3u8") {
		t.Errorf("error %v", err)
	}
	o.Dir = dir + "2"
	if _, err := tryRecord(t, o); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v", err)
	}
}

// TestOrphans refuses to begin anew beside the chunks of a session whose database is gone.
func TestOrphans(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(path string) error{
		"missing": os.Remove, "empty": func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := sample(t)
			before := tree(t, dir)
			if strings.Contains(before, databaseFile+"-") {
				t.Errorf("left behind: %s", before)
			}
			if err := spoil(filepath.Join(dir, databaseFile)); err != nil {
				t.Fatal(err)
			}
			before = strings.ReplaceAll(tree(t, dir), " "+lockFile, "") // which a refused recorder takes with it or not
			_, err := tryRecord(t, Options{URL: "http://127.0.0.1:9/x.m3u8", Dir: dir, Persist: true})
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "missing or empty") || !strings.Contains(err.Error(), "another session") {
				t.Errorf("error %v", err)
			}
			if after := strings.ReplaceAll(tree(t, dir), " "+lockFile, ""); after != before {
				t.Errorf("files %s, before %s", after, before)
			}
		})
	}
}

// TestLeavesNothing opens a session that was closed, and leaves no files of SQLite beside it.
func TestLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := sample(t)
	want := tree(t, dir)
	data := must[[]byte](t)(os.ReadFile(filepath.Join(dir, databaseFile)))
	for range 2 {
		if err := readAll(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		if got := tree(t, dir); got != want {
			t.Errorf("files %s, before %s", got, want)
		}
	}
	if !bytes.Equal(data, must[[]byte](t)(os.ReadFile(filepath.Join(dir, databaseFile)))) {
		t.Error("the database has changed")
	}
	s := opened(t, dir)
	if _, err := s.db.Exec(`DELETE FROM segments`); err == nil {
		t.Error("it could be written to")
	}
}
