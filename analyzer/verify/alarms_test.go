package verify

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/media"
)

// What follows are streams that nothing is wrong with, or less than it looks like.

// A copy that ends in the middle of a group of B-frames is cut, and nothing in it is missing.
func TestCutInCodingOrder(t *testing.T) {
	c := newClip(t)
	cuts := []int{50, 51, 52, 53, 61, 62}
	if testing.Short() {
		cuts = cuts[1:4] // each place in a group of B-frames
	}
	for _, units := range cuts {
		path := (&forger{last: units}).forge(t, c, "ts")
		list, info := decoded(t, verifytest.Channel(), path)
		cut := &clip{truth: c.truth, decoded: map[string]streamData{"ts": {kind: input.TS, pictures: list, info: info}}}
		r := cut.judge(t, "ts", path)
		if got := kindsOf(r); !slices.Equal(got, []report.Kind{report.Trimmed}) {
			t.Errorf("%d units: %v", units, textsOf(r))
		}
		// Without the ledger nothing is known of decoding times but what the stream says.
		cut.truth.Frames = nil
		r = cut.judge(t, "ts", path)
		if got := kindsOf(r); !slices.Equal(got, []report.Kind{report.Trimmed}) {
			t.Errorf("%d units, no ledger: %v", units, textsOf(r))
		}
	}
	// One that is lost just before the end is missing all the same.
	blind := c.truth
	blind.Frames = nil
	f := &forger{last: 52}
	path := f.forge(t, c, "ts")
	lost := &clip{truth: c.truth, paths: map[string]string{"ts": path}}
	r, err := Run(t.Context(), lost.damaged(t, func(unit, _ int) bool { return unit == 50 }), given{verifytest.Channel(), blind}, Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(kindsOf(r), report.Missing) {
		t.Errorf("lost: %v", textsOf(r))
	}
}

// Two events of which a gap takes the end of the one and the beginning of the other are two.
func TestEventsBesideGap(t *testing.T) {
	truth := verifytest.Truth(t, testFrames)
	all := perfect(truth, testFrames)
	a, b := truth.Markers[0], truth.Markers[1]
	for name, gap := range map[string][2]int64{
		"both cut": {a.LastFrame - 5, b.Frame + 5}, "the first whole": {a.LastFrame + 1, b.Frame + 5},
		"the second whole": {a.LastFrame - 5, b.Frame}, "all between": {a.LastFrame + 1, b.Frame},
	} {
		pictures := slices.Delete(slices.Clone(all), int(gap[0]), int(gap[1]))
		r := checked(t, streamData{pictures: pictures, statements: statements(truth, pictures)}, truth)
		if got := kindsOf(r); !slices.Equal(got, []report.Kind{report.Missing}) || r.Events.Exact != len(truth.Markers) {
			t.Errorf("%s: %v, %+v", name, textsOf(r), r.Events)
		}
	}
}

func TestServerOf(t *testing.T) {
	for address, want := range map[string][2]string{
		"http://h:8080/hls/cam/index.m3u8":             {"http://h:8080/", "cam"},
		"https://u:p@h/a/b/hls/cam/index.m3u8?token=1": {"https://u:p@h/a/b/", "cam"},
		"http://h/x/live/cam.flv":                      {"http://h/x/", "cam"},
		"http://h/live/a.b.ts#t":                       {"http://h/", "a.b"},
		"http://h/hls/other.m3u8":                      {"http://h/", ""},
		"http://h/stream.ts":                           {"http://h/", ""},
		"http://h/p/faulty/http.status(at_byte=50%25);client=a/hls/cam/index.m3u8": {"http://h/p/faulty/http.status(at_byte=50%25);client=a/", "cam"},
		"rtmp://h/live/cam":     {"", ""},
		"clip/hls/a/index.m3u8": {"", ""},
	} {
		if base, channel := truth.ServerOf(address); base != want[0] || channel != want[1] {
			t.Errorf("%s: %s, %s", address, base, channel)
		}
	}
}

// The channel is that which the stream names, also on a server with several and behind a prefix.
func TestChannelOfRecords(t *testing.T) {
	c := newClip(t)
	mux := http.NewServeMux()
	answers := verifytest.Serve(t, c.truth, 100).Config.Handler
	mux.HandleFunc("/prefix/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("channel") != "main" {
			http.Error(w, "there are several channels", http.StatusBadRequest)
			return
		}
		http.StripPrefix("/prefix", answers).ServeHTTP(w, r)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	source := truth.Unnamed{Find: func(ctx context.Context, said string) (truth.Source, error) {
		return truth.ServerWith(ctx, server.URL+"/prefix/", server.Client(), "", said, "")
	}}
	r, err := Run(t.Context(), c.paths["ts"], source, Options{Now: time.Now})
	if err != nil || r.Verdict != report.True || r.Channel.Name != "main" {
		t.Fatalf("%v: %+v", err, r)
	}
	if _, err := truth.ServerWith(t.Context(), server.URL+"/prefix/", server.Client(), "", "x", ""); err == nil || !strings.Contains(err.Error(), "several") {
		t.Errorf("%v", err)
	}
}

// A live playlist that dates its first segment only dates them all, and tokens in its paths change nothing.
func TestDatesAtTheTopAndTokens(t *testing.T) {
	t.Parallel()
	c := newClip(t)
	dir := filepath.Dir(c.paths["hls"])
	loads := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := filepath.Base(r.URL.Path)
		if name != "live.m3u8" {
			http.ServeFile(w, r, filepath.Join(dir, name))
			return
		}
		first := min(loads, 2)
		loads++
		text := fmt.Sprintf("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:%d\n", first)
		for i := first; i < first+2; i++ {
			if i == first {
				text += "#EXT-X-PROGRAM-DATE-TIME:" + verifytest.Channel().Epoch.Add(time.Duration(i)*time.Second).Format(time.RFC3339) + "\n"
			}
			text += fmt.Sprintf("#EXTINF:1,\ntoken%d/seg-%010d.ts\n", loads, i)
		}
		if loads > 2 {
			text += "#EXT-X-ENDLIST\n"
		}
		_, _ = w.Write([]byte(text))
	}))
	defer server.Close()
	r, err := Run(t.Context(), server.URL+"/live.m3u8", given{verifytest.Channel(), c.truth}, Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if got := kindsOf(r); !slices.Equal(got, []report.Kind{report.ClockGone}) || r.Findings[0].Clock != "hls.daterange" || r.Pictures != clipFrames {
		t.Errorf("%d pictures: %v", r.Pictures, textsOf(r))
	}
	for _, k := range r.Clocks {
		if k.Name == "hls.program_date_time" && (k.State != report.Exact || k.Statements != 4) {
			t.Errorf("%+v", k)
		}
	}
}

