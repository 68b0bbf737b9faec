package hlsclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

// makeHLS has ffmpeg publish 6 s in segments of 2 s, and returns the directory.
func makeHLS(t *testing.T, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	all := []string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x96:r=25", "-t", "6", "-c:v", "libx264", "-preset",
		"ultrafast", "-g", "50", "-f", "hls", "-hls_time", "2", "-hls_list_size", "0"}
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "DIR", dir)
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	if slices.Contains(args, "-hls_key_info_file") {
		writeFile(t, dir, "key", "0123456789abcdef")
		writeFile(t, dir, "info", "key\n"+dir+"/key\n"+"000102030405060708090a0b0c0d0e0f\n")
	}
	run(ctx, t, "ffmpeg", append(append(all, args...), filepath.Join(dir, "index.m3u8"))...)
	return dir
}

func writeFile(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// readBoth reads a playlist of a directory over HTTP and as a file.
func readBoth(t *testing.T, dir, name string, c Client, check func(t *testing.T, h *heard, requests []string)) {
	t.Helper()
	var mu sync.Mutex
	var requests []string
	files := http.FileServer(http.Dir(dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		requests = append(requests, r.URL.Path+" "+r.Header.Get("Range"))
		mu.Unlock()
		files.ServeHTTP(w, r)
	}))
	defer server.Close()
	c.Now = time.Now
	for _, address := range []string{server.URL + "/" + name, filepath.Join(dir, name), "file://" + filepath.Join(dir, name)} {
		h := &heard{}
		requests = nil
		if err := c.Run(t.Context(), address, h.handler()); err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		for _, s := range h.segments {
			if s.Err != nil {
				t.Errorf("%s: segment %d: %v", address, s.MSN, s.Err)
			}
		}
		for _, e := range h.exchanges {
			if e.Err != nil || e.Attempt != 1 || e.Answered.Before(e.Began) || e.Ended.Before(e.Answered) {
				t.Errorf("%s: %+v", address, e)
			}
		}
		if len(h.troubles) > 0 {
			t.Errorf("%s: %v", address, h.troubles[0].Err)
		}
		check(t, h, requests)
	}
}

// TestVOD reads what ffmpeg publishes in all the ways that it can.
func TestVOD(t *testing.T) {
	t.Parallel()
	t.Run("TS", func(t *testing.T) {
		t.Parallel()
		dir := makeHLS(t)
		readBoth(t, dir, "index.m3u8", Client{}, func(t *testing.T, h *heard, requests []string) {
			for i, s := range h.segments {
				if s.MSN != int64(i) || string(s.Data) != readFile(t, dir, fmt.Sprintf("index%d.ts", i)) || s.Init != nil || s.InitChanged {
					t.Errorf("segment %d: %d bytes of %s", s.MSN, len(s.Data), s.URL)
				}
			}
			if len(h.segments) != 3 || len(requests) > 0 && len(requests) != 4 {
				t.Errorf("%d segments, requests %q", len(h.segments), requests)
			}
		})
	})
	t.Run("fMP4", func(t *testing.T) {
		t.Parallel()
		dir := makeHLS(t, "-hls_segment_type", "fmp4")
		readBoth(t, dir, "index.m3u8", Client{}, func(t *testing.T, h *heard, requests []string) {
			for i, s := range h.segments {
				if string(s.Data) != readFile(t, dir, fmt.Sprintf("index%d.m4s", i)) || string(s.Init) != readFile(t, dir, "init.mp4") ||
					s.InitChanged != (i == 0) {
					t.Errorf("segment %d: %d and %d bytes", s.MSN, len(s.Init), len(s.Data))
				}
			}
			if len(h.segments) != 3 || len(requests) > 0 && len(requests) != 5 {
				t.Errorf("%d segments, requests %q", len(h.segments), requests)
			}
		})
	})
	t.Run("byte ranges", func(t *testing.T) {
		t.Parallel()
		dir := makeHLS(t, "-hls_flags", "single_file")
		readBoth(t, dir, "index.m3u8", Client{}, func(t *testing.T, h *heard, requests []string) {
			var all []byte
			for _, s := range h.segments {
				all = append(all, s.Data...)
			}
			if whole := readFile(t, dir, "index.ts"); string(all) != whole || !bytes.Equal(h.bodyOf(ResourceSegment), all) {
				t.Errorf("%d bytes in all, want %d", len(all), len(whole))
			}
			for _, r := range requests[min(1, len(requests)):] {
				if !strings.HasPrefix(r, "/index.ts bytes=") {
					t.Errorf("requested %s", r)
				}
			}
		})
	})
	t.Run("AES-128", func(t *testing.T) {
		t.Parallel()
		dir := makeHLS(t, "-hls_key_info_file", "DIR/info")
		readBoth(t, dir, "index.m3u8", Client{}, func(t *testing.T, h *heard, requests []string) {
			for i, s := range h.segments {
				name := filepath.Join(dir, fmt.Sprintf("index%d.ts", i))
				ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
				defer cancel()
				want := run(ctx, t, "openssl", "enc", "-d", "-aes-128-cbc", "-K", fmt.Sprintf("%x", "0123456789abcdef"),
					"-iv", "000102030405060708090a0b0c0d0e0f", "-in", name)
				if !bytes.Equal(s.Data, want) || s.Data[0] != 0x47 {
					t.Errorf("segment %d: %d bytes, openssl has %d", i, len(s.Data), len(want))
				}
				if string(s.Exchange.Body) != readFile(t, dir, filepath.Base(name)) {
					t.Errorf("segment %d: the exchange is not what was sent", i)
				}
			}
			keys := slices.DeleteFunc(requests, func(r string) bool { return r != "/key " })
			if len(h.segments) != 3 || len(keys) > 1 {
				t.Errorf("%d segments, the key was asked for %d times", len(h.segments), len(keys))
			}
		})
	})
}

