package playlists

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/faults/internal/faultstest"
	"github.com/refstream/refstream/internal/testnet"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/recorder"
	"github.com/refstream/refstream/recorder/gaps"
	"github.com/refstream/refstream/scenario"
	"github.com/refstream/refstream/stream"
)

// The test's stream: segments of 50 frames at 25 frames/s, six in a version, each published when it is over. Faults begin with
// segment 12.
const (
	fps        = 25
	perSegment = 50
	window     = 6
	from       = 12
	length     = 24
	slot       = perSegment * time.Second / fps
)

func channel() markers.Channel { return faultstest.Channel(perSegment) }

func plan(t testing.TB, entries string) *scenario.Plan {
	t.Helper()
	return faultstest.Plan(t, channel(), Kinds(), entries)
}

// take is a version of the playlist.
type take struct {
	newest int64
	text   string
}

// live is a stream as the packager wrote it: its versions, and all its files of segments.
type live struct {
	takes []take
	files map[string][]byte
}

// write has the packager write segments 0 to length-1, with a discontinuity in front of some.
func write(t testing.TB, breaks ...int64) (l live) {
	t.Helper()
	sps, err := hex.DecodeString("6764001facd9405005bb011000003e90000ea600f1831960") // x264's
	if err != nil {
		t.Fatal(err)
	}
	c, now := channel().Clock(), time.Unix(1_700_000_000, 0)
	o := packager.Options{Dir: t.TempDir(), Channel: channel(), Window: window, Bitrate: 2_000_000, Now: func() time.Time { return now }}
	w, err := packager.New(o)
	if err != nil {
		t.Fatal(err)
	}
	l.files = map[string][]byte{}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(o.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	track := &media.Track{CodecString: "avc1.64001f", Width: 1280, Height: 720}
	for n := range c.FirstFrame(length) {
		if c.Offset(n) == 0 && slices.Contains(breaks, c.MSN(n)) {
			w.Abandon()
		}
		au := media.Unit{Track: track, Frame: n, PTS: c.PTS(n), DTS: c.PTS(n), Key: c.Offset(n) == 0, NALs: [][]byte{{0x41, 1, 2, 3, 4, byte(n)}}}
		if au.Key {
			au.NALs = [][]byte{sps, {0x68, 0xEF, 0x8F, 0xCB}, {0x65, 1, 2, 3, 4, byte(n)}}
		}
		rec, err := w.Write(stream.Unit{Unit: au})
		if err != nil {
			t.Fatal(err)
		}
		if rec != nil {
			l.files[rec.URI] = read(rec.URI)
			l.takes = append(l.takes, take{rec.LastFrame, string(read(packager.MediaPlaylist))})
		}
	}
	if len(l.takes) != length {
		t.Fatalf("%d versions", len(l.takes))
	}
	return l
}

// rewrite makes the faulty stream. It checks that nothing is changed without a report, and nothing else than what it reports.
func rewrite(t testing.TB, p *scenario.Plan, clean live) (faulty live, done []int64, notDone []string) {
	t.Helper()
	var got []faults.Change
	r := New(p, channel().Clock(), func(c faults.Change) { got = append(got, c) })
	faulty.files = clean.files
	for _, v := range clean.takes {
		got = nil
		given := []byte(v.text)
		text := r.Playlist(given, v.newest)
		if string(given) != v.text {
			t.Fatalf("the clean version of frame %d was changed", v.newest)
		}
		faulty.takes = append(faulty.takes, take{v.newest, string(text)})
		at := faults.Hash(given)
		for _, c := range got {
			if c.NotDone != "" {
				notDone = append(notDone, c.NotDone)
				continue
			}
			if c.Clean != "" && (c.Clean != at || c.Frame != v.newest) || c.Clean == "" && c.Frame >= v.newest {
				t.Errorf("%+v of frame %d", c, v.newest)
			}
			if done = append(done, c.Frame); c.Clean != "" {
				at = c.Altered
			}
		}
		if at != faults.Hash(text) {
			t.Errorf("frame %d has another version than is reported", v.newest)
		}
	}
	slices.Sort(done)
	return faulty, slices.Compact(done), notDone
}

// serve answers with the newest version that is there. Version n is there when segment n is over.
func (l live) serve(start time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		if b, ok := l.files[name]; ok {
			http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(b))
			return
		}
		if name != packager.MediaPlaylist {
			http.NotFound(w, r)
			return
		}
		n := min(int(time.Since(start)/slot)+window, len(l.takes)-1)
		w.Header().Set("Content-Type", packager.PlaylistType)
		fmt.Fprint(w, l.takes[n].text)
	})
}

// find records the stream from the first whole window on, and lists the kinds of what recorder/gaps finds, each once. Only the
// server takes time.
func find(t *testing.T, l live) (kinds []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		pipes := testnet.NewPipes()
		server := &http.Server{Handler: l.serve(time.Now())}
		transport := &http.Transport{DialContext: pipes.Dial}
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(pipes) })
		o := recorder.Options{
			URL: "http://test/" + packager.MediaPlaylist, Dir: filepath.Join(t.TempDir(), "session"), Now: time.Now, Poll: slot / 8,
			Duration: (length - window) * slot, HTTP: &http.Client{Transport: transport},
		}
		_, err := recorder.Record(t.Context(), o)
		transport.CloseIdleConnections()
		server.Close()
		serving.Wait()
		if err != nil {
			t.Fatal(err)
		}
		s, err := recorder.Open(t.Context(), o.Dir)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		report, err := gaps.Find(t.Context(), s, gaps.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range report.Findings {
			t.Logf("%s at %v: %s", f.Kind, f.At, f.Text)
			if !slices.Contains(kinds, string(f.Kind)) {
				kinds = append(kinds, string(f.Kind))
			}
		}
	})
	slices.Sort(kinds)
	return kinds
}
