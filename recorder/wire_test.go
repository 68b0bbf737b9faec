package recorder

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/recorder/timing"
)

// TestAsSent records headers and bodies as they were sent: compressed ones too, whose text is the version of a playlist.
func TestAsSent(t *testing.T) {
	t.Parallel()
	const playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nplain.ts\n#EXTINF:1,\npacked.ts\n#EXT-X-ENDLIST\n"
	pack := func(text string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	sent := map[string][]byte{
		"/live.m3u8": pack(playlist), "/plain.ts": []byte("plain"), "/packed.ts": pack(strings.Repeat("packed", 100_000)),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := sent[r.URL.Path]
		if bytes.HasPrefix(body, []byte("\x1f\x8b")) {
			w.Header().Set("Content-Encoding", "gzip")
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Write(body)
	}))
	defer server.Close()
	dir := filepath.Join(t.TempDir(), "s")
	sum := recorded(t, Options{URL: server.URL + "/live.m3u8", Dir: dir})
	if sum.Segments != 1 || sum.Failed != 1 || sum.Failures != 1 {
		t.Errorf("%+v", sum)
	}
	checkWhole(t, dir, false)
	s := opened(t, dir)
	list := exchanges(t, s)
	for _, e := range list {
		path := strings.TrimPrefix(e.URL, server.URL)
		body, coding := sent[path], ""
		if path != "/plain.ts" {
			coding = "gzip"
		}
		if !bytes.Equal(bodyOf(t, s, e.Body), body) || e.Header.Get("Content-Encoding") != coding || e.Header.Get("Content-Length") != fmt.Sprint(len(body)) {
			t.Errorf("%s: %d bytes, %v", path, e.Bytes, e.Header)
		}
		if refused := strings.Contains(e.Error, "content coding is not read"); refused != (path == "/packed.ts") {
			t.Errorf("%s: error %q", path, e.Error)
		}
	}
	versions := must[[]*Version](t)(all(s.Versions(t.Context(), s.dirPlaylist(t))))
	if len(list) != 3 || len(versions) != 1 || string(bodyOf(t, s, versions[0].Body)) != playlist {
		t.Errorf("%d exchanges, %d versions", len(list), len(versions))
	}
}

// TestLongSegments measures segments that are too long for memory as it does others, and keeps them.
func TestLongSegments(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]string{"TS": "", "fMP4": "-hls_segment_type fmp4"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, dir := t.TempDir(), filepath.Join(t.TempDir(), "s")
			args := "-v error -f lavfi -i testsrc2=s=640x360:r=25,noise=alls=100:allf=t -t 2 -c:v libx264 -preset ultrafast -qp 2 -g 50 -f hls -hls_time 2 " +
				options
			publish := exec.CommandContext(t.Context(), "ffmpeg", append(strings.Fields(args), filepath.Join(from, "index.m3u8"))...)
			if out, err := publish.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			server := httptest.NewServer(http.FileServer(http.Dir(from)))
			defer server.Close()
			long := 0
			c := hlsclient.Client{Now: time.Now}
			for _, address := range []string{server.URL, from} {
				err := c.Run(t.Context(), address+"/index.m3u8", hlsclient.Handler{Segment: func(s *hlsclient.Segment) error {
					if s.Err != nil || s.Spool == nil {
						return fmt.Errorf("%d bytes in %v: %w", s.Size(), s.Spool, s.Err)
					}
					long++
					r, err := s.Open()
					if err != nil {
						return err
					}
					defer r.Close()
					short := *s
					short.Spool, short.Data = nil, make([]byte, s.Size())
					if _, err := io.ReadFull(r, short.Data); err != nil {
						return err
					}
					if got, want := timing.Measure(s), timing.Measure(&short); want == nil || want.Media != timing.Video || !reflect.DeepEqual(got, want) {
						t.Errorf("%+v, want %+v", got, want)
					}
					return nil
				}})
				if err != nil || long == 0 {
					t.Fatalf("%d segments: %v", long, err)
				}
			}
			sum := recorded(t, Options{URL: server.URL + "/index.m3u8", Dir: dir})
			if sum.Segments != 1 || sum.Failures > 0 {
				t.Errorf("%+v", sum)
			}
			checkWhole(t, dir, false)
			for _, e := range exchanges(t, opened(t, dir)) {
				if e.Resource == hlsclient.ResourceSegment && e.Bytes < 4<<20 {
					t.Errorf("%+v", e)
				}
			}
		})
	}
}
