package replay

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

const ms = time.Millisecond

// TestVersions serves each version from when it came, waits for one that was on its way, and takes errors into account.
func TestVersions(t *testing.T) {
	t.Parallel()
	tp := newTape("http://o/live/a.m3u8", 20*time.Second)
	add := func(began, answered, ended time.Duration, status int, body string) {
		e := tp.add(tp.url, began, body)
		e.Answered, e.Ended, e.Status = answered, ended, status
	}
	add(1*time.Second, 1100*ms, 1300*ms, 200, "one")
	add(2*time.Second, 2010*ms, 2010*ms, 200, "one")
	add(4*time.Second, 4500*ms, 5*time.Second, 200, "two")
	add(6*time.Second, 6*time.Second, 6*time.Second, 404, "gone")
	add(8*time.Second, -1, 9*time.Second, 0, "")
	add(10*time.Second, 10*time.Second, 10*time.Second, 200, "one")
	for _, c := range []struct {
		at             time.Duration
		status         int
		body           string
		answered, done time.Duration
	}{
		{0, 200, "one", 1100 * ms, 1300 * ms},
		{1200 * ms, 200, "one", 0, 100 * ms},
		{1300 * ms, 200, "one", 0, 0},
		{3999 * ms, 200, "one", 0, 0},
		{4 * time.Second, 200, "two", 500 * ms, time.Second},
		{4700 * ms, 200, "two", 0, 300 * ms},
		{5500 * ms, 200, "two", 0, 0},
		{6 * time.Second, 404, "gone", 0, 0},
		{8200 * ms, 0, "", 800 * ms, 800 * ms},
		{9500 * ms, 0, "", 0, 0},
		{10 * time.Second, 200, "one", 0, 0},
		{60 * time.Second, 200, "one", 0, 0},
	} {
		for _, path := range []string{"/live/a.m3u8", "/stream.m3u8"} {
			for _, speed := range []Speed{{1, 1}, {2, 1}, {1, 4}} {
				inTime(t, tp, Options{Speed: speed}, func(t *testing.T, p *player) {
					p.at(speed.real(c.at))
					r := p.get(path)
					if r.status != c.status || r.body != c.body || r.answered != speed.real(c.answered) || r.done != speed.real(c.done) ||
						(r.err != nil) != (c.status == 0) {
						t.Errorf("%s at %v, speed %v: %d %q %v, after %v and %v; want %d %q after %v and %v", path, c.at, speed, r.status,
							r.body, r.err, r.answered, r.done, c.status, c.body, c.answered, c.done)
					}
				})
			}
		}
	}
}

// TestDelays makes an answer for a segment take as long as it took, whenever it is asked for.
func TestDelays(t *testing.T) {
	t.Parallel()
	tp := newTape("http://o/a.m3u8", 20*time.Second)
	tp.add(tp.url, 0, "#EXTM3U\n")
	body := strings.Repeat("0123456789", 1000)
	e := tp.add("http://o/slow.ts", 5*time.Second, body)
	e.Answered, e.Ended = 6*time.Second, 9*time.Second
	first := tp.add("http://o/late.ts", 5*time.Second, "not yet")
	first.Status = 404
	tp.add("http://o/late.ts", 7*time.Second, "here")
	inTime(t, tp, Options{}, func(t *testing.T, p *player) {
		for _, at := range []time.Duration{0, 6 * time.Second, 30 * time.Second} {
			p.at(at)
			if r := p.get("/slow.ts"); r.answered != time.Second || r.done != 4*time.Second || r.body != body {
				t.Errorf("at %v: %d bytes after %v and %v", at, len(r.body), r.answered, r.done)
			}
		}
		if r := p.get("/slow.ts", "Range: bytes=5000-9999"); r.done != 2500*ms || r.body != body[5000:] || r.status != 206 {
			t.Errorf("half of it: %d, %d bytes after %v", r.status, len(r.body), r.done)
		}
	})
	inTime(t, tp, Options{}, func(t *testing.T, p *player) {
		p.expect("/late.ts", 404, "not yet")
		p.at(6 * time.Second)
		p.expect("/late.ts", 404, "not yet")
		p.at(7 * time.Second)
		p.expect("/late.ts", 200, "here")
	})
	// It comes bit by bit.
	inTime(t, tp, Options{}, func(t *testing.T, p *player) {
		resp, err := p.http.Get("http://replay/slow.ts")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b := make([]byte, 5000)
		n := 0
		for n < len(b) && err == nil {
			var k int
			k, err = resp.Body.Read(b[n:])
			n += k
		}
		if at := time.Since(p.start); at < 2400*ms || at > 2600*ms || err != nil {
			t.Errorf("half of it came after %v, %v", at, err)
		}
	})
}

