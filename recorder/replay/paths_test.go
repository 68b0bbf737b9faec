package replay

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

// TestRewrite changes the lines that would lead elsewhere, and no others.
func TestRewrite(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ url, text, own, stream string }{
		"relative": {"http://o/live/a/i.m3u8", "#EXTM3U\r\n#EXT-X-MAP:URI=\"init.mp4\"\r\n#EXTINF:2,\r\n  ../s1.ts?x=1\r\n#EXTINF:2\r\n/top.ts",
			"", "#EXTM3U\r\n#EXT-X-MAP:URI=\"/live/a/init.mp4\"\r\n#EXTINF:2,\r\n  /live/s1.ts?x=1\r\n#EXTINF:2\r\n/top.ts"},
		"absolute": {"http://o/a/i.m3u8", "#EXTM3U\nhttp://o/a/1.ts\nHTTP://O:80/a/2.ts\nhttps://o/3.ts\n//cdn:8080/x y.ts#f\n",
			"#EXTM3U\n/a/1.ts\n/a/2.ts\n/_origin/https/o/3.ts\n/_origin/http/cdn:8080/x%20y.ts\n",
			"#EXTM3U\n/a/1.ts\n/a/2.ts\n/_origin/https/o/3.ts\n/_origin/http/cdn:8080/x%20y.ts\n"},
		"attributes": {"http://o/i.m3u8", "#EXTM3U\n" +
			`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a, URI=",NAME="n",URI="http://c/a.m3u8",DEFAULT=YES` + "\n" +
			`#EXT-X-KEY:METHOD=AES-128,URI="https://k/key?a=1,2",IV=0x1` + "\n" + `#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://x"` + "\n" +
			`#EXT-X-SESSION-DATA:DATA-ID="x",URI="data:text/plain,x"` + "\n# http://c/comment\n#EXT-X-DATERANGE:ID=\"a\",X-URI=\"http://c\"\n",
			"#EXTM3U\n" +
				`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a, URI=",NAME="n",URI="/_origin/http/c/a.m3u8",DEFAULT=YES` + "\n" +
				`#EXT-X-KEY:METHOD=AES-128,URI="/_origin/https/k/key?a=1,2",IV=0x1` + "\n" + `#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://x"` + "\n" +
				`#EXT-X-SESSION-DATA:DATA-ID="x",URI="data:text/plain,x"` + "\n# http://c/comment\n#EXT-X-DATERANGE:ID=\"a\",X-URI=\"http://c\"\n", "="},
		"variables": {"http://o/a/i.m3u8?t=7", "#EXTM3U\n#EXT-X-DEFINE:NAME=\"h\",VALUE=\"http://c\"\n#EXT-X-DEFINE:QUERYPARAM=\"t\"\n{$h}/1.ts\n2.ts?t={$t}\n{$none}.ts\n",
			"#EXTM3U\n#EXT-X-DEFINE:NAME=\"h\",VALUE=\"http://c\"\n#EXT-X-DEFINE:QUERYPARAM=\"t\"\n/_origin/http/c/1.ts\n2.ts?t={$t}\n{$none}.ts\n",
			"#EXTM3U\n#EXT-X-DEFINE:NAME=\"h\",VALUE=\"http://c\"\n#EXT-X-DEFINE:NAME=\"t\",VALUE=\"7\"\n/_origin/http/c/1.ts\n/a/2.ts?t=7\n/a/%7B$none%7D.ts\n"},
		"taken":       {"http://o/i.m3u8", "#EXTM3U\nstream.m3u8\n_origin/x\n", "#EXTM3U\n/_origin/http/o/stream.m3u8\n/_origin/http/o/_origin/x\n", "="},
		"its name":    {"http://o/stream.m3u8", "#EXTM3U\n1.ts\nhttp://user:secret@o/2.ts", "#EXTM3U\n1.ts\n/2.ts", "="},
		"no playlist": {"http://o/a/i.m3u8", "<html>\nhttp://c/1.ts", "", "="},
		"file": {"file:///home/me/rec/i.m3u8", "#EXTM3U\na b.ts\nc%20d.ts?x\nsub/1.ts\n/home/me/rec/2.ts\nfile:///home/me/rec/3.ts\n../4.ts\nhttp://c/5.ts\n",
			"#EXTM3U\na b.ts\n/c%20d.ts\nsub/1.ts\n/2.ts\n/3.ts\n/_origin/file/HASH/4.ts\n/_origin/http/c/5.ts\n", "="},
	} {
		tp := newTape(c.url, 10*time.Second)
		tp.add(c.url, 0, c.text)
		inTime(t, tp, Options{}, func(t *testing.T, p *player) {
			if c.own == "" {
				c.own = c.text
			}
			if c.stream == "=" {
				c.stream = c.own
			}
			paths := p.s.Paths()
			for path, want := range map[string]string{paths[len(paths)-1]: c.own, streamPath: c.stream} {
				got := p.get(path).body
				if i := strings.Index(got, "/_origin/file/"); i >= 0 && strings.Contains(want, "HASH") {
					got = got[:i+14] + "HASH" + got[i+14+16:]
				}
				if got != want {
					t.Errorf("%s at %s:\n%q, want\n%q", name, path, got, want)
				}
			}
		})
	}
}

