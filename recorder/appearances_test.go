package recorder

import (
	"database/sql"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// appearance is a row of the view appearances.
type appearance struct {
	version   int64
	playlist  string
	nth       int64
	utc       string
	uncertain sql.NullInt64
	run       int64
	offset    float64
}

func appearances(t *testing.T, s *Session) []appearance {
	t.Helper()
	return must[[]appearance](t)(all(rows(t.Context(), s, "appearances", func(r scanner) (a appearance, err error) {
		return a, r.Scan(&a.version, &a.playlist, &a.nth, &a.utc, &a.uncertain, &a.run, &a.offset)
	}, `SELECT version, playlist, nth, utc, uncertain_ms, run, offset_s FROM appearances ORDER BY version`)))
}

// expected is what the view should say, by what the session's functions do.
func expected(t *testing.T, s *Session) []appearance {
	t.Helper()
	started := map[int64]time.Time{}
	for _, r := range must[[]Run](t)(s.Runs(t.Context())) {
		started[r.ID] = r.Started
	}
	var list []appearance
	for _, p := range must[[]Playlist](t)(s.Playlists(t.Context())) {
		for i, v := range must[[]*Version](t)(all(s.Versions(t.Context(), p.ID))) {
			a := appearance{
				version: v.ID, playlist: p.URL, nth: int64(i + 1), run: v.Run, offset: float64(v.Seen) / 1e9,
				utc: started[v.Run].Add(v.Seen).UTC().Format("2006-01-02T15:04:05.000Z"),
			}
			if by := v.Seen - v.Unseen; v.Unseen >= 0 {
				a.uncertain = sql.NullInt64{Valid: true, Int64: int64((by + time.Millisecond - 1) / time.Millisecond)}
			}
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b appearance) int { return int(a.version - b.version) })
	return list
}

// TestAppearances reads the view of a session with two runs, and with times that are easily written wrong.
func TestAppearances(t *testing.T) {
	t.Parallel()
	l := newLive(t, 4, func(w http.ResponseWriter, path string, _ int) bool {
		if path == "/main.m3u8" {
			w.Write([]byte("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\nlive.m3u8\n"))
		}
		return path == "/main.m3u8"
	})
	dir := filepath.Join(t.TempDir(), "session")
	o := Options{URL: l.server.URL + "/main.m3u8", Dir: dir, Poll: 50 * time.Millisecond, Duration: time.Second}
	recorded(t, o)
	recorded(t, o)
	got, want := appearances(t, opened(t, dir)), expected(t, opened(t, dir))
	if !slices.Equal(got, want) || len(got) < 8 {
		t.Errorf("appearances:\n%v\nwant:\n%v", got, want)
	}
	if last := got[len(got)-1]; last.run != 2 || last.nth < 6 || !last.uncertain.Valid {
		t.Errorf("the last is %+v", last)
	}

	execute(t, dir, `UPDATE runs SET started_utc = 1795187045000000001 WHERE id = 1;
		UPDATE versions SET seen_at = 5999998, unseen_at = NULL WHERE id = 1;
		UPDATE versions SET seen_at = 59999999999, unseen_at = 59998999999 WHERE id = 2;
		UPDATE versions SET seen_at = 60000000000, unseen_at = 59998999999 WHERE id = 3`)
	s := opened(t, dir)
	got = appearances(t, s)
	if want := expected(t, s); !slices.Equal(got, want) {
		t.Errorf("appearances:\n%v\nwant:\n%v", got, want)
	}
	for i, want := range []appearance{
		{utc: "2026-11-20T15:04:05.005Z", offset: 0.005999998},
		{utc: "2026-11-20T15:05:05.000Z", offset: 59.999999999, uncertain: sql.NullInt64{Valid: true, Int64: 1}},
		{utc: "2026-11-20T15:05:05.000Z", offset: 60, uncertain: sql.NullInt64{Valid: true, Int64: 2}},
	} {
		if g := got[i]; g.utc != want.utc || g.offset != want.offset || g.uncertain != want.uncertain {
			t.Errorf("appearance %d is %+v, want %+v", i, g, want)
		}
	}
}

// TestWithoutView reads and resumes a session that was recorded before there were the view and the HLS clock.
func TestWithoutView(t *testing.T) {
	t.Parallel()
	l := newLive(t, 4, nil)
	dir := filepath.Join(t.TempDir(), "session")
	o := Options{URL: l.server.URL + "/live.m3u8", Dir: dir, Poll: 50 * time.Millisecond, Duration: 500 * time.Millisecond}
	recorded(t, o)
	execute(t, dir, `DROP VIEW appearances`)
	execute(t, dir, `ALTER TABLE segments DROP COLUMN first_time`)
	if err := readAll(t.Context(), dir); err != nil {
		t.Error(err)
	}
	recorded(t, o)
	if err := readAll(t.Context(), dir); err != nil {
		t.Error(err)
	}
	checkWhole(t, dir, false)
}