// TestBroken breaks answers off where they broke off.
func TestBroken(t *testing.T) {
	t.Parallel()
	tp := newTape("http://o/a.m3u8", 20*time.Second)
	tp.add(tp.url, 0, "#EXTM3U\n")
	e := tp.add("http://o/cut.ts", 0, "half")
	e.Error, e.Ended = "unexpected EOF", 2*time.Second
	e.Header.Set("Content-Length", "8")
	e = tp.add("http://o/chunked.ts", 0, "half")
	e.Error = "unexpected EOF"
	e = tp.add("http://o/timeout.ts", 0, "")
	e.Status, e.Answered, e.Ended, e.Error, e.Header = 0, -1, 10*time.Second, "nothing has come", nil
	e = tp.add("http://o/error.ts", 0, "half a page")
	e.Status, e.Error = 500, "500 Internal Server Error"
	e.Header.Set("Content-Length", "11")
	e = tp.add("http://o/prefix.ts", 0, "0123") // of a server that knows no ranges, read as far as needed
	e.Range = &m3u8.ByteRange{Length: 2, Offset: 2}
	e.Header.Set("Content-Length", "1000")
	e = tp.add("http://o/damaged.ts", 0, "gone")
	delete(tp.bodies, e.Body)
	inTime(t, tp, Options{}, func(t *testing.T, p *player) {
		if r := p.get("/cut.ts"); r.status != 200 || r.body != "half" || r.err == nil || r.header.Get("Content-Length") != "8" || r.done != 2*time.Second {
			t.Errorf("cut off: %+v", r)
		}
		if r := p.get("/chunked.ts"); r.status != 200 || r.body != "half" || r.err == nil {
			t.Errorf("cut off without a length: %+v", r)
		}
		if r := p.get("/timeout.ts"); r.err == nil || r.status != 0 || r.done != 10*time.Second {
			t.Errorf("no answer: %+v", r)
		}
		p.expect("/error.ts", 500, "half a page")
		p.expect("/prefix.ts", 200, "0123", "Range: bytes=2-3")
		if r := p.get("/damaged.ts"); r.status != 500 || !strings.Contains(r.body, "can't be read") || r.header.Get("X-Y") != "" {
			t.Errorf("damaged: %+v", r)
		}
	})
}

// TestRuns leaves the time between runs out.
func TestRuns(t *testing.T) {
	t.Parallel()
	tp := newTape("http://o/a.m3u8", 10*time.Second, 5*time.Second)
	tp.add(tp.url, 0, "one")
	tp.add(tp.url, 9*time.Second, "two")
	tp.add(tp.url, 1*time.Second, "three").Run = 2
	for _, o := range []Options{{}, {Offset: 8 * time.Second}, {From: tapeStart.Add(8 * time.Second)}} {
		inTime(t, tp, o, func(t *testing.T, p *player) {
			skip := time.Duration(0)
			if o.Offset > 0 || !o.From.IsZero() {
				skip = 8 * time.Second
			}
			for _, c := range []struct {
				at   time.Duration
				body string
			}{{8999 * ms, "one"}, {9 * time.Second, "two"}, {10999 * ms, "two"}, {11 * time.Second, "three"}, {time.Hour, "three"}} {
				p.at(c.at - skip)
				p.expect("/a.m3u8", 200, c.body)
			}
		})
	}
	inTime(t, tp, Options{From: tapeStart.Add(30 * time.Minute)}, func(t *testing.T, p *player) {
		if at := p.s.Position(); at.At != 10*time.Second {
			t.Errorf("from a hole: %+v", at)
		}
	})
}

