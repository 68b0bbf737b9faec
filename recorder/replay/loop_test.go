package replay

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/recorder"
)

// encrypt encrypts as a segment with a number is (RFC 8216bis, 4.4.4.4).
func encrypt(t *testing.T, text, key string, msn int) string {
	t.Helper()
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	n := aes.BlockSize - len(text)%aes.BlockSize
	b := append([]byte(text), bytes.Repeat([]byte{byte(n)}, n)...)
	var iv [aes.BlockSize]byte
	binary.BigEndian.PutUint64(iv[8:], uint64(msn))
	cipher.NewCBCEncrypter(block, iv[:]).CryptBlocks(b, b)
	return string(b)
}

// looping says how a stream is made whose recording is looped.
type looping struct {
	window int  // segments in the playlist
	count  int  // segments that come after the first window
	event  bool // nothing leaves the playlist, and it ends
	keys   bool // encrypted without IV, with a new key each 3 segments
	maps   bool // with initialization sections, the other each 4 segments
	breaks int  // a discontinuity each so many segments, 0 for none
	lies   bool // the playlist doesn't count them
	stale  bool // an older version comes in between
	parts  bool // the segments are parts of one resource
	listed bool // the session tells how long they are
}

// record makes the tape: a segment of 2 s each 2 s, the first window from 1 s on, numbered from 100.
func (l looping) record(t *testing.T) *tape {
	t.Helper()
	tp := newTape("http://o/live/a.m3u8", time.Duration(l.count+1)*2*time.Second)
	version := func(last int) string {
		first := last - l.window + 1
		if l.event {
			first = 100
		}
		b := fmt.Sprintf("#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:%d\n", first)
		if l.event {
			b += "#EXT-X-PLAYLIST-TYPE:EVENT\n"
		}
		if l.breaks > 0 && !l.lies {
			b += fmt.Sprintf("#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", (first-1)/l.breaks)
		}
		for n := first; n <= last; n++ {
			if l.breaks > 0 && n%l.breaks == 0 {
				b += "#EXT-X-DISCONTINUITY\n"
			}
			if l.maps && (n%4 == 0 || n == first) {
				if l.keys {
					b += "#EXT-X-KEY:METHOD=NONE\n"
				}
				b += fmt.Sprintf("#EXT-X-MAP:URI=\"init%d.mp4\"\n", n/4%2)
			}
			if l.keys && (n%3 == 0 || n == first || l.maps && n%4 == 0) {
				b += fmt.Sprintf("#EXT-X-KEY:METHOD=AES-128,URI=\"key%d\"\n", n/3)
			}
			if n == first || n%2 == 0 {
				b += "#EXT-X-PROGRAM-DATE-TIME:" + tapeStart.Add(time.Duration(n)*2*time.Second).Format("2006-01-02T15:04:05.000Z") + "\n"
			}
			if n%5 == 0 {
				b += fmt.Sprintf("#EXT-X-DATERANGE:ID=\"e%d\",START-DATE=\"%s\"\n", n, tapeStart.Add(time.Duration(n)*2*time.Second).Format(time.RFC3339))
			}
			if l.parts {
				b += "#EXT-X-BYTERANGE:3"
				if n == first {
					b += fmt.Sprintf("@%d", (n-100)*3)
				}
				b += "\n"
			}
			b += "#EXTINF:2,\n"
			if l.parts {
				b += "all.ts\n"
			} else {
				b += fmt.Sprintf("%d.ts\n", n)
			}
		}
		if l.event && last == 99+l.window+l.count {
			b += "#EXT-X-ENDLIST\n"
		}
		return b
	}
	for i := range l.count + 1 {
		at := time.Duration(i)*2*time.Second + time.Second
		tp.add(tp.url, at, version(99+l.window+i))
		if l.stale && i > 3 && i%4 == 0 {
			tp.add(tp.url, at+500*ms, version(99+l.window+i-1))
			tp.add(tp.url, at+time.Second, version(99+l.window+i))
		}
	}
	for n := 100; n < 100+l.window+l.count; n++ {
		body := fmt.Sprintf("%d", n)
		if l.listed {
			tp.segments = append(tp.segments, recorder.Segment{MSN: int64(n), Duration: 2 * time.Second})
		}
		if l.keys {
			body = encrypt(t, body, fmt.Sprintf("%016d", n/3), n)
		}
		at := time.Second + time.Duration(max(n-99-l.window, 0))*2*time.Second
		if l.parts {
			e := tp.add("http://o/live/all.ts", at, body)
			e.Range, e.Status = &m3u8.ByteRange{Offset: int64(n-100) * 3, Length: 3}, 206
			e.Header = http.Header{"Content-Range": {fmt.Sprintf("bytes %d-%d/*", (n-100)*3, (n-100)*3+2)}}
			continue
		}
		tp.add(fmt.Sprintf("http://o/live/%d.ts", n), at, body)
	}
	for n := 100 / 3; n <= (100+l.window+l.count)/3; n++ {
		tp.add(fmt.Sprintf("http://o/live/key%d", n), time.Second, fmt.Sprintf("%016d", n))
	}
	tp.add("http://o/live/init0.mp4", time.Second, "init0")
	tp.add("http://o/live/init1.mp4", time.Second, "init1")
	return tp
}

