package hlsclient

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTooLong takes no more than it should.
func TestTooLong(t *testing.T) {
	t.Parallel()
	inTime(t, func(path string, _ time.Duration) (int, string) {
		if path == "vod.m3u8" {
			return 200, window(0, 1, "#EXT-X-ENDLIST\n")
		}
		if path == "0.ts" {
			return 200, strings.Repeat("x", 1001)
		}
		return 200, strings.Repeat("x", 1000)
	}, func(t *testing.T, c *Client, _ *origin) {
		c.MaxSegment, c.Attempts = 1000, 1
		h := &heard{}
		if err := c.Run(t.Context(), "http://o/vod.m3u8", h.handler()); err != nil {
			t.Fatal(err)
		}
		if err := h.segments[0].Err; err == nil || !strings.Contains(err.Error(), "longer than 1000 bytes") || len(h.segments[0].Exchange.Body) != 1000 {
			t.Error(err)
		}
		if len(h.segments[1].Data) != 1000 {
			t.Errorf("%d bytes", len(h.segments[1].Data))
		}
	})
}

// TestLocalFilesStayLocal lets no server have files read.
func TestLocalFilesStayLocal(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	writeFile(t, filepath.Dir(secret), "secret", "0123456789abcdef")
	inTime(t, func(path string, _ time.Duration) (int, string) {
		if path == "0.ts" {
			return 200, strings.Repeat("x", 16)
		}
		return 200, "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://" + secret + "\n#EXTINF:2,\nftp://x/y\n" +
			"#EXT-X-KEY:METHOD=AES-128,URI=\"file://" + secret + "\"\n#EXTINF:2,\n0.ts\n#EXT-X-KEY:METHOD=NONE\n" +
			"#EXT-X-MAP:URI=\"file://" + secret + "\"\n#EXTINF:2,\n0.ts\n#EXT-X-ENDLIST\n"
	}, func(t *testing.T, c *Client, _ *origin) {
		h := &heard{}
		if err := c.Run(t.Context(), "http://o/vod.m3u8", h.handler()); err != nil {
			t.Fatal(err)
		}
		for _, s := range h.segments {
			if s.Err == nil || !strings.Contains(s.Err.Error(), "not http or https") || s.Data != nil || s.Init != nil {
				t.Errorf("segment %d: %v", s.MSN, s.Err)
			}
		}
	})
}

// TestEncryption tells what can't be decrypted, and why.
func TestEncryption(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ key, want string }{
		"other method":  {`METHOD=SAMPLE-AES,URI="key"`, `encryption is not read: "SAMPLE-AES"`},
		"other format":  {`METHOD=AES-128,URI="key",KEYFORMAT="x"`, `encryption is not read: "AES-128" with keys of format "x"`},
		"no key":        {`METHOD=AES-128,URI="gone"`, "404"},
		"no URI":        {`METHOD=AES-128`, "the key has no URI"},
		"long key":      {`METHOD=AES-128,URI="page"`, "has 100 bytes, not 16"},
		"wrong key":     {`METHOD=AES-128,URI="key"`, "padding is wrong"},
		"no encryption": {`METHOD=AES-128,URI="key",IV=0x1`, "no whole number of blocks"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inTime(t, func(path string, _ time.Duration) (int, string) {
				switch path {
				case "vod.m3u8":
					return 200, strings.Replace(window(0, 0, "#EXT-X-ENDLIST\n"), "#EXTINF", "#EXT-X-KEY:"+c.key+"\n#EXTINF", 1)
				case "key":
					return 200, "0123456789abcdef"
				case "page":
					return 200, strings.Repeat("x", 100)
				case "0.ts":
					return 200, strings.Repeat("x", map[bool]int{true: 187, false: 160}[name == "no encryption"])
				}
				return 404, ""
			}, func(t *testing.T, client *Client, _ *origin) {
				h := &heard{}
				if err := client.Run(t.Context(), "http://o/vod.m3u8", h.handler()); err != nil {
					t.Fatal(err)
				}
				err := h.segments[0].Err
				if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrMethod) != strings.HasPrefix(name, "other") {
					t.Errorf("%v, want %s", err, c.want)
				}
			})
		})
	}
}

// TestBadClient refuses what it can't be told to do.
func TestBadClient(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]struct {
		client  Client
		address string
	}{
		"Now is missing":        {Client{}, "http://o/a"},
		"is negative":           {Client{Now: time.Now, GiveUp: -1}, "http://o/a"},
		"it is empty":           {Client{Now: time.Now}, ""},
		`scheme "rtmp" is not`:  {Client{Now: time.Now}, "rtmp://o/a"},
		"no host in":            {Client{Now: time.Now}, "http:///a"},
		"it is not a URL":       {Client{Now: time.Now}, "http://[::1/a"},
		"no such file":          {Client{Now: time.Now, RetryMin: 1}, filepath.Join(t.TempDir(), "none.m3u8")},
		"it is no regular file": {Client{Now: time.Now, RetryMin: 1}, t.TempDir()},
	} {
		if err := c.client.Run(t.Context(), c.address, Handler{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", c.address, err, want)
		}
	}
}

// TestNames finds local segments that are named literally or as URIs.
func TestNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a b.ts", "c%20d.ts", "e?f.ts", "ü.ts"} {
		writeFile(t, dir, name, name)
	}
	text := "#EXTM3U\n#EXT-X-TARGETDURATION:1\n"
	want := []string{"a b.ts", "a b.ts", "c%20d.ts", "e?f.ts", "ü.ts", "ü.ts", "a b.ts"}
	for _, uri := range []string{"a b.ts", "a%20b.ts?token=1", "c%20d.ts", "e?f.ts", "ü.ts", "%C3%BC.ts", filepath.Join(dir, "a b.ts")} {
		text += "#EXTINF:1,\n" + uri + "\n"
	}
	writeFile(t, dir, "index.m3u8", text+"#EXT-X-ENDLIST\n")
	h := &heard{}
	c := Client{Now: time.Now}
	if err := c.Run(t.Context(), filepath.Join(dir, "index.m3u8"), h.handler()); err != nil {
		t.Fatal(err)
	}
	for i, s := range h.segments {
		if string(s.Data) != want[i] || !strings.HasPrefix(s.URL, "file:///") {
			t.Errorf("%q is %q, %v, want %q", s.URI, s.Data, s.Err, want[i])
		}
	}
}

// What is no playlist and has no end is given up soon: a stream whose address was given, or a device.
func TestEndlessOther(t *testing.T) {
	t.Parallel()
	served := make(chan int, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long.m3u8" {
			io.WriteString(w, "\ufeff#EXTM3U\n#EXT-X-TARGETDURATION:2\n"+strings.Repeat("# a comment\n", maxOther)+"#EXT-X-ENDLIST\n")
			return
		}
		sent := 0
		for r.Context().Err() == nil {
			n, err := w.Write(bytes.Repeat([]byte{0x47}, 188))
			sent += n
			if err != nil {
				break
			}
		}
		served <- sent
	}))
	defer server.Close()
	c := Client{Now: time.Now, Attempts: 1}
	var failed *RequestError
	err := c.Run(t.Context(), server.URL+"/live.ts", Handler{})
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), `no playlist: it begins with "GGGG`) {
		t.Error(err)
	}
	if sent := <-served; sent > 64<<20 {
		t.Errorf("%d bytes were sent", sent)
	}
	if err := c.Run(t.Context(), server.URL+"/long.m3u8", Handler{}); err != nil {
		t.Errorf("a long playlist: %v", err)
	}
}