// Of two pictures at one time stamp each keeps its statements: only the one that is moved has a wrong PTS.
func TestOneTimeStampTwice(t *testing.T) {
	t.Parallel()
	c := newClip(t)
	clock := verifytest.Channel().Clock()
	path := (&forger{unit: func(au *media.Unit) {
		if au.PTS == clock.PTS(44) { // a B-frame
			au.PTS = clock.PTS(45)
		}
	}}).forge(t, c, "ts")
	r, err := Run(t.Context(), path, given{verifytest.Channel(), c.truth}, Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		if f.Clock != report.PTSClock && f.Clock != report.DTSClock {
			t.Errorf("%s: %s", f.Kind, f.Text)
		}
	}
	if r.Verdict != report.NotTrue {
		t.Errorf("%v", textsOf(r))
	}
}

// The times that ffmpeg makes up for pictures to which the stream gives none are not held against it, and their statements are
// those of their frames.
func TestPicturesWithoutTimes(t *testing.T) {
	t.Parallel()
	c := newClip(t)
	path := (&forger{}).forge(t, c, "ts")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for p := range ts.Split(b) {
		s, ok := p.PES()
		if !ok || !s.Timed || !s.Video() {
			continue
		}
		if n++; n%2 == 0 {
			head := p.Payload()
			head[7] &= 0x3F // PTS_DTS_flags
			for i := range int(head[8]) {
				head[9+i] = 0xFF
			}
		}
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), path, given{verifytest.Channel(), c.truth}, Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != report.True || n < 100 {
		t.Errorf("%d pictures: %v", n, textsOf(r))
	}
	for _, k := range r.Clocks {
		want := n
		switch {
		case k.Name == report.PTSClock, k.Name == report.DTSClock:
			want = n - n/2
		case !strings.HasPrefix(k.Name, "sei."):
			continue
		}
		if k.State != report.Exact || k.Statements != want {
			t.Errorf("%+v, want %d of %d pictures", k, want, n)
		}
	}
}

// ffmpeg reads CMAF with negative composition offsets, as its own muxer writes it, too late by the largest of them: that is no fault
// of the stream, whose time stamps are right; its decoding times are moved.
func TestNegativeOffsets(t *testing.T) {
	t.Parallel()
	c := newClip(t)
	file := filepath.Join(t.TempDir(), "a.mp4")
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-copyts", "-i", c.paths["ts"], "-map", "0:v", "-c", "copy", "-use_editlist", "0",
		"-video_track_timescale", "90000", "-movflags", "frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets+frag_discont", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	r, err := Run(t.Context(), file, given{verifytest.Channel(), c.truth}, Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range r.Clocks {
		if k.Name == report.PTSClock && (k.State != report.Exact || k.Statements != clipFrames) {
			t.Errorf("%+v: %v", k, textsOf(r))
		}
	}
}

// A copy of FLV has time stamps that were rounded to milliseconds, in whatever container.
func TestCopyOfFLV(t *testing.T) {
	t.Parallel()
	c := newClip(t)
	allow, err := report.ParseAllowance("remux")
	if err != nil {
		t.Fatal(err)
	}
	dir, copies := t.TempDir(), map[string][]string{"a.ts": nil, "a.mp4": nil, "a.mkv": nil, "a.flv": nil, "a.m3u8": {"-hls_segment_type", "fmp4"}}
	if testing.Short() { // FLV is what it is copied from, and HLS has MP4's segments
		delete(copies, "a.flv")
		delete(copies, "a.m3u8")
	}
	args := []string{"-v", "error", "-i", c.paths["flv"]}
	for name, options := range copies {
		args = append(append(append(args, "-map", "0:v", "-c", "copy"), options...), filepath.Join(dir, name))
	}
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name := range copies {
		file := filepath.Join(dir, name)
		r, err := Run(t.Context(), file, given{verifytest.Channel(), c.truth}, Options{Now: time.Now, Allow: allow})
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != report.True {
			t.Errorf("%s: %v", name, textsOf(r))
		}
	}
}
