package gaps

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/refstream/refstream/internal/testnet"
	"github.com/refstream/refstream/recorder"
)

// made1s is the argument for a stream of 20 s with segments of one second.
const made1s = "-f lavfi -i testsrc2=s=160x90:r=25 -t 20 -c:v libx264 -preset veryfast -pix_fmt yuv420p -g 25 -sc_threshold 0 " +
	"-f hls -hls_time 1 -hls_list_size 0 -hls_segment_filename %d.ts vod.m3u8"

// liveServer publishes a segment a second of those that are in dir, four at once.
type liveServer struct {
	dir   string
	start time.Time
	// shown changes what is shown at t, and answer may answer otherwise.
	shown  func(t time.Duration) time.Duration
	answer func(w http.ResponseWriter, name string, t time.Duration) bool
}

// ServeHTTP answers a request.
func (s *liveServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, t := strings.TrimPrefix(r.URL.Path, "/"), time.Since(s.start)
	if s.answer != nil && s.answer(w, name, t) {
		return
	}
	if name != "live.m3u8" {
		http.ServeFile(w, r, filepath.Join(s.dir, name))
		return
	}
	if s.shown != nil {
		t = s.shown(t)
	}
	first := int64(t / time.Second)
	fmt.Fprintf(w, "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:%d\n", first)
	for n := first; n < first+4; n++ {
		date := s.start.Add(time.Duration(n) * time.Second).UTC()
		fmt.Fprintf(w, "#EXT-X-PROGRAM-DATE-TIME:%s\n#EXTINF:1.000,\n%d.ts\n", date.Format("2006-01-02T15:04:05.000Z"), n)
	}
}

func TestLive(t *testing.T) {
	t.Parallel()
	dir := made(t, made1s)
	for name, test := range map[string]struct {
		server liveServer
		want   []string // kinds and numbers
	}{
		"clean": {},
		"faults": {
			server: liveServer{
				shown: func(t time.Duration) time.Duration {
					switch {
					case in(t, 4900*ms, 6900*ms):
						return 4 * time.Second // it stands still for three seconds
					case in(t, 8300*ms, 8700*ms):
						return t - 2*time.Second // an old version
					}
					return t
				},
				answer: func(w http.ResponseWriter, name string, t time.Duration) bool {
					switch {
					case name == "live.m3u8" && in(t, 2300*ms, 2500*ms), name == "5.ts":
						http.Error(w, "no", http.StatusServiceUnavailable)
						return true
					case name == "9.ts" && t < 10*time.Second:
						<-time.After(2500 * ms)
					}
					return false
				},
			},
			want: []string{"segment_missing 5", "request_failed -1", "gap -1", "segment_late 9", "stale -1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // so that only the server is late
				test.server.dir, test.server.start = dir, time.Now()
				l := testnet.NewPipes()
				server := &http.Server{Handler: &test.server}
				transport := &http.Transport{DialContext: l.Dial}
				var serving sync.WaitGroup
				serving.Go(func() { _ = server.Serve(l) })
				r := record(t, recorder.Options{URL: "http://test/live.m3u8", Duration: 11 * time.Second, HTTP: &http.Client{Transport: transport}})
				transport.CloseIdleConnections()
				server.Close()
				serving.Wait()
				var got []string
				for i := range r.Findings {
					got = append(got, fmt.Sprintf("%s %d", r.Findings[i].Kind, r.Findings[i].MSN))
				}
				slices.Sort(got)
				slices.Sort(test.want)
				if !slices.Equal(got, test.want) {
					equal(t, r, test.want...)
				}
			})
		})
	}
}

// A live stream of ffmpeg's, recorded while it is made, has nothing wrong.
func TestFFmpegLive(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	dir := t.TempDir()
	c := ffmpeg(ctx, dir, "-re "+fmt.Sprintf(picture, "25")+"-g 25 -sc_threshold 0 -c:a aac -f hls -hls_time 1 "+
		"-hls_list_size 4 -hls_flags program_date_time+delete_segments+temp_file+independent_segments live.m3u8")
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C { // until there is a playlist
		if _, err := os.Stat(filepath.Join(dir, "live.m3u8")); err == nil {
			tick.Stop()
			break
		}
		if ctx.Err() != nil {
			t.Fatal(ctx.Err())
		}
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	r := record(t, recorder.Options{URL: server.URL + "/live.m3u8"})
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	// A busy machine may keep ffmpeg from writing in time, which is then found rightly.
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool { return f.Kind == KindGap })
	equal(t, r)
	if r.Playlists[0].Segments < 8 {
		t.Errorf("%d segments were looked at", r.Playlists[0].Segments)
	}
}

// An EXTINF that is changed in a good stream is found, whatever the container.
func TestWrongLength(t *testing.T) {
	for name, args := range map[string]string{
		"TS":    fmt.Sprintf(picture, "25") + stable + hlsOut,
		"fMP4":  fmt.Sprintf(picture, "25") + stable + " -hls_segment_type fmp4" + hlsOut,
		"sound": "-f lavfi -i sine=r=48000 -t 9" + hlsOut,
	} {
		t.Run(name, func(t *testing.T) {
			dir := made(t, args+"main.m3u8")
			file := filepath.Join(dir, "main.m3u8")
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.SplitAfter(string(text), "#EXTINF:")
			lines[3] = "2.400000" + lines[3][strings.IndexByte(lines[3], ','):] // the third segment
			if err := os.WriteFile(file, []byte(strings.Join(lines, "")), 0o644); err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(http.FileServer(http.Dir(dir)))
			defer server.Close()
			r := record(t, recorder.Options{URL: server.URL + "/main.m3u8"})
			if len(r.Findings) != 1 || r.Findings[0].Kind != KindExtinf || r.Findings[0].MSN != 2 ||
				r.Findings[0].Amount < 350*ms || r.Findings[0].Amount > 450*ms {
				equal(t, r, "extinf 2 1 0.400 s")
			}
		})
	}
}
