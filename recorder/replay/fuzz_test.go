package replay

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

// FuzzPlaylist serves playlists with any content: nothing fails, what is no playlist stays, and what is left of a playlist
// is one for the parser where it was one.
func FuzzPlaylist(f *testing.F) {
	for _, text := range []string{
		window(5, 9), window(6, 10, "#EXT-X-ENDLIST"), "", "<html>", "\xEF\xBB\xBF#EXTM3U\r\nhttp://c/1.ts\r\n",
		"#EXTM3U\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"{$a}\"\n#EXTINF:1,\n{$a}{$a}.ts\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\n",
		"#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXT-X-MAP:URI=\"i\",BYTERANGE=\"1@2\"\n#EXT-X-PROGRAM-DATE-TIME:2026-05-04T10:00:00Z\n" +
			"#EXT-X-BYTERANGE:3@4\n#EXTINF:1,\nx\n#EXT-X-DISCONTINUITY\n#EXT-X-BYTERANGE:3\n#EXTINF:1,\nx\n",
		"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:4611686018427387903\n#EXTINF:1,\nx\n#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"9999-12-31T23:59:59Z\"\n",
	} {
		f.Add(text, text)
		f.Add(window(1, 5), text)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		if len(first)+len(second) > 1<<16 {
			return
		}
		tp := newTape("http://o/live/a.m3u8", 10*time.Second)
		tp.add(tp.url, 0, window(1, 5))
		tp.add(tp.url, time.Second, first)
		tp.add(tp.url, 2*time.Second, second)
		for _, o := range []Options{{}, {Rebase: true}, {Loop: true}} {
			now := tapeStart
			o.Now = func() time.Time { return now }
			s, err := New(t.Context(), tp, o)
			if err != nil {
				if o.Loop {
					continue
				}
				t.Fatal(err)
			}
			for _, at := range []time.Duration{0, time.Second, 2 * time.Second, 11 * time.Second, 12 * time.Second, 19 * time.Second, time.Hour} {
				s.clock.begin()
				now = tapeStart.Add(at)
				for _, path := range []string{"/stream.m3u8", "/live/a.m3u8"} {
					w := httptest.NewRecorder()
					s.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
					got := w.Body.String()
					if w.Code != 200 || len(got) > 3*(len(first)+len(second))+1<<20 {
						t.Fatalf("%s at %v: %d, %d bytes", path, at, w.Code, len(got))
					}
					if path == "/live/a.m3u8" && !o.Loop && at == 2*time.Second {
						check(t, second, got, o)
					}
				}
			}
		}
	})
}

// check compares a playlist with what was recorded.
func check(t *testing.T, was, is string, o Options) {
	t.Helper()
	if was == "" {
		return
	}
	if !strings.HasPrefix(strings.TrimPrefix(was, "\uFEFF"), "#EXTM3U") && was != is {
		t.Fatalf("%q was no playlist and is %q", was, is)
	}
	a, errA := m3u8.Parse(strings.NewReader(was))
	b, errB := m3u8.Parse(strings.NewReader(is))
	if (errA == nil) != (errB == nil) {
		t.Fatalf("%q: %v, and %q: %v", was, errA, is, errB)
	}
	if errA != nil || a.Media == nil || b.Media == nil {
		return
	}
	if len(a.Media.Segments) != len(b.Media.Segments) || len(a.Media.DateRanges) != len(b.Media.DateRanges) {
		t.Fatalf("%q has %d segments, and %q %d", was, len(a.Media.Segments), is, len(b.Media.Segments))
	}
}

// FuzzRequest asks for anything.
func FuzzRequest(f *testing.F) {
	tp := newTape("http://o/live/a.m3u8?x=1", time.Second)
	tp.add(tp.url, 0, window(1, 5))
	tp.add("http://o/1.ts", 0, "0123456789")
	e := tp.add("http://o/p.ts", 0, "0123")
	e.Range, e.Status = &m3u8.ByteRange{Length: 4, Offset: 6}, 206
	e.Header.Set("Content-Range", "bytes 6-9/*")
	s, err := New(f.Context(), tp, Options{Now: time.Now})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("/live/a.m3u8?x=1", "")
	f.Add("/1.ts", "bytes=-5")
	f.Add("/p.ts", "bytes=7-")
	f.Add("/_origin/http/o/1.ts", "bytes=9223372036854775806-9223372036854775806")
	f.Fuzz(func(t *testing.T, path, asked string) {
		r := httptest.NewRequest("GET", "/", nil)
		u, err := r.URL.Parse(path)
		if err != nil {
			return
		}
		r.URL = u
		r.Header.Set("Range", asked)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 206 && w.Code != 404 && w.Code != 416 {
			t.Fatalf("%s %q: %d", path, asked, w.Code)
		}
	})
}