// TestOrigins finds what came from several hosts.
func TestOrigins(t *testing.T) {
	t.Parallel()
	tp := newTape("http://o/live/a.m3u8", 10*time.Second)
	tp.add(tp.url, 0, "#EXTM3U\n")
	tp.add("http://cdn:8080/x%2Fy/s.ts?a=1", 0, "cdn")
	tp.add("http://cdn:8080/x%2Fy/s.ts?a=2", 0, "cdn2")
	tp.add("https://o/s.ts", 0, "secure")
	tp.add("http://[::1]:99/s.ts", 0, "six")
	tp.add("http://o/ü b/s.ts", 0, "spelled")
	inTime(t, tp, Options{}, func(t *testing.T, p *player) {
		p.expect("/_origin/http/cdn:8080/x%2Fy/s.ts?a=1", 200, "cdn")
		p.expect("/_origin/http/cdn:8080/x%2Fy/s.ts?a=2", 200, "cdn2")
		p.expect("/_origin/http/cdn:8080/x%2fy/s.ts?a=%32", 200, "cdn2")
		if r := p.get("/_origin/http/cdn:8080/x%2Fy/s.ts"); r.status != 404 {
			t.Errorf("one of two: %d", r.status)
		}
		p.expect("/_origin/https/o/s.ts", 200, "secure")
		p.expect("/_origin/http/[::1]:99/s.ts", 200, "six")
		p.expect("/_origin/http/%5B::1%5D:99/s.ts", 200, "six")
		p.expect("/%C3%BC%20b/s.ts", 200, "spelled")
		p.expect("/%c3%bc%20%62/s.ts", 200, "spelled")
	})
}

// TestRedirects sends clients on as they were, and to the playlist of the time wherever they were sent.
func TestRedirects(t *testing.T) {
	t.Parallel()
	tp := newTape("http://o/a.m3u8", 20*time.Second)
	for i := range 3 {
		e := tp.add(tp.url, time.Duration(i)*4*time.Second, "#EXTM3U\n#EXTINF:2,\n"+string(rune('0'+i))+".ts\n")
		e.FinalURL = "http://cdn/deep/a.m3u8?token=" + string(rune('a'+i))
	}
	tp.add("http://cdn/deep/1.ts", 0, "one").FinalURL = "http://cdn/else/1.ts"
	tp.add("http://o/same", 0, "same").FinalURL = "http://o:80/same"
	inTime(t, tp, Options{}, func(t *testing.T, p *player) {
		p.at(5 * time.Second)
		r := p.get("/a.m3u8")
		if to := r.header.Get("Location"); r.status != 302 || to != "/_origin/http/cdn/deep/a.m3u8?token=b" {
			t.Errorf("redirected to %s, %d", to, r.status)
		}
		p.expect("/_origin/http/cdn/deep/a.m3u8?token=b", 200, "#EXTM3U\n#EXTINF:2,\n1.ts\n")
		p.expect("/stream.m3u8", 200, "#EXTM3U\n#EXTINF:2,\n/_origin/http/cdn/deep/1.ts\n")
		p.at(9 * time.Second)
		p.expect("/_origin/http/cdn/deep/a.m3u8?token=b", 200, "#EXTM3U\n#EXTINF:2,\n2.ts\n")
		if r := p.get("/_origin/http/cdn/deep/1.ts"); r.header.Get("Location") != "/_origin/http/cdn/else/1.ts" {
			t.Errorf("%+v", r)
		}
		p.expect("/_origin/http/cdn/else/1.ts", 200, "one")
		p.expect("/same", 200, "same")
	})
}

