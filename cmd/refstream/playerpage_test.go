package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/faults/requests"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
	"github.com/refstream/refstream/static"
)

// playerState is the plain player, as it tells of itself.
type playerState struct {
	Connection   string
	Time, Buffer float64
	Live         *bool
	// Latency is in seconds, DateTime in ms since 1970.
	Latency, DateTime *float64
	Size              [2]int
}

// trouble is an error in the plain player's list.
type trouble struct {
	What, Status, Segment, URL string
	Fatal                      bool
}

func (b *page) player() playerState {
	b.t.Helper()
	return eval[playerState](b, `window.refstreamPlayer.state`)
}

func (b *page) troubles() []trouble {
	b.t.Helper()
	return eval[[]trouble](b, `window.refstreamPlayer.troubles.list`)
}

// plays waits until the plain player shows what comes so many seconds later.
func (b *page) plays(seconds float64) {
	b.t.Helper()
	from := b.player().Time
	var now playerState
	defer func() {
		if now.Time < from+seconds {
			b.t.Logf("the player is at %+v, its errors are %+v", now, b.troubles())
		}
	}()
	await(b.t, fmt.Sprintf("the player to play from %.1f s on for %.1f s", from, seconds), 90*time.Second, func() bool {
		now = b.player()
		return now.Time >= from+seconds
	})
}

// faster lets the plain player play four seconds in one.
func (b *page) faster() {
	b.t.Helper()
	eval[float64](b, `document.querySelector('#video').playbackRate = 4`)
}