// TestVariants reads several playlists at once: one that fails does not stop the others, and one that two variants share
// is read once.
func TestVariants(t *testing.T) {
	t.Parallel()
	master := `#EXTM3U
#EXT-X-DEFINE:NAME="x",VALUE="lo"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="n",URI="audio/i.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"
{$x}/i.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=3
gone/i.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO="b"
lo/i.m3u8
`
	answer := func(path string, _ time.Duration) (int, string) {
		switch dir, name, _ := strings.Cut(path, "/"); {
		case path == "master.m3u8":
			return 200, master
		case dir == "gone":
			return 403, ""
		case name == "i.m3u8":
			return 200, "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-DEFINE:IMPORT=\"x\"\n#EXTINF:2,\n{$x}.ts\n#EXT-X-ENDLIST\n"
		}
		return 200, path
	}
	inTime(t, answer, func(t *testing.T, c *Client, o *origin) {
		c.Choose = Everything
		h := &heard{}
		if err := c.Run(t.Context(), "http://o/master.m3u8", h.handler()); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range h.segments {
			got = append(got, fmt.Sprintf("%d %s", s.Stream.Number, s.Data))
		}
		slices.Sort(got)
		if !slices.Equal(got, []string{"0 lo/lo.ts", "2 audio/lo.ts"}) {
			t.Errorf("segments %q", got)
		}
		var r *RequestError
		if len(h.troubles) != 1 || h.troubles[0].Stream.Number != 1 || !errors.As(h.troubles[0].Err, &r) || r.Status != 403 {
			t.Errorf("troubles %+v", h.troubles)
		}
		if o.requests("lo/i.m3u8") != "0s" {
			t.Errorf("one that is shared was asked for at %s", o.requests("lo/i.m3u8"))
		}
	})
	inTime(t, answer, func(t *testing.T, c *Client, _ *origin) { // the highest is gone
		var r *RequestError
		if err := c.Run(t.Context(), "http://o/master.m3u8", Handler{}); !errors.As(err, &r) || r.Status != 403 {
			t.Error(err)
		}
		c.Choose = func(*m3u8.Multivariant) []Stream { return nil }
		if err := c.Run(t.Context(), "http://o/master.m3u8", Handler{}); err == nil || !strings.Contains(err.Error(), "3 variants") {
			t.Error(err)
		}
	})
}

// TestOddServers reads from servers that redirect, know no ranges, send other ones, or break off.
func TestOddServers(t *testing.T) {
	t.Parallel()
	playlist := "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n#EXT-X-BYTERANGE:4@3\nseg?x=1\n#EXT-X-ENDLIST\n"
	for name, c := range map[string]struct {
		segment http.HandlerFunc
		want    string
	}{
		"knows ranges": {func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader("0123456789"))
		}, "3456"},
		"knows none": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "0123456789") }, "3456"},
		"too short":  {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "01234") }, "! unexpected EOF"},
		"short range": {func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader("01234"))
		}, "! the answer is another part"},
		"wrong range": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 0-3/10")
			w.WriteHeader(http.StatusPartialContent)
			io.WriteString(w, "0123")
		}, "! the answer is another part"},
		"breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "012")
		}, "! unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mux := http.NewServeMux()
			mux.HandleFunc("/a/index.m3u8", func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/b/deep/index.m3u8", http.StatusFound)
			})
			mux.HandleFunc("/b/deep/index.m3u8", func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("X-Mine") != "yes" {
					t.Error("the header is missing")
				}
				io.WriteString(w, playlist)
			})
			mux.HandleFunc("/b/deep/seg", c.segment)
			server := httptest.NewServer(mux)
			defer server.Close()
			h := &heard{}
			client := Client{Now: time.Now, Attempts: 2, RetryMin: time.Millisecond, Header: http.Header{"X-Mine": {"yes"}}}
			if err := client.Run(t.Context(), server.URL+"/a/index.m3u8", h.handler()); err != nil {
				t.Fatal(err)
			}
			s := h.segments[0]
			got := string(s.Data)
			if s.Err != nil {
				got = "! " + s.Err.Error()
			}
			if prefix, why, bad := strings.Cut(c.want, "! "); bad && !strings.Contains(got, why) || !bad && got != prefix {
				t.Errorf("%s, want %s", got, c.want)
			}
			first := h.exchanges[0]
			if first.FinalURL != server.URL+"/b/deep/index.m3u8" || first.URL != server.URL+"/a/index.m3u8" {
				t.Errorf("the playlist came from %s", first.FinalURL)
			}
		})
	}
}
