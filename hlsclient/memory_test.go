package hlsclient

import (
	"bytes"
	"compress/gzip"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// reads runs a client, and checks that nothing is left of what it took.
func reads(t *testing.T, c *Client, address string, h Handler) error {
	t.Helper()
	c.SpoolDir = t.TempDir()
	r, err := c.newReading(t.Context(), address, h)
	if err != nil {
		t.Fatal(err)
	}
	err = r.run()
	if left := r.memory.left.Load(); left != maxMemory || r.spooled != 0 {
		t.Errorf("%d bytes of memory and %d of temporary files were not given back", maxMemory-left, r.spooled)
	}
	if list, _ := os.ReadDir(c.SpoolDir); len(list) > 0 {
		t.Errorf("left behind: %v", list)
	}
	return err
}

// repeated is a body of so many bytes that takes no room.
type repeated struct {
	text string
	at   int
	left int64 // negative for no end
}

func (b *repeated) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) {
		n += copy(p[n:], b.text[(b.at+n)%len(b.text):])
	}
	if b.left > 0 {
		n = int(min(int64(n), b.left))
		b.left -= int64(n)
	}
	b.at = (b.at + n) % len(b.text)
	return n, nil
}

func (b *repeated) Close() error { return nil }

// answers are bodies by path.
type answers map[string]func(*http.Response)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	resp := &http.Response{
		StatusCode: 200, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, Header: http.Header{}, Body: http.NoBody, ContentLength: -1,
	}
	if f := a[r.URL.Path]; f != nil {
		f(resp)
	} else {
		resp.StatusCode = 404
	}
	return resp, nil
}

func text(s string) func(*http.Response) {
	return func(r *http.Response) { r.Body = io.NopCloser(strings.NewReader(s)) }
}

func long(n int64) func(*http.Response) {
	return func(r *http.Response) { r.Body, r.ContentLength = &repeated{text: "0123456789abcdef", left: n}, n }
}

func endless(s string) func(*http.Response) {
	return func(r *http.Response) { r.Body = &repeated{text: s, left: -1} }
}

func coded(s string, how string) func(*http.Response) {
	return func(r *http.Response) {
		text(s)(r)
		r.Header.Set("Content-Encoding", how)
	}
}

func packed(t *testing.T, in io.Reader) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.Copy(z, in); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const vodOf = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n%s#EXT-X-ENDLIST\n"

// TestSpool keeps long segments in temporary files, as they came and decrypted, and removes these.
func TestSpool(t *testing.T) {
	t.Parallel()
	const size = maxInMemory + 5
	plain := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
	padded := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(16 - size%16)}, 16-size%16)...)
	key := []byte("fedcba9876543210")
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	cipher.NewCBCEncrypter(block, make([]byte, 16)).CryptBlocks(padded, padded)
	playlist := fmt.Sprintf(vodOf, "#EXTINF:1,\nlong.ts\n#EXTINF:1,\nunknown.ts\n#EXTINF:1,\nshort.ts\n#EXT-X-BYTERANGE:"+
		fmt.Sprint(size-100)+"@90\n#EXTINF:1,\nlong.ts\n#EXT-X-KEY:METHOD=AES-128,URI=\"key\",IV=0x0\n#EXTINF:1,\nsecret.ts\n")
	c := &Client{Now: time.Now, HTTP: &http.Client{Transport: answers{
		"/p.m3u8": text(playlist), "/long.ts": long(size), "/short.ts": long(100), "/key": text(string(key)), "/secret.ts": text(string(padded)),
		"/unknown.ts": func(r *http.Response) { long(size)(r); r.ContentLength = -1 },
	}}}
	want := [][]byte{plain, plain, plain[:100], plain[90 : size-10], plain}
	var got int
	err = reads(t, c, "http://o/p.m3u8", Handler{
		Exchange: func(e *Exchange) error {
			if e.Resource == ResourceSegment && e.Range == nil && (e.Spool == nil) != (e.Size() <= maxInMemory) {
				t.Errorf("%s: %d bytes in %v", e.URL, e.Size(), e.Spool)
			}
			return nil
		},
		Segment: func(s *Segment) error {
			if s.Err != nil {
				return s.Err
			}
			r, err := s.Open()
			if err != nil {
				return err
			}
			defer r.Close()
			b, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(b, want[got]) || s.Size() != int64(len(b)) || s.Range == nil && (s.Spool == nil) != (len(b) <= maxInMemory) {
				t.Errorf("segment %d: %d bytes, %v", s.MSN, len(b), err)
			}
			got++
			return nil
		},
	})
	if err != nil || got != len(want) {
		t.Errorf("%d segments, %v", got, err)
	}
}