// foreignHost serves a folder of HLS as another packager would, with the plain player at /.
func foreignHost(t *testing.T, dir string) *moodyProxy {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/", static.Player())
	files := http.FileServer(http.Dir(dir))
	mux.HandleFunc("/{file}", func(w http.ResponseWriter, r *http.Request) {
		switch path.Ext(r.URL.Path) {
		case ".m3u8", ".ts":
			w.Header().Set("Cache-Control", "no-store")
			files.ServeHTTP(w, r)
		default:
			static.Player().ServeHTTP(w, r)
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return newMoodyProxy(t, server.URL)
}

// foreignStream has ffmpeg make HLS of two variants with sound, segments of 1 s and PROGRAM-DATE-TIME.
func foreignStream(t *testing.T, dir string, before, after []string) *exec.Cmd {
	t.Helper()
	args := append([]string{"-hide_banner", "-loglevel", "error"}, before...)
	args = append(args, "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-map", "0:v", "-map", "1:a", "-map", "0:v", "-map", "1:a", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency",
		"-g", "25", "-keyint_min", "25", "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-filter:v:1", "scale=160:90",
		"-b:v:0", "300k", "-b:v:1", "100k", "-c:a", "aac", "-b:a", "64k")
	args = append(args, after...)
	args = append(args, "-f", "hls", "-hls_time", "1", "-var_stream_map", "v:0,a:0 v:1,a:1", "-master_pl_name", "stream.m3u8",
		"-hls_segment_filename", filepath.Join(dir, "v%v-%03d.ts"), filepath.Join(dir, "v%v.m3u8"))
	cmd := exec.Command("ffmpeg", args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("start ffmpeg: %v (make deps installs it)", err)
	}
	return cmd
}

// The plain player plays a live stream of another packager: it begins late, survives an outage, says where it is, and
// ends with the stream.
func TestPlayerPageLive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	began := time.Now()
	ffmpeg := foreignStream(t, dir, []string{"-re"}, []string{"-hls_list_size", "8", "-hls_flags", "program_date_time+independent_segments"})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ffmpeg.Wait()
	}()
	t.Cleanup(func() {
		ffmpeg.Process.Kill()
		<-ended
	})
	host := foreignHost(t, dir)
	out := func(wrong http.HandlerFunc) {
		host.set(func(w http.ResponseWriter, r *http.Request) bool {
			if ext := path.Ext(r.URL.Path); ext != ".m3u8" && ext != ".ts" {
				return false
			}
			wrong(w, r)
			return true
		})
	}
	out(http.NotFound)
	b := openBrowser(t, host.url)
	await(t, "the first request to fail", 60*time.Second, func() bool { return len(b.troubles()) > 0 })
	if first := b.troubles()[0]; first.Status != "404" || !first.Fatal || !strings.HasSuffix(first.URL, "/stream.m3u8") {
		t.Errorf("the first trouble is %+v, want a 404 for stream.m3u8", first)
	}
	await(t, "a stream", 60*time.Second, func() bool {
		_, err := os.Stat(filepath.Join(dir, "v0-003.ts"))
		return err == nil
	})
	host.set(nil)
	await(t, "the player to be live", 90*time.Second, func() bool { return b.player().Connection == "live" })
	b.plays(1)
	// Parallel tests make ffmpeg and Chromium slow: what must hold is that the date is one of the stream's.
	st := b.player()
	if st.Latency == nil || *st.Latency <= 0 || *st.Latency > 60 || st.DateTime == nil || st.Size[0]*9 != st.Size[1]*16 {
		t.Errorf("state %+v: want a latency of seconds, a date, and a size", st)
	} else if at := time.UnixMilli(int64(*st.DateTime)); at.Before(began.Add(-time.Second)) || at.After(time.Now()) {
		t.Errorf("date on screen %v, the stream began %v", at, began)
	}
	if title := eval[string](b, `document.title`); title != "refstream replay" {
		t.Errorf("title %q", title)
	}
	for _, wrong := range []http.HandlerFunc{http.NotFound, hangUp} {
		out(wrong)
		await(t, "the player to notice", 60*time.Second, func() bool { return b.player().Connection == "down" })
		host.set(nil)
		b.plays(1)
	}
	if err := ffmpeg.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	b.faster()
	await(t, "the end", 60*time.Second, func() bool { return b.player().Connection == "ended" })
	b.clean()
}

// answerFaults are of one segment each of a clip with segments of a second.
const answerFaults = `version: 1
name: x
faults:
- {do: http.status, at: {msn: 1}, for: {requests: 1}}
- {do: http.cut, at: {msn: 2}, for: {requests: 1}}
- {do: http.reset, at: {msn: 3}, for: {requests: 1}}
- {do: http.length, at: {msn: 4}, for: {requests: 1}}
- {do: http.stall, at: {msn: 5}, with: {time: 300ms}}
- {do: http.redirect, at: {msn: 6}, with: {hops: 3}}
- {do: http.redirect_loop, at: {msn: 7}, for: {requests: 1}}
- {do: http.delay, at: {msn: 8}, with: {time: 300ms}}
- {decoy: http.chunked, at: {msn: 9}}
`

// recovers has hls.js play a clip to its end, though an answer for each segment has a fault, which it reports or does not see.
func (b *page) recovers(t *testing.T, host *moodyProxy, dir string) {
	t.Helper()
	file, err := scenario.Parse("x.yaml", []byte(answerFaults), requests.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	c := markers.Channel{Name: "main", Rate: media.FrameRate{Num: 25, Den: 1}, Epoch: time.Unix(1_700_000_000, 0), FramesPerSegment: 25}
	plan, err := file.Plan(c)
	if err != nil {
		t.Fatal(err)
	}
	log, places := requests.New(plan, c.Clock(), 100), make(chan struct{}, 10)
	host.set(func(w http.ResponseWriter, r *http.Request) bool {
		name := path.Base(r.URL.Path)
		msn, err := strconv.ParseInt(strings.TrimSuffix(name[max(0, len(name)-6):], ".ts"), 10, 64)
		if err != nil {
			return false
		}
		w.Header().Set("Cache-Control", "no-store")
		q := requests.Request{File: name, Resource: scenario.Segment, MSN: msn, Now: time.Now, Places: places}
		log.Serve(w, r, q, func(w http.ResponseWriter) { http.ServeFile(w, r, filepath.Join(dir, name)) })
		return true
	})
	b.open(host.url)
	b.faster()
	await(t, "the end, behind wrong answers", 90*time.Second, func() bool { return b.player().Connection == "ended" })
	var records []markers.FaultRecord
	for _, f := range plan.Between(0, 1000) {
		records = append(records, faults.Planned(f, c.Name, c.Clock()))
	}
	log.Fill(records, "", 1000)
	seen := b.troubles()
	for _, r := range records {
		if r.State != markers.FaultDone {
			t.Errorf("%s is %s: %s, %+v", r.ID, r.State, r.Reason, r.Requests)
		}
		failed := slices.Contains([]string{"http.status", "http.cut", "http.length", "http.redirect_loop"}, r.ID)
		if failed && !slices.ContainsFunc(seen, func(x trouble) bool { return x.Segment == strconv.FormatInt(r.MSN, 10) }) {
			t.Errorf("the player has no error of %s in segment %d: %+v", r.ID, r.MSN, seen)
		}
	}
}

// A recording that is whole, with a segment that is missing and one that is garbage, and an address that is not allowed.
func TestPlayerPageFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := foreignStream(t, dir, nil, []string{"-t", "10", "-hls_list_size", "0", "-hls_playlist_type", "vod"}).Wait(); err != nil {
		t.Fatalf("make stream: %v", err)
	}
	host := foreignHost(t, dir)
	b := openBrowser(t, host.url)
	b.recovers(t, host, dir)
	host.set(func(w http.ResponseWriter, r *http.Request) bool {
		switch name := path.Base(r.URL.Path); {
		case strings.HasSuffix(name, "-003.ts"):
			http.Error(w, "gone", http.StatusGone)
		case strings.HasSuffix(name, "-007.ts"):
			w.Write(bytes.Repeat([]byte("garbage "), 4000))
		default:
			return false
		}
		return true
	})
	b.open(host.url)
	b.faster()
	await(t, "the end, behind what can't be played", 60*time.Second, func() bool { return b.player().Connection == "ended" })
	list := b.troubles()
	if !slices.ContainsFunc(list, func(x trouble) bool {
		return x.Status == "410" && x.Segment == "3" && strings.HasSuffix(x.URL, "-003.ts")
	}) {
		t.Errorf("no 410 for segment 3 in %+v", list)
	}
	if live := b.player().Live; live == nil || *live {
		t.Error("what is whole is called live")
	}
	rows := eval[string](b, `document.querySelector('#troubles tbody').textContent`)
	if !strings.Contains(rows, "410") || !strings.Contains(rows, "-003.ts") {
		t.Errorf("the list says %q", rows)
	}
	host.set(nil)
	b.open(host.url + "/player.html?src=v1.m3u8")
	b.plays(1)
	if st := b.player(); st.Size != [2]int{160, 90} {
		t.Errorf("?src=v1.m3u8 plays %+v", st)
	}
	for _, src := range []string{"http://127.0.0.1:1/a.m3u8", "http:%2F%2F[", "javascript:alert(1)"} {
		b.open(host.url + "/?src=" + src)
		await(t, "the refusal of "+src, 60*time.Second, func() bool {
			return strings.Contains(eval[string](b, `document.querySelector('#banner').textContent`), "of its own host only")
		})
	}
	b.clean()
}