// TestRanges answers with parts: of what came whole, and of what came in parts.
func TestRanges(t *testing.T) {
	t.Parallel()
	tp := newTape("http://o/a.m3u8", 20*time.Second)
	tp.add(tp.url, 0, "#EXTM3U\n")
	tp.add("http://o/whole.ts", 0, "0123456789")
	part := func(url string, offset int64, body, total string) {
		e := tp.add(url, time.Duration(offset)*time.Second, body)
		e.Range = &m3u8.ByteRange{Offset: offset, Length: int64(len(body))}
		e.Status = 206
		last := offset + int64(len(body)) - 1
		e.Header = http.Header{"Content-Range": {"bytes " + itoa(offset) + "-" + itoa(last) + "/" + total}, "Content-Type": {"x/y"}}
	}
	part("http://o/parts.ts", 0, "0123", "10")
	part("http://o/parts.ts", 4, "45", "10")
	part("http://o/parts.ts", 6, "6789", "10")
	part("http://o/some.ts", 0, "01", "*")
	part("http://o/some.ts", 5, "567", "*")
	bad := tp.add("http://o/bad.ts", 0, "no")
	bad.Range, bad.Status = &m3u8.ByteRange{Length: 2}, 403
	inTime(t, tp, Options{}, func(t *testing.T, p *player) {
		for _, c := range []struct {
			path, asked string
			status      int
			body, says  string
		}{
			{"whole", "bytes=2-4", 206, "234", "bytes 2-4/10"},
			{"whole", "bytes=8-", 206, "89", "bytes 8-9/10"},
			{"whole", "bytes=-3", 206, "789", "bytes 7-9/10"},
			{"whole", "bytes=8-100", 206, "89", "bytes 8-9/10"},
			{"whole", "bytes=10-", 416, "", "bytes */10"},
			{"whole", "bytes=1-2,4-5", 200, "0123456789", ""},
			{"whole", "bytes=5-4", 200, "0123456789", ""},
			{"whole", "lines=1-2", 200, "0123456789", ""},
			{"whole", "Bytes=2-4", 206, "234", "bytes 2-4/10"},
			{"whole", "bytes=+2-4", 200, "0123456789", ""},
			{"whole", "bytes=2 - 4", 200, "0123456789", ""},
			{"whole", "bytes=2-4x", 200, "0123456789", ""},
			{"whole", "bytes", 200, "0123456789", ""},
			{"whole", "bytes=0-9223372036854775807", 200, "0123456789", ""},
			{"parts", "bytes=0-3", 206, "0123", "bytes 0-3/10"},
			{"parts", "bytes=4-5", 206, "45", "bytes 4-5/10"},
			{"parts", "bytes=2-7", 206, "234567", "bytes 2-7/10"},
			{"parts", "bytes=5-", 206, "56789", "bytes 5-9/10"},
			{"parts", "bytes=-2", 206, "89", "bytes 8-9/10"},
			{"parts", "", 200, "0123456789", ""},
			{"some", "bytes=5-7", 206, "567", "bytes 5-7/*"},
			{"some", "bytes=0-", 206, "01", "bytes 0-1/*"},
			{"some", "bytes=6-", 206, "67", "bytes 6-7/*"},
			{"some", "bytes=1-5", 404, "!", ""},
			{"some", "bytes=3-", 404, "!", ""},
			{"some", "", 404, "!", ""},
			{"bad", "bytes=0-1", 403, "no", ""},
			{"bad", "", 404, "!", ""},
		} {
			r := p.get("/"+c.path+".ts", "Range: "+c.asked)
			if c.body == "!" && strings.Contains(r.body, "only some parts") {
				r.body = "!"
			}
			if r.status != c.status || r.body != c.body || r.header.Get("Content-Range") != c.says || r.err != nil {
				t.Errorf("%s %s: %d %q %q, %v; want %d %q %q", c.path, c.asked, r.status, r.body, r.header.Get("Content-Range"), r.err,
					c.status, c.body, c.says)
			}
		}
	})
}

func itoa(n int64) string { return string(rune('0' + n)) }

// TestFiles replays what was read from files.
func TestFiles(t *testing.T) {
	t.Parallel()
	tp := newTape("/home/me/rec/i.m3u8", 20*time.Second)
	file := func(name string, began time.Duration, body string) {
		u := (&url.URL{Scheme: "file", Path: name}).String()
		e := tp.add(u, began, body)
		e.Status, e.Header = 0, nil
		if body == "" {
			e.Answered, e.Error = -1, "no such file"
		}
	}
	file("/home/me/rec/i.m3u8", 0, "#EXTM3U\n#EXTINF:2,\nc%20d.ts\n#EXTINF:2,\n1.ts\n#EXTINF:2,\ngone.ts\n")
	file("/home/me/rec/c%20d.ts", 0, "literal")
	file("/home/me/rec/1.ts", 0, "one")
	file("/home/me/rec/gone.ts", 0, "")
	inTime(t, tp, Options{}, func(t *testing.T, p *player) {
		r := p.expect("/i.m3u8", 200, "#EXTM3U\n#EXTINF:2,\n/c%2520d.ts\n#EXTINF:2,\n1.ts\n#EXTINF:2,\ngone.ts\n")
		if r.header.Get("Content-Type") != "application/vnd.apple.mpegurl" {
			t.Errorf("header %v", r.header)
		}
		p.expect("/c%2520d.ts", 200, "literal")
		if r := p.expect("/1.ts", 200, "one"); r.header.Get("Content-Type") != "video/mp2t" {
			t.Errorf("header %v", r.header)
		}
		p.expect("/gone.ts", 404, "")
	})
}