// TestRun ends with the recording, and the last playlist stays.
func TestRun(t *testing.T) {
	t.Parallel()
	tp := newTape("http://o/a.m3u8", 10*time.Second)
	tp.add(tp.url, 0, "one")
	inTime(t, tp, Options{Offset: 4 * time.Second, Speed: Speed{2, 1}}, func(t *testing.T, p *player) {
		p.at(time.Second)
		if at := p.s.Position(); at != (Position{Started: true, At: 6 * time.Second, Length: 10 * time.Second}) {
			t.Errorf("position %+v", at)
		}
		<-p.s.Done()
		if at := time.Since(p.start); at != 3*time.Second {
			t.Errorf("done after %v", at)
		}
		p.at(time.Minute)
		p.expect("/a.m3u8", 200, "one")
		if at := p.s.Position(); at.At != at.Length {
			t.Errorf("position %+v", at)
		}
	})
	inTime(t, tp, Options{Wait: true}, func(t *testing.T, p *player) {
		p.at(time.Hour)
		if at := p.s.Position(); at.Started || at.At != 0 {
			t.Errorf("position %+v", at)
		}
		p.get("/other")
		p.at(time.Hour + time.Second)
		p.expect("/a.m3u8", 200, "one")
		p.at(time.Hour + 3*time.Second)
		if at := p.s.Position(); !at.Started || at.At != 2*time.Second {
			t.Errorf("position %+v", at)
		}
	})
}