// TestLoop follows a loop for some passes with a client that can tell whether it goes on.
func TestLoop(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]looping{
		"plain":            {window: 5, count: 20},
		"listed":           {window: 5, count: 20, listed: true},
		"short recording":  {window: 12, count: 3},
		"event":            {window: 3, count: 8, event: true},
		"keys":             {window: 5, count: 20, keys: true},
		"keys and maps":    {window: 5, count: 10, keys: true, maps: true},
		"maps":             {window: 5, count: 7, maps: true},
		"discontinuities":  {window: 5, count: 13, breaks: 4},
		"at each segment":  {window: 5, count: 13, breaks: 1},
		"uncounted breaks": {window: 5, count: 13, breaks: 4, lies: true},
		"stale versions":   {window: 5, count: 16, stale: true},
		"byte ranges":      {window: 5, count: 9, parts: true},
	} {
		for _, speed := range []Speed{{1, 1}, {2, 1}} {
			t.Run(fmt.Sprint(name, " ", speed), func(t *testing.T) {
				t.Parallel()
				inTime(t, l.record(t), Options{Loop: true, Speed: speed}, func(t *testing.T, p *player) { l.follow(t, p, speed) })
			})
		}
	}
}

// follow reads three passes and some more.
func (l looping) follow(t *testing.T, p *player, speed Speed) {
	t.Helper()
	length := time.Duration(l.count+1) * 2 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), speed.real(3*length+length/2))
	defer cancel()
	client := hlsclient.Client{Now: time.Now, HTTP: &http.Client{Transport: p.http.Transport}, Behind: -1,
		Reload: func(*m3u8.Media, bool) time.Duration { return 100 * ms }}
	want, seen := int64(100), map[string]string{}
	var last *hlsclient.Segment
	var changed time.Duration
	err := client.Run(ctx, "http://replay/stream.m3u8", hlsclient.Handler{
		Version: func(v *hlsclient.Version) error {
			m := v.Playlist.Media
			if v.Stale && !l.stale || v.Restarted || v.Missed > 0 || m.End || m.Type != "" || len(v.Playlist.Warnings) > 0 {
				t.Errorf("version %d at %v: %+v\n%s", v.Number, time.Since(p.start), v, v.Exchange.Body)
			}
			if n := len(m.Segments); n < l.window || !l.event && n != l.window {
				t.Errorf("version %d has %d segments", v.Number, n)
			}
			if v.Changed {
				now := time.Since(p.start)
				if gap := now - changed; v.Number > 0 && gap > speed.real(2*time.Second)+200*ms {
					t.Errorf("version %d came %v after the last, at %v", v.Number, gap, now)
				}
				changed = now
			}
			for _, d := range m.DateRanges {
				text := d.Start.String()
				if old, ok := seen[d.ID]; ok && old != text {
					t.Errorf("the date range %s is %s and was %s", d.ID, text, old)
				}
				seen[d.ID] = text
			}
			return nil
		},
		Segment: func(s *hlsclient.Segment) error {
			// Of the first pass come all, of each later one those that were new in the recording.
			n := s.MSN
			if all := int64(100 + l.window + l.count); n >= all {
				n = (n-all)%int64(l.count) + int64(100+l.window)
			}
			if s.Err != nil || s.MSN != want || string(s.Data) != fmt.Sprint(n) || l.maps && string(s.Init) != fmt.Sprintf("init%d", n/4%2) {
				t.Errorf("segment %d at %v: %q %q %v; want %d to be %d", s.MSN, time.Since(p.start), s.Data, s.Init, s.Err, want, n)
			}
			want = s.MSN + 1
			joint := last != nil && n == int64(100+l.window) && s.MSN != n || last != nil && l.breaks > 0 && n%int64(l.breaks) == 0
			if last != nil && s.Discontinuity != joint {
				t.Errorf("segment %d: discontinuity %v", s.MSN, s.Discontinuity)
			}
			if last != nil && !l.lies && (s.DiscontinuitySequence > last.DiscontinuitySequence) != joint {
				t.Errorf("segment %d: discontinuity %d after %d", s.MSN, s.DiscontinuitySequence, last.DiscontinuitySequence)
			}
			last = s
			return nil
		},
		Trouble: func(tr *hlsclient.Trouble) error { t.Errorf("%v", tr.Err); return nil },
	})
	passes := int64(3)
	if ctx.Err() == nil || want < 100+int64(l.window)+passes*int64(l.count) {
		t.Errorf("after %v: %v, up to segment %d", time.Since(p.start), err, want)
	}
	if len(seen) < 3*l.count/5 {
		t.Errorf("%d date ranges", len(seen))
	}
}

