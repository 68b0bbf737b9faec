package main

import (
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/format/mpd"
	"github.com/refstream/refstream/internal/dashtest"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/static"
)

// dashSeen is what testdata/dash.html notes.
type dashSeen struct {
	Version        string
	Errors         []string
	Frames         []shown
	Inband, Listed map[string]float64 // times in seconds by the events' ids
}

// shown is a picture that was shown, with its frame code.
type shown struct {
	MediaTime float64
	Frame     *int64
}

// dashPlayers serves the page of other's players, as a host of its own.
func dashPlayers(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/static/", static.Handler())
	for path, file := range map[string]string{
		"/": "testdata/dash.html", "/dash.js": "../../node_modules/dashjs/dist/modern/umd/dash.all.min.js",
		"/hls.js": "../../node_modules/hls.js/dist/hls.min.js", "/shaka.js": "../../node_modules/shaka-player/dist/shaka-player.compiled.js",
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, filepath.FromSlash(file)) })
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// versions are those of a live manifest, each as it must be, and published later than the one before.
type versions struct {
	bare, start string // the last one without publishTime, and the availabilityStartTime of all
	published   time.Time
	count       int
}

func (v *versions) look(t *testing.T, s *running) {
	text := s.get("/dash/main/manifest.mpd")
	m, err := mpd.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	published, err := mpd.ParseDateTime(m.PublishTime)
	if err != nil {
		t.Fatal(err)
	}
	bare := strings.Replace(string(text), string(m.PublishTime), "", 1)
	if changed := bare != v.bare; changed != published.After(v.published) {
		t.Errorf("publishTime %v after %v, and the rest changed: %v", published, v.published, changed)
	} else if changed {
		v.count++
		dashtest.Check(t, text)
	}
	if v.bare, v.published = bare, published; v.start == "" {
		v.start = string(m.AvailabilityStartTime)
	}
	if string(m.AvailabilityStartTime) != v.start {
		t.Errorf("availabilityStartTime %s, which was %s", m.AvailabilityStartTime, v.start)
	}
}

// play plays what is at a path in a player, for so many pictures and without an error, and looks on. Each picture must be that of its time:
// in DASH media time is PTS, in HLS it begins anywhere. Sound must be played too.
func play(t *testing.T, s *running, host, player, path string, pictures int, look func()) dashSeen {
	t.Helper()
	b := openBrowser(t, host)
	b.open(host + "/?player=" + player + "&src=" + url.QueryEscape(s.url+path))
	await(t, strconv.Itoa(pictures)+" pictures in "+player, 60*time.Second+time.Duration(pictures)*time.Second/10, func() bool {
		if errors := eval[[]string](b, "window.seen?.errors ?? []"); len(errors) > 0 {
			t.Fatalf("%s: %q", player, errors)
		}
		look()
		return eval[int](b, "window.seen?.frames.length ?? 0") >= pictures
	})
	if bytes := eval[int](b, "window.video.webkitAudioDecodedByteCount"); bytes == 0 {
		t.Errorf("%s plays no sound", player)
	}
	seen := eval[dashSeen](b, "window.seen")
	clock := getJSON[markers.Channel](s, "/clocks").Clock()
	offset := 0.0
	if !strings.HasSuffix(path, ".mpd") {
		var offsets []float64
		for _, f := range seen.Frames {
			if f.Frame != nil { // the middle of the frame: a player of HLS need not keep times to the tick
				offsets = append(offsets, float64(clock.PTS(*f.Frame)+clock.PTS(*f.Frame+1))/2/media.TicksPerSecond-f.MediaTime)
			}
		}
		slices.Sort(offsets)
		offset = offsets[len(offsets)/2]
	}
	frameAt := func(i int) int64 {
		n, _ := clock.Rate.FrameAtTicks(int64(math.Round((seen.Frames[i].MediaTime+offset)*media.TicksPerSecond)) - markers.PTSOrigin)
		return n
	}
	unread, wrong := 0, 0
	for i, f := range seen.Frames[:len(seen.Frames)-1] {
		switch {
		case f.Frame == nil:
			unread++
		case *f.Frame != frameAt(i) && *f.Frame != frameAt(i+1): // a busy browser draws the next picture already
			wrong++
		}
	}
	if wrong > 0 || unread > len(seen.Frames)/100 {
		t.Errorf("%s %s: of %d pictures %d are others than their times say, %d have no code", player, seen.Version, len(seen.Frames), wrong, unread)
	}
	t.Logf("%s %s %s: %d pictures", player, seen.Version, path, len(seen.Frames))
	return seen
}

