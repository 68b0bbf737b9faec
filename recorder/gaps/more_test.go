package gaps

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/recorder"
)

// version writes a version of a playlist as it is.
func (w *written) version(playlist int64, seen time.Duration, text string, restarted bool) int64 {
	e := w.exchange(exchange{playlist: playlist, resource: "playlist", url: simURL, msn: -1, began: seen - 5*ms, ended: seen, body: text})
	return w.exec(`INSERT INTO versions (run, playlist, exchange, body, number, seen_at, stale, restarted, missed)
		VALUES (?, ?, ?, ?, 0, ?, 0, ?, 0)`, w.run, playlist, e, w.body(text), int64(seen), restarted)
}

func (w *written) segment(playlist, version, msn int64, address, body string, at time.Duration) int64 {
	e := w.exchange(exchange{playlist: playlist, resource: "segment", url: address, msn: msn, began: at, ended: at + 20*ms, body: body})
	return w.exec(`INSERT INTO segments (run, playlist, version, exchange, msn, discontinuity, gap, duration)
		VALUES (?, ?, ?, ?, ?, 0, 0, ?)`, w.run, playlist, version, e, msn, int64(2*second))
}

func found(t *testing.T, w *written, o Options) *Report {
	t.Helper()
	r, err := Find(t.Context(), w.open(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Nothing is a gap of the stream, nor a jump, between two runs; and each is looked at by itself.
func TestRuns(t *testing.T) {
	w := write(t, simURL)
	p := w.playlist(simURL, recorder.KindMedia, "")
	for i := range 3 {
		w.begin(simStart().Add(time.Duration(i) * time.Hour))
		s := sim{length: 10 * second, window: 5}
		s.record(w, p)
		if i == 1 {
			w.exec(`UPDATE runs SET ended_at = NULL, reason = NULL WHERE id = ?`, w.run) // killed
		}
	}
	r := found(t, w, Options{})
	equal(t, r)
	if len(r.Runs) != 3 || r.Runs[1].Ended < 9900*ms || r.Playlists[0].Intervals != 9 {
		t.Errorf("runs %+v, playlist %+v", r.Runs, r.Playlists[0])
	}
}

func TestSameNumberOtherContentInTheNextRun(t *testing.T) {
	w := write(t, simURL)
	p := w.playlist(simURL, recorder.KindMedia, "")
	for _, content := range []string{"one", "two"} {
		w.begin(simStart())
		v := w.version(p, second, "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.ts\n#EXT-X-ENDLIST\n", false)
		w.segment(p, v, 0, "http://example.com/live/a.ts", content, second)
		w.end(10*second, "end of stream")
	}
	equal(t, found(t, w, Options{}), "segment_changed 0 1 0.000 s")
}

func TestNamesThatAreUsedAgain(t *testing.T) {
	w := write(t, simURL)
	p := w.playlist(simURL, recorder.KindMedia, "")
	w.begin(simStart())
	v := w.version(p, second, "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-ENDLIST\n", false)
	for msn := range int64(5) { // a, b, c, a, b
		name := "http://example.com/live/" + string(rune('a'+msn%3)) + ".ts"
		w.segment(p, v, msn, name, strings.Repeat("x", int(msn)+1), time.Duration(msn+1)*second)
	}
	w.segment(p, v, 5, "http://example.com/live/c.ts", "xxx", 7*second) // the same content
	w.end(10*second, "end of stream")
	equal(t, found(t, w, Options{}), "segment_changed 3 2 0.000 s")
}

func TestOtherSegmentsUnderTheSameNumbers(t *testing.T) {
	w := write(t, simURL)
	p := w.playlist(simURL, recorder.KindMedia, "")
	w.begin(simStart())
	w.version(p, second, "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.ts\n#EXTINF:2,\nb.ts\n", false)
	w.version(p, 2*second, "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nc.ts\n#EXTINF:2,\nd.ts\n#EXT-X-ENDLIST\n", true)
	w.end(10*second, "end of stream")
	equal(t, found(t, w, Options{}), "segment_changed 0 2 0.000 s")
}

// What the recorder can't decrypt is not missing; what it should be able to is.
func TestProtected(t *testing.T) {
	for method, want := range map[string][]string{
		"SAMPLE-AES": nil, "AES-128": {"segment_missing 0 1 0.000 s"},
	} {
		w := write(t, simURL)
		p := w.playlist(simURL, recorder.KindMedia, "")
		w.begin(simStart())
		v := w.version(p, second, "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD="+method+",URI=\"k\"\n#EXTINF:2,\na.ts\n#EXT-X-ENDLIST\n", false)
		s := w.segment(p, v, 0, "http://example.com/live/a.ts", "encrypted", second)
		w.exec(`UPDATE segments SET error = 'it is encrypted' WHERE id = ?`, s)
		w.end(10*second, "end of stream")
		equal(t, found(t, w, Options{}), want...)
	}
}

// In the playlists of old protocol versions EXTINF may be rounded to seconds, and how long a single picture stands is not
// in it.
func TestLengthsThatAreNoLies(t *testing.T) {
	for _, text := range []string{
		"#EXTM3U\n#EXT-X-VERSION:2\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.ts\n#EXT-X-ENDLIST\n",
		"#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:2\n#EXT-X-I-FRAMES-ONLY\n#EXTINF:2,\na.ts\n#EXT-X-ENDLIST\n",
		"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.000,\na.ts\n#EXT-X-ENDLIST\n",
	} {
		w := write(t, simURL)
		p := w.playlist(simURL, recorder.KindMedia, "")
		w.begin(simStart())
		v := w.version(p, second, text, false)
		s := w.segment(p, v, 0, "http://example.com/live/a.ts", "a", second)
		w.exec(`UPDATE segments SET media = 'video', first_pts = 0, end_pts = 2.4 * 90000 WHERE id = ?`, s)
		w.end(10*second, "end of stream")
		var want []string
		if strings.Contains(text, "VERSION:3") {
			want = []string{"extinf 0 1 -0.400 s"}
		}
		equal(t, found(t, w, Options{}), want...)
	}
}

func TestTroubles(t *testing.T) {
	w := write(t, simURL)
	p := w.playlist(simURL, recorder.KindMedia, "")
	w.begin(simStart())
	s := sim{length: 10 * second, window: 5, load: func(e *exchange) {
		if e.began == 5*second {
			e.status, e.err, e.body = 404, "fetch it: 404 Not Found", ""
		}
	}}
	s.record(w, p)
	trouble := func(at time.Duration, of any) {
		w.exec(`INSERT INTO troubles (run, playlist, at, error) VALUES (?, ?, ?, ?)`, w.run, of, int64(at), "trouble\n")
	}
	trouble(5020*ms, p)   // after the loading that failed
	trouble(5020*ms, nil) // the same, told of no playlist
	trouble(7020*ms, p)   // after one that did not
	r := found(t, w, Options{})
	equal(t, r, "request_failed -1 1 0.055 s", "trouble -1 1 0.000 s")
	if got := r.Findings[1].Text; got != `trouble\u000a` {
		t.Errorf("the trouble is told as %q", got)
	}
}

func TestChoose(t *testing.T) {
	w := write(t, "http://example.com/live/main.m3u8?user=1")
	w.playlist("http://example.com/live/main.m3u8?user=1", recorder.KindMultivariant, "")
	w.playlist("http://example.com/live/low/index.m3u8", recorder.KindVariant, "320x180")
	w.playlist("http://example.com/live/high/index.m3u8", recorder.KindVariant, "1280x720")
	w.playlist("https://me:secret@cdn.example.com/a.m3u8?x=1", recorder.KindRendition, "English")
	w.playlist("https://me:secret@cdn.example.com/a.m3u8?x=2", recorder.KindRendition, "English")
	s := w.open()
	for which, want := range map[string]string{
		"":                                       "main.m3u8 low/index.m3u8 high/index.m3u8 https://me:xxxxx@cdn.example.com/a.m3u8?x=1 https://me:xxxxx@cdn.example.com/a.m3u8?x=2",
		"2":                                      "low/index.m3u8",
		"#3":                                     "high/index.m3u8",
		"1280x720":                               "high/index.m3u8",
		"English":                                "https://me:xxxxx@cdn.example.com/a.m3u8?x=1 https://me:xxxxx@cdn.example.com/a.m3u8?x=2",
		"/live/low/index.m3u8":                   "low/index.m3u8",
		"low/index.m3u8":                         "low/index.m3u8",
		"index.m3u8":                             "low/index.m3u8 high/index.m3u8",
		"http://example.com/live/low/index.m3u8": "low/index.m3u8",
	} {
		r, err := Find(t.Context(), s, Options{Playlist: which})
		if err != nil {
			t.Errorf("%q: %v", which, err)
			continue
		}
		var got []string
		for _, p := range r.Playlists {
			got = append(got, p.Label)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q picks %q, want %q", which, got, want)
		}
	}
	_, err := Find(t.Context(), s, Options{Playlist: "dex.m3u8"})
	if err == nil || !strings.Contains(err.Error(), "2 low/index.m3u8 (320x180), 3 high") || strings.Contains(err.Error(), "secret") {
		t.Errorf("a playlist that isn't there: %v", err)
	}
	if _, err := Find(t.Context(), s, Options{Threshold: -1}); err == nil {
		t.Error("a negative threshold is taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Find(ctx, s, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("when cancelled: %v", err)
	}
}

// What is found of other playlists is left out where one is asked for.
func TestOnlyThePlaylist(t *testing.T) {
	w := write(t, simURL)
	w.playlist("http://example.com/live/other.m3u8", recorder.KindVariant, "other")
	p := w.playlist(simURL, recorder.KindVariant, "")
	w.begin(simStart())
	s := sim{length: 10 * second, window: 5, load: hold(4*second, 4*second)}
	w.exchange(exchange{playlist: 1, resource: "playlist", url: "http://example.com/live/other.m3u8", msn: -1, err: "refused"})
	s.record(w, p)
	session := w.open()
	for which, want := range map[string][]string{
		"other": {"request_failed -1 1 0.000 s"}, "2": {"gap -1 1 5.995 s", "playlist_slow -1 1 4.000 s"},
	} {
		r, err := Find(t.Context(), session, Options{Playlist: which})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, r, want...)
	}
}

// A stream can't make the report grow without bound.
func TestBounds(t *testing.T) {
	w := write(t, simURL)
	p := w.playlist(simURL, recorder.KindMedia, "")
	w.begin(simStart())
	s := sim{length: 60 * second, window: 5, fetch: func(e exchange) []exchange { return nil }}
	s.record(w, p)
	for i := range maxFindings + 5 {
		at := time.Duration(i) * ms
		w.exchange(exchange{playlist: p, resource: "segment", url: "x", msn: int64(i), began: at, ended: at, err: strings.Repeat("long ", 1000)})
	}
	r := found(t, w, Options{})
	if len(r.Findings) != maxFindings || r.Counts[KindRequestFailed] != maxFindings+5 || len(r.Findings[0].Text) > 2*maxText {
		t.Errorf("%d findings of %d, the first of them %d bytes long", len(r.Findings), r.Counts[KindRequestFailed], len(r.Findings[0].Text))
	}
	var table strings.Builder
	if err := r.WriteTable(&table); err != nil || !strings.Contains(table.String(), "and 5 findings more of the same kinds") {
		t.Errorf("the table ends with %q, %v", table.String()[max(0, table.Len()-100):], err)
	}
}