// TestLoopDates has dates go on with the passes, at any time of which a client asks.
func TestLoopDates(t *testing.T) {
	t.Parallel()
	l := looping{window: 5, count: 20}
	inTime(t, l.record(t), Options{Loop: true, Rebase: true, Offset: 20 * time.Second}, func(t *testing.T, p *player) {
		for at := time.Second; at < 4*time.Minute; at += 2 * time.Second {
			p.at(at)
			edge, ok := edgeOf([]byte(p.get("/live/a.m3u8").body))
			if diff := time.Until(edge); !ok || diff.Abs() > 2500*ms {
				t.Errorf("at %v the playlist ends %v from now", at, diff)
			}
		}
	})
}

// TestLoopAsRecorded leaves the first pass as it was, and what can't be joined.
func TestLoopAsRecorded(t *testing.T) {
	t.Parallel()
	l := looping{window: 5, count: 6}
	tp := l.record(t)
	inTime(t, tp, Options{Loop: true}, func(t *testing.T, p *player) {
		for i, e := range tp.exchanges[:7] {
			p.at(time.Duration(i)*2*time.Second + time.Second)
			p.expect("/live/a.m3u8", 200, tp.bodies[e.Body])
		}
	})
	restarted := newTape("http://o/a.m3u8", 10*time.Second)
	restarted.add(restarted.url, 0, window(90, 94))
	restarted.add(restarted.url, 5*time.Second, window(0, 4, "#EXT-X-ENDLIST\n"))
	inTime(t, restarted, Options{Loop: true}, func(t *testing.T, p *player) {
		for range 3 {
			p.expect("/a.m3u8", 200, window(90, 94))
			<-time.After(5 * time.Second)
			synctest.Wait()
			p.expect("/a.m3u8", 200, window(0, 4))
			<-time.After(5 * time.Second)
		}
	})
	broken := newTape("http://o/a.m3u8", 10*time.Second)
	broken.add(broken.url, 0, window(0, 4))
	broken.add(broken.url, 4*time.Second, window(1, 5))
	broken.add(broken.url, 5*time.Second, "<html>")
	broken.add(broken.url, 5500*ms, "").Status = 500
	broken.add(broken.url, 6*time.Second, window(2, 6))
	broken.add(broken.url, 8*time.Second, window(3, 7))
	inTime(t, broken, Options{Loop: true}, func(t *testing.T, p *player) {
		// The new segments are 6 s long: later passes begin at 4 s.
		for pass := range time.Duration(3) {
			start := 10*time.Second + pass*6*time.Second
			p.at(start)
			got := p.get("/a.m3u8").body
			want := fmt.Sprintf("SEQUENCE:%d\n", 4+3*pass)
			if !strings.Contains(got, want) || !strings.HasSuffix(got, "\n7.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2,\n5.ts\n") {
				t.Errorf("pass %d: %s", pass, got)
			}
			p.at(start + time.Second)
			p.expect("/a.m3u8", 200, "<html>")
			p.at(start + 1500*ms)
			p.expect("/a.m3u8", 500, "")
		}
	})
}