// checkDASH plays the manifest in a player for so many pictures, and compares all events that it raises with the truth.
func checkDASH(t *testing.T, s *running, host, player string, pictures int) {
	var v versions
	seen := play(t, s, host, player, "/dash/main/manifest.mpd", pictures, func() { v.look(t, s) })
	truth := getJSON[struct{ Markers []markers.Marker }](s, "/markers")
	count := map[string]int{}
	for what, raised := range map[string]map[string]float64{"emsg": seen.Inband, "EventStream": seen.Listed} {
		for _, m := range truth.Markers {
			at, ok := raised[strconv.FormatInt(m.Frame, 10)]
			if !ok {
				continue
			}
			if count[what]++; math.Abs(at-float64(m.PTS)/media.TicksPerSecond) > 0.001 {
				t.Errorf("%s: %s of frame %d at %f, want %f", player, what, m.Frame, at, float64(m.PTS)/media.TicksPerSecond)
			}
		}
		if count[what] != len(raised) || count[what] == 0 {
			t.Errorf("%s: %d events of %s, of which the truth has %d", player, len(raised), what, count[what])
		}
	}
	if v.count < 3 {
		t.Errorf("%d versions of the manifest", v.count)
	}
	t.Logf("%s: events %v, %d versions of the manifest", player, count, v.count)
}

// TestDASH plays the live manifest in Chromium on a page of another origin: in dash.js for some seconds, and in the long form in Shaka
// Player too, each for a minute, at 29.97 frames/s, with a ladder and sound. Every picture is that of its time, and every event is raised at
// the time of its frame. Every version of the manifest is valid. verify finds it true.
func TestDASH(t *testing.T) {
	t.Parallel()
	s := start(t, "--data", filepath.Join(t.TempDir(), "data"), "--dash", "--audio", "--ladder", "320x180@300k,160x90@100k", "--fps", "29.97", "--preset", "ultrafast",
		"--segment", "1s", "--event-every", "1500ms", "--event-length", "300ms", "--seed", "5")
	out, errs, code := refstream(t, "verify", s.url+"/dash/main/manifest.mpd", "--duration", "3s")
	if code != 0 {
		t.Errorf("verify: exit code %d\n%s%s", code, out, errs)
	}
	host := dashPlayers(t).URL
	if checkDASH(t, s, host, "dash", shortOr(90, 1800)); !testing.Short() {
		checkDASH(t, s, host, "shaka", 1800)
	}
}

// TestFMP4Players plays live HLS in fragmented MP4, with the sound as a rendition of its own, in hls.js and Shaka Player, and has ffmpeg and
// GStreamer read it at the same time, without an error: ffmpeg for some seconds, in the long form all for a minute.
func TestFMP4Players(t *testing.T) {
	t.Parallel()
	s := start(t, smallStream(filepath.Join(t.TempDir(), "data"), "--fps", "29.97", "--audio", "--container", "fmp4")...)
	host, seconds := dashPlayers(t).URL, shortOr(3, 60)
	address := s.url + "/hls/main/master.m3u8"
	t.Run("ffmpeg", func(t *testing.T) {
		t.Parallel()
		_, errs := tool(t, "ffmpeg", "-v", "error", "-xerror", "-i", address, "-map", "0:v", "-map", "0:a", "-t", strconv.Itoa(seconds), "-f", "null", "-")
		if len(errs) > 0 {
			t.Errorf("%s", errs)
		}
	})
	if testing.Short() {
		return
	}
	t.Run("GStreamer", func(t *testing.T) {
		t.Parallel()
		heard := byGStreamerFor(t, address, seconds)
		st := s.state()
		heard.checkOnsets(t, st.channel.Rate, st.markers, false)
	})
	for _, player := range []string{"hls", "shaka"} {
		t.Run(player, func(t *testing.T) {
			t.Parallel()
			play(t, s, host, player, "/hls/main/master.m3u8", seconds*30, func() {})
		})
	}
}