// TestHostile reads from servers that send what has no end, or becomes long: each has an error that says what is wrong.
func TestHostile(t *testing.T) {
	t.Parallel()
	one := func(body func(*http.Response)) answers {
		return answers{"/p.m3u8": text(fmt.Sprintf(vodOf, "#EXTINF:1,\ns.ts\n")), "/s.ts": body}
	}
	first := func(body func(*http.Response)) answers { return answers{"/p.m3u8": body} }
	bomb := packed(t, io.MultiReader(strings.NewReader("#EXTM3U\n"), &repeated{text: "#EXTINF:1,\na\n", left: 64 << 20}))
	variants := strings.Repeat("#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n", 300_000)
	for name, c := range map[string]struct {
		answers answers
		want    string
	}{
		"segment without end":   {one(endless("x")), "longer than 20000000 bytes"},
		"temporary files":       {one(long(15_000_000)), "temporary files have"},
		"packed segment":        {one(coded(packed(t, strings.NewReader("x")), "gzip")), "content coding is not read"},
		"error without end":     {one(func(r *http.Response) { endless("x")(r); r.StatusCode = 403 }), "403 Forbidden"},
		"playlist without end":  {first(endless("#EXTM3U\n")), "longer than"},
		"many segments":         {first(endless("#EXTM3U\n#EXTINF:1,\na\n")), "longer than"},
		"too many segments":     {first(text("#EXTM3U\n" + strings.Repeat("#EXTINF:1,\na\n", 400_000))), "no room in memory"},
		"too many variants":     {first(text("#EXTM3U\n" + variants)), "no room in memory"},
		"packed playlist":       {first(coded(bomb, "gzip")), "longer than"},
		"packed, and none":      {first(coded(packed(t, strings.NewReader(strings.Repeat("x", 1<<20))), "gzip")), "it is no playlist"},
		"not packed at all":     {first(coded("#EXTM3U\n", "gzip")), "decode playlist"},
		"packed in another way": {first(coded("#EXTM3U\n", "br")), `content coding is not read: it is sent as "br"`},
		"redirected for ever":   {first(func(r *http.Response) { r.StatusCode = 302; r.Header.Set("Location", "/p.m3u8") }), "10 times"},
		"long address":          {one(nil), "longer than 16384 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "long address" {
				c.answers["/p.m3u8"] = text(fmt.Sprintf(vodOf, "#EXTINF:1,\n"+strings.Repeat("x", maxURI+1)+"\n"))
			}
			client := &Client{Now: time.Now, HTTP: &http.Client{Transport: c.answers}, MaxSegment: 20_000_000, RetryMin: time.Millisecond, RetryMax: time.Millisecond}
			if name == "temporary files" {
				client.MaxSpool = 10_000_000
			}
			var told error
			err := reads(t, client, "http://o/p.m3u8", Handler{Segment: func(s *Segment) error { told = s.Err; return nil }})
			if err = errors.Join(err, told); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
			t.Log(err)
		})
	}
}

// TestPackedPlaylist reads a playlist that was sent compressed: the exchange has what was sent, the version its text.
func TestPackedPlaylist(t *testing.T) {
	t.Parallel()
	playlist := fmt.Sprintf(vodOf, "#EXTINF:1,\ns.ts\n")
	sent := packed(t, strings.NewReader(playlist))
	c := &Client{Now: time.Now, HTTP: &http.Client{Transport: answers{"/p.m3u8": coded(sent, "gzip"), "/s.ts": text("segment")}}}
	h := &heard{}
	if err := reads(t, c, "http://o/p.m3u8", h.handler()); err != nil {
		t.Fatal(err)
	}
	if v := h.versions[0]; string(v.Text) != playlist || string(v.Exchange.Body) != sent || h.told() != "0:segment" {
		t.Errorf("%q, %d bytes were sent, %s", v.Text, len(v.Exchange.Body), h.told())
	}
}

// TestSlow gives up what would come to no end, though it never stalls.
func TestSlow(t *testing.T) {
	t.Parallel()
	inTime(t, nil, func(t *testing.T, c *Client, o *origin) {
		slow := func(r *http.Response) { r.Body = &slowBody{r.Request.Context(), 1 << 30, 9 * time.Second} }
		c.Attempts = 1
		c.HTTP = &http.Client{Transport: answers{"/p.m3u8": slow}}
		if err := c.Run(t.Context(), "http://o/p.m3u8", Handler{}); err == nil || !strings.Contains(err.Error(), "too slow: 6 bytes in 1m0s") {
			t.Error(err)
		}
		c.HTTP = &http.Client{Transport: answers{"/p.m3u8": text(fmt.Sprintf(vodOf, "#EXTINF:1,\ns.ts\n")), "/s.ts": slow}}
		h := &heard{}
		if err := c.Run(t.Context(), "http://o/p.m3u8", h.handler()); err != nil || !errors.Is(h.segments[0].Err, errSlow) {
			t.Error(err)
		}
	})
}
