package recorder

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/media"
)

// TestFFmpegStreams records what ffmpeg publishes in many ways: each file is in the session, byte for byte.
func TestFFmpegStreams(t *testing.T) {
	t.Parallel()
	picture := []string{"-f", "lavfi", "-i", "testsrc2=s=160x96:r=25", "-f", "lavfi", "-i", "sine=r=48000", "-t", "6",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-c:a", "aac"}
	ladder := []string{"-map", "0:v", "-map", "0:v", "-map", "1:a", "-b:v:0", "300k", "-b:v:1", "100k", "-s:v:1", "80x48",
		"-var_stream_map", "v:0,agroup:a v:1,agroup:a a:0,agroup:a,name:sound", "-master_pl_name", "master.m3u8"}
	for _, c := range []struct {
		name  string
		first string
		args  []string
		kinds string
		media string // of the first segment with time stamps
	}{
		{"TS with renditions", "master.m3u8", append(ladder, "-f", "hls", "-hls_time", "2", "-hls_list_size", "0", "v%v.m3u8"),
			"multivariant variant variant variant", "video"},
		{"fMP4 with renditions", "master.m3u8", append(ladder, "-f", "hls", "-hls_time", "2", "-hls_list_size", "0",
			"-hls_segment_type", "fmp4", "v%v.m3u8"), "multivariant variant variant variant", "video"},
		{"AES-128 with new keys", "index.m3u8", []string{"-f", "hls", "-hls_time", "2", "-hls_list_size", "0",
			"-hls_key_info_file", "info", "-hls_flags", "periodic_rekey", "index.m3u8"}, "media", "video"},
		{"byte ranges", "index.m3u8", []string{"-f", "hls", "-hls_time", "2", "-hls_list_size", "0", "-hls_flags", "single_file",
			"index.m3u8"}, "media", "video"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			from := t.TempDir()
			for name, text := range map[string]string{"key": "0123456789abcdef", "info": "key\nkey\n"} {
				if err := os.WriteFile(filepath.Join(from, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			ffmpeg(t, from, append(append([]string{}, picture...), c.args...)...)
			server := httptest.NewServer(http.FileServer(http.Dir(from)))
			defer server.Close()

			for _, address := range []string{server.URL + "/" + c.first, filepath.Join(from, c.first)} {
				dir := filepath.Join(t.TempDir(), "a b?c#d%20e", "session")
				sum := recorded(t, Options{URL: address, Dir: dir})
				if sum.Reason != "end of stream" || sum.Failures != 0 || sum.Failed != 0 || sum.Resumed || sum.Behind != 0 {
					t.Errorf("%+v", sum)
				}
				checkWhole(t, dir, false)
				checkFiles(t, from, opened(t, dir), c.kinds, c.media)
			}
		})
	}
}

// checkFiles compares a session with the files that it was recorded of.
func checkFiles(t *testing.T, from string, s *Session, kinds, media string) {
	t.Helper()
	found := contents(t, s)
	for _, e := range must[[]os.DirEntry](t)(os.ReadDir(from)) {
		data := must[[]byte](t)(os.ReadFile(filepath.Join(from, e.Name())))
		whole := sha256.Sum256(data)
		ranges := 0
		for name, sum := range found {
			var offset, length int64
			if n, _ := fmt.Sscanf(strings.TrimPrefix(name, e.Name()+" "), "%d+%d", &offset, &length); n == 2 &&
				strings.HasPrefix(name, e.Name()+" ") {
				if sum != sha256.Sum256(data[offset:offset+length]) {
					t.Errorf("%s is something else", name)
				}
				ranges += int(length)
			}
		}
		switch sum, ok := found[e.Name()]; {
		case e.Name() == "info" || e.Name() == "key" && !ok && kinds != "media": // not part of the stream
		case strings.HasPrefix(e.Name(), "key") && !ok:
			if strings.Contains(e.Name(), ".key") {
				t.Errorf("%s is missing", e.Name())
			}
		case ok && sum == whole, !ok && ranges == len(data):
		default:
			t.Errorf("%s is missing, or something else", e.Name())
		}
	}
	var names []string
	for _, p := range must[[]Playlist](t)(s.Playlists(t.Context())) {
		names = append(names, string(p.Kind))
		versions := must[[]*Version](t)(all(s.Versions(t.Context(), p.ID)))
		if len(versions) != 1 || versions[0].Number != 0 || versions[0].Unseen != -1 || versions[0].Seen <= 0 {
			t.Errorf("%s: versions %+v", p.URL, versions)
		}
		segments := must[[]*Segment](t)(all(s.Segments(t.Context(), p.ID)))
		if p.Kind == KindMultivariant {
			continue
		}
		if n := strings.Count(string(bodyOf(t, s, versions[0].Body)), "#EXTINF"); len(segments) != n || n < 3 {
			t.Errorf("%s: %d segments, not %d", p.URL, len(segments), n)
		}
		for i, g := range segments {
			if g.MSN != int64(i) || g.Version != versions[0].ID || g.Exchange == 0 || g.Error != "" {
				t.Errorf("%s: %+v", p.URL, g)
			}
			want := media
			if strings.HasSuffix(p.URL, "/vsound.m3u8") {
				want = "audio"
			}
			if g.Timing == nil || g.Timing.Media != want ||
				(time.Duration(g.Timing.End-g.Timing.First)*time.Second/90000-g.Duration).Abs() > 60*time.Millisecond {
				t.Errorf("%s: segment %d: %+v, EXTINF %v", p.URL, g.MSN, g.Timing, g.Duration)
			}
		}
	}
	if got := strings.Join(names, " "); got != kinds {
		t.Errorf("playlists %s, want %s", got, kinds)
	}
}

// TestLive records a stream with all that can go wrong: the session has each reply of the server, in order.
func TestLive(t *testing.T) {
	t.Parallel()
	inTime(t, liveWindow, func(w http.ResponseWriter, path string, n int) bool {
		switch {
		case path == "/live.m3u8" && n%7 == 3:
			http.Error(w, "busy", http.StatusServiceUnavailable)
		case path == "/1.ts": // for good
			w.Header().Set("X-Why", "gone")
			http.Error(w, "gone", http.StatusGone)
		case path == "/2.ts" && n == 1:
			http.Error(w, "not yet", http.StatusNotFound)
		case path == "/3.ts" && n == 1: // cut off
			w.Header().Set("Content-Length", "1000")
			w.Write([]byte("begun"))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case path == "/5.ts" && n == 1: // no answer
			w.(*recordingWriter).status = 0
			panic(http.ErrAbortHandler)
		case path == "/6.ts":
			w.Header().Set("Location", "/elsewhere/6.ts")
			w.WriteHeader(http.StatusFound)
		case path == "/elsewhere/6.ts":
			w.Write(liveData(6))
		default:
			return false
		}
		return true
	}, func(t *testing.T, l *live) {
		dir := filepath.Join(t.TempDir(), "s")
		var behind time.Duration
		sum := recorded(t, Options{URL: l.server.URL + "/live.m3u8", HTTP: l.http, Dir: dir, Progress: func(p Progress) { behind = max(behind, p.Behind) }})
		checkWhole(t, dir, false)
		s := opened(t, dir)
		if sum.Reason != "end of stream" || sum.Segments != liveLength-1 || sum.Failed != 1 || sum.Playlists != 1 || behind == 0 {
			t.Errorf("%+v, behind up to %v", sum, behind)
		}
		if got := s.Info(); got.URL != l.server.URL+"/live.m3u8" || got.Version != "test" || time.Since(got.Created) > longest {
			t.Errorf("%+v", got)
		}
		checkReplies(t, l, s)
		checkVersions(t, l, s)

		segments := must[[]*Segment](t)(all(s.Segments(t.Context(), playlistOf(t, s, "/live.m3u8").ID)))
		for i, g := range segments {
			e := exchangeOf(t, s, g.Exchange)
			want, attempt := string(liveData(i)), 1
			switch i {
			case 1:
				want = "gone\n"
			case 2, 3, 5:
				attempt = 2
			}
			if g.MSN != int64(i) || (g.Error != "") != (i == 1) || string(bodyOf(t, s, e.Body)) != want || e.Attempt != attempt {
				t.Errorf("segment %d: %+v, %+v", i, g, e)
			}
			if redirected := strings.HasSuffix(e.FinalURL, "/elsewhere/6.ts"); redirected != (i == 6) || !redirected && e.FinalURL != e.URL {
				t.Errorf("segment %d: %s became %s", i, e.URL, e.FinalURL)
			}
		}
		if len(segments) != liveLength {
			t.Errorf("%d segments", len(segments))
		}
		if troubles := must[[]*Trouble](t)(all(s.Troubles(t.Context()))); len(troubles) > 0 {
			t.Errorf("troubles: %+v", troubles[0])
		}
	})
}

// checkReplies compares the requests of each address with what the server answered.
func checkReplies(t *testing.T, l *live, s *Session) {
	t.Helper()
	got := map[string][]reply{}
	for _, url := range must[[]string](t)(s.URLs(t.Context())) {
		last := time.Duration(-1)
		for _, e := range must[[]*Exchange](t)(all(s.Outcomes(t.Context(), url))) {
			path := strings.TrimPrefix(e.FinalURL, l.server.URL)
			got[path] = append(got[path], reply{path, e.Status, bodyOf(t, s, e.Body)})
			if e.Began <= last || e.Ended < e.Began || (e.Answered < 0) != (e.Status == 0) || e.Answered > e.Ended {
				t.Errorf("%s: %+v", path, e)
			}
			last = e.Began
			if (e.Header == nil) != (e.Status == 0) || e.Status == http.StatusGone && e.Header.Get("X-Why") != "gone" {
				t.Errorf("%s: status %d, header %v", path, e.Status, e.Header)
			}
			if e.Error == "" != (e.Status == 200 && len(bodyOf(t, s, e.Body)) > 100) {
				t.Errorf("%s: %d bytes, error %q", path, e.Bytes, e.Error)
			}
			if want := s.dirPlaylist(t); e.Playlist != want {
				t.Errorf("%s: of playlist %d, want %d", path, e.Playlist, want)
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	want := map[string][]reply{}
	for _, r := range l.replies {
		if r.status != http.StatusFound {
			want[r.path] = append(want[r.path], r)
		}
	}
	for path := range want {
		if len(got[path]) != len(want[path]) {
			t.Errorf("%s: %d requests, want %d", path, len(got[path]), len(want[path]))
			continue
		}
		for i := range want[path] {
			if g, w := got[path][i], want[path][i]; g.status != w.status || string(g.body) != string(w.body) {
				t.Errorf("%s, request %d: status %d, %d bytes; want %d, %d", path, i, g.status, len(g.body), w.status, len(w.body))
			}
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d addresses, want %d", len(got), len(want))
	}
}

// dirPlaylist is the id of the only playlist.
func (s *Session) dirPlaylist(t *testing.T) int64 { return playlistOf(t, s, "/live.m3u8").ID }

// checkVersions compares the versions with the texts that the server answered.
func checkVersions(t *testing.T, l *live, s *Session) {
	t.Helper()
	versions := must[[]*Version](t)(all(s.Versions(t.Context(), s.dirPlaylist(t))))
	var got []string
	number := int64(-1)
	before := map[int64]time.Duration{} // when the loading began that came before another
	loaded := time.Duration(-1)
	for _, e := range must[[]*Exchange](t)(all(s.Outcomes(t.Context(), l.server.URL+"/live.m3u8"))) {
		before[e.ID] = loaded
		if e.Error == "" {
			loaded = e.Began
		}
	}
	for i, v := range versions {
		e := exchangeOf(t, s, v.Exchange)
		if e.Body != v.Body || e.Ended != v.Seen || v.Number <= number || v.Missed != 0 || v.Stale || v.Restarted ||
			v.Unseen != before[v.Exchange] || v.Unseen >= v.Seen {
			t.Errorf("version %d: %+v, %+v, the last loading began at %v", i, v, e, before[v.Exchange])
		}
		number = v.Number
		got = append(got, string(bodyOf(t, s, v.Body)))
	}
	if want := l.texts(); !reflect.DeepEqual(got, want) {
		t.Errorf("%d versions, want %d", len(got), len(want))
	}
}

// TestReload checks how often playlists are asked for.
func TestReload(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ target, poll, want time.Duration }{
		{time.Second, 0, 50 * time.Millisecond}, {4 * time.Second, 0, 100 * time.Millisecond},
		{time.Minute, 0, 250 * time.Millisecond}, {time.Second, 3 * time.Second, 3 * time.Second},
	} {
		o := Options{Poll: c.poll}
		m := &m3u8.Media{TargetDuration: media.Seconds(c.target)}
		if got := o.reload(m, true); got != c.want {
			t.Errorf("target duration %v, poll %v: %v", c.target, c.poll, got)
		}
	}
}

// TestMultivariant records a multivariant playlist that fails for a while and then names one more variant, which is
// recorded too.
func TestMultivariant(t *testing.T) {
	t.Parallel()
	const first = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000,RESOLUTION=320x180\na.m3u8\n" +
		"#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"g\",NAME=\"sound\",URI=\"r.m3u8\"\n" +
		"#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100,URI=\"i.m3u8\"\n"
	const second = first + "#EXT-X-STREAM-INF:BANDWIDTH=2000\nb.m3u8\n"
	var asked, done atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/master.m3u8":
			switch n := asked.Add(1); n {
			case 1:
				fmt.Fprint(w, first)
			case 2:
				http.Error(w, "busy", http.StatusServiceUnavailable)
			default:
				fmt.Fprint(w, second)
			}
			return
		case "/b.m3u8":
			done.Store(1)
		}
		if strings.HasSuffix(r.URL.Path, ".ts") {
			fmt.Fprint(w, r.URL.Path)
			return
		}
		fmt.Fprintf(w, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n%s.ts\n", strings.TrimSuffix(r.URL.Path, ".m3u8")[1:])
		if done.Load() > 0 {
			fmt.Fprint(w, "#EXT-X-ENDLIST\n")
		}
	}))
	defer server.Close()
	dir := filepath.Join(t.TempDir(), "s")
	sum := recorded(t, Options{URL: server.URL + "/master.m3u8", Dir: dir})
	checkWhole(t, dir, false)
	s := opened(t, dir)
	var got []string
	for _, p := range must[[]Playlist](t)(s.Playlists(t.Context())) {
		got = append(got, fmt.Sprintf("%s %s %q %d", p.URL[len(server.URL):], p.Kind, p.Name, p.Bandwidth))
		segments := must[[]*Segment](t)(all(s.Segments(t.Context(), p.ID)))
		if want := p.Kind != KindMultivariant; (len(segments) == 1) != want {
			t.Errorf("%s: %d segments", p.URL, len(segments))
		}
	}
	slices.Sort(got)
	want := []string{
		`/a.m3u8 variant "320x180" 1000`, `/b.m3u8 variant "2000" 2000`, `/i.m3u8 iframes "100" 100`,
		`/master.m3u8 multivariant "" 0`, `/r.m3u8 rendition "sound" 0`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("playlists %q", got)
	}
	p := playlistOf(t, s, "/master.m3u8")
	var texts []string
	for _, v := range must[[]*Version](t)(all(s.Versions(t.Context(), p.ID))) {
		texts = append(texts, string(bodyOf(t, s, v.Body)))
	}
	if !slices.Equal(texts, []string{first, second}) {
		t.Errorf("versions %q", texts)
	}
	for i, e := range must[[]*Exchange](t)(all(s.Outcomes(t.Context(), p.URL))) {
		if e.Playlist != p.ID || (e.Status == 503) != (i == 1) || e.Header == nil {
			t.Errorf("loading %d: %+v", i, e)
		}
	}
	if sum.Playlists != 5 || sum.Segments != 4 || sum.Failures != 1 {
		t.Errorf("%+v", sum)
	}
}

// TestBegun records into a folder whose recorder was killed before anything was written.
func TestBegun(t *testing.T) {
	t.Parallel()
	dir, from := t.TempDir(), t.TempDir()
	write(t, nil, dir, databaseFile)
	write(t, []byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-ENDLIST\n"), from, "x.m3u8")
	if sum := recorded(t, Options{URL: filepath.Join(from, "x.m3u8"), Dir: dir}); sum.Resumed || sum.Versions != 1 {
		t.Errorf("%+v", sum)
	}
	checkWhole(t, dir, false)
}

// TestRestore resumes a session of which a chunk was taken away: it is there again.
func TestRestore(t *testing.T) {
	t.Parallel()
	dir := sample(t)
	os.Remove(chunk(t, dir))
	if sum := recorded(t, Options{Dir: dir}); !sum.Resumed || sum.Stored != 0 {
		t.Errorf("%+v", sum)
	}
	checkWhole(t, dir, false)
}