// TestQuiet forgets loadings that tell nothing, so that long recordings need little memory.
func TestQuiet(t *testing.T) {
	t.Parallel()
	tp := newTape("http://o/a.m3u8", time.Hour)
	for i := range 100 {
		e := tp.add(tp.url, time.Duration(i)*time.Second, string(rune('a'+i/50)))
		e.Ended += 20 * ms
	}
	slow := tp.add(tp.url, 100*time.Second, "b")
	slow.Ended += time.Second
	s, err := New(t.Context(), tp, Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	var kept []time.Duration
	for _, o := range s.index.playlists[0].outcomes {
		kept = append(kept, o.began)
	}
	if !slices.Equal(kept, []time.Duration{0, 50 * time.Second, 100 * time.Second}) {
		t.Errorf("kept %v", kept)
	}
}

// TestBadOptions refuses what it can't do, and says what to do.
func TestBadOptions(t *testing.T) {
	t.Parallel()
	tp := newTape("http://o/a.m3u8", 10*time.Second)
	for want, o := range map[string]Options{
		"Now is missing":          {},
		"is negative":             {Now: time.Now, Offset: -1},
		"not before the end":      {Now: time.Now, Offset: 10 * time.Second},
		"is not in the recording": {Now: time.Now, From: tapeStart.Add(time.Hour)},
		"give one":                {Now: time.Now, From: tapeStart, Offset: 1},
		"the speed 0 is":          {Now: time.Now, Speed: Speed{0, 1}},
		"the speed 1/1001":        {Now: time.Now, Speed: Speed{1, 1001}},
		"nothing to loop":         {Now: time.Now, Loop: true},
		"nothing to replay":       {Now: time.Now},
		"is no http, https o":     {Now: time.Now},
	} {
		tp := *tp
		switch want {
		case "nothing to replay":
		case "is no http, https o":
			tp.url = "rtmp://x/y"
		default:
			tp.add(tp.url, 0, window(0, 3, "#EXT-X-ENDLIST\n"))
		}
		if _, err := New(t.Context(), &tp, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestSpeed reads speeds, and scales without overflow.
func TestSpeed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1": "1", "2": "2", "0.5": "1/2", "1.500": "3/2", "3/4": "3/4", "10/5": "2", ".25": "1/4", "0.001": "1/1000",
		"": "!", "0": "!", "-1": "!", "x": "!", "1.2345": "!", "1001": "!", "1/0": "!", "2/": "!", "1e3": "!", "9999999999999999999": "!",
	} {
		got := "!"
		if s, err := ParseSpeed(text); err == nil {
			got = s.String()
		} else if !strings.Contains(err.Error(), "speed") {
			t.Error(err)
		}
		if got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
	s := Speed{3, 2}
	if got := s.recorded(time.Second); got != 1500*ms || s.real(got) != time.Second {
		t.Error(got)
	}
	if got := (Speed{1000, 1}).recorded(1<<63 - 1); got != 1<<63-1 {
		t.Error(got)
	}
}

// TestHTTP answers what browsers and tools ask.
func TestHTTP(t *testing.T) {
	t.Parallel()
	tp := newTape("http://o/a.m3u8?token=1", 10*time.Second)
	e := tp.add(tp.url, 0, "#EXTM3U\n")
	e.Header = http.Header{"Content-Type": {"application/x-mpegurl"}, "Cache-Control": {"no-cache", "private"}, "Set-Cookie": {"a=b"},
		"Date": {"yesterday"}, "Content-Length": {"1"}, "Connection": {"close"}, "Access-Control-Allow-Origin": {"http://other"},
		"Bad Name": {"x"}, "X-Split": {"a\r\nb"}, "Content-Encoding": {"br"}, "Alt-Svc": {"h3"}, "Service-Worker-Allowed": {"/"},
		"Strict-Transport-Security": {"max-age=1"}, "Www-Authenticate": {"Basic"}, "Content-Security-Policy": {"default-src *"}}
	tp.add("http://o/s.ts", 0, "0123456789")
	inTime(t, tp, Options{}, func(t *testing.T, p *player) {
		r := p.expect("/a.m3u8?token=1", 200, "#EXTM3U\n", "Accept-Encoding: identity")
		r.header.Del("Date") // today's
		want := http.Header{"Content-Type": {"application/x-mpegurl"}, "Cache-Control": {"no-cache", "private"}, "Content-Length": {"8"},
			"Access-Control-Allow-Origin": {"*"}, "Access-Control-Expose-Headers": {"*"}, "Accept-Ranges": {"bytes"},
			"Content-Encoding": {"br"}, "X-Content-Type-Options": {"nosniff"}, "Content-Security-Policy": {"sandbox; default-src 'none'; media-src 'self'"}}
		if !slices.Equal(sortedKeys(r.header), sortedKeys(want)) || r.header.Get("Content-Length") != "8" ||
			r.header.Get("Access-Control-Allow-Origin") != "*" || r.header.Get("Content-Encoding") != "br" ||
			r.header.Get("X-Content-Type-Options") != "nosniff" ||
			r.header.Get("Content-Security-Policy") != want.Get("Content-Security-Policy") || !slices.Equal(r.header["Cache-Control"], want["Cache-Control"]) {
			t.Errorf("header %v", r.header)
		}
		if r := p.ask("HEAD", "/s.ts", "Range: bytes=2-3"); r.status != 200 || r.header.Get("Content-Length") != "10" || r.body != "" {
			t.Errorf("HEAD: %+v", r)
		}
		if r := p.get("/s.ts", "Range: bytes=2-3"); r.status != 206 || !strings.HasPrefix(r.header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("a part: %+v", r)
		}
		if r := p.ask("OPTIONS", "/s.ts", "Access-Control-Request-Headers: range"); r.status != 204 ||
			r.header.Get("Access-Control-Allow-Headers") != "range" || r.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("OPTIONS: %+v", r)
		}
		if r := p.ask("POST", "/s.ts"); r.status != 405 || r.header.Get("Allow") == "" {
			t.Errorf("POST: %+v", r)
		}
		if r := p.get("/none"); r.status != 404 || !strings.Contains(r.body, "/stream.m3u8\n/a.m3u8?token=1\n") || r.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("unknown: %+v", r)
		}
		p.expect("/a.m3u8", 200, "#EXTM3U\n")
		p.expect("/a.m3u8?other", 200, "#EXTM3U\n")
		p.expect("/stream.m3u8?x=y", 200, "#EXTM3U\n")
	})
}
