package replay

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func gzipped(t *testing.T, text string) string {
	t.Helper()
	b, err := compressed([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestCoded replays what came compressed as it came; a playlist is compressed anew only where a line has to change.
func TestCoded(t *testing.T) {
	t.Parallel()
	tp := newTape("http://o/a.m3u8", 10*time.Second)
	same, other := window(0, 1), "#EXTM3U\n#EXTINF:2,\nhttp://cdn/1.ts\n"
	coded := map[string]string{
		"http://o/a.m3u8": gzipped(t, same), "http://o/b.m3u8": gzipped(t, other), "http://o/s.ts": gzipped(t, "segment"), "http://o/bad.m3u8": "no gzip",
	}
	for url, body := range coded {
		tp.add(url, 0, body).Header = http.Header{"Content-Encoding": {"gzip"}, "Content-Type": {"x/y"}}
	}
	tp.add("http://cdn/1.ts", 0, "one")
	inTime(t, tp, Options{}, func(t *testing.T, p *player) {
		for _, path := range []string{"a.m3u8", "s.ts", "bad.m3u8"} {
			r := p.expect("/"+path, 200, coded["http://o/"+path], "Accept-Encoding: gzip")
			if r.header.Get("Content-Encoding") != "gzip" || r.header.Get("Content-Length") == "" {
				t.Errorf("%s: %v", path, r.header)
			}
		}
		r := p.get("/b.m3u8", "Accept-Encoding: gzip")
		z, err := gzip.NewReader(strings.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(z)
		if want := strings.Replace(other, "http://cdn/", "/_origin/http/cdn/", 1); err != nil || !bytes.Equal(b, []byte(want)) ||
			r.header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%q, %v, %v; want %q", b, r.header, err, want)
		}
	})
}
