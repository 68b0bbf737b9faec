package main

import (
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/recorder"
)

// checkHLSTime checks that each segment of a session has the place of its first frame on the HLS clock, at 30 frames/s: exact.
func checkHLSTime(t *testing.T, session string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(session, "session.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var all, right int
	err = db.QueryRow(`SELECT COUNT(*), SUM(first_time * 9 = (first_pts - 90000) * 100000) FROM segments WHERE error IS NULL`).Scan(&all, &right)
	if err != nil || all == 0 || right != all {
		t.Errorf("%d of %d segments have the time of their first frame: %v", right, all, err)
	}
}

// A stream is recorded through a proxy that does it some wrong: all that came is there, byte for byte, gaps finds the
// faults and nothing else, and a replay is what was recorded: for ffmpeg, for the page, for verify, and for another
// recording.
func TestRecord(t *testing.T) {
	t.Parallel()
	s := start(t, smallStream(filepath.Join(t.TempDir(), "data"))...)
	s.moreSegments(3)
	p := newFaultyProxy(t, s.url)
	dir := t.TempDir()

	recording := launchCommand(t, "", exec.Command(program, "record", p.url+"/hls/main/master.m3u8", "-o", dir, "-s", "first", "--poll", "20ms"))
	await(t, "the recording to begin", limit, func() bool {
		return len(p.answered(func(a proxyAnswer) bool { return isMediaPlaylist(a.path) })) > 50
	})
	quiet := func() { // faults must not come so close together that one hides another
		n := len(p.answered(func(a proxyAnswer) bool { return isMediaPlaylist(a.path) }))
		await(t, "the playlist to continue", limit, func() bool {
			return p.left() == 0 && len(p.answered(func(a proxyAnswer) bool { return isMediaPlaylist(a.path) })) > n+40
		})
	}
	first := func(name string, before int) bool { return isSegment(name) && before == 0 }
	p.inject(proxyFault{applies: func(name string, _ int) bool { return isMediaPlaylist(name) }, hold: 2500 * time.Millisecond, left: 1})
	quiet()
	p.inject(proxyFault{applies: func(name string, _ int) bool { return isMediaPlaylist(name) }, status: 404, left: 1})
	quiet()
	p.inject(proxyFault{applies: first, status: 404, left: 1})
	quiet()
	var gone string
	p.inject(proxyFault{applies: func(name string, before int) bool {
		if gone == "" && first(name, before) {
			gone = name
		}
		return name == gone && gone != ""
	}, status: 404, left: 4}) // as often as the recorder tries
	quiet()
	more := 4
	if !testing.Short() {
		more = 100
	}
	s.moreSegments(more)
	recording.stop()

	session := openSession(t, filepath.Join(dir, "first"))
	checkRecorded(t, p, session)
	checkGaps(t, dir)
	checkHLSTime(t, filepath.Join(dir, "first"))

	// The same again, from a replay.
	replay := startReplay(t, dir)
	var following sync.WaitGroup
	following.Go(func() {
		must(t, "record", replay.url+"/hls/main/master.m3u8", "-o", dir, "-s", "second", "--poll", "20ms",
			"--duration", length(t, session).String())
	})
	following.Go(func() {
		name := filepath.Join(dir, "followed.ts")
		tool(t, "ffmpeg", "-v", "error", "-i", replay.url+"/stream.m3u8", "-t", "6", "-c", "copy", name)
		tool(t, "ffmpeg", "-v", "error", "-xerror", "-i", name, "-f", "null", "-")
	})
	following.Go(func() {
		out, errs, code := refstream(t, "verify", replay.url+"/stream.m3u8", "--duration", "5s")
		if code != 0 {
			t.Errorf("verify of the replay: exit code %d: %s\n%s", code, errs, out)
		}
	})
	// The truth follows the replay: it is live, and nothing in it is ahead.
	type clocks struct {
		Live       bool
		ServerTime time.Time `json:"server_time"`
	}
	s.await("markers of the live replay", limit, func() bool {
		known, now := getJSON[markersAnswer](replay, "/markers?limit=10000").Markers, getJSON[clocks](replay, "/clocks")
		if n := len(known); n > 0 && known[n-1].GenTime.After(now.ServerTime.Add(time.Second)) {
			t.Fatalf("at %v the replay has a marker of %v", now.ServerTime, known[n-1].GenTime)
		}
		return now.Live && len(known) > 0
	})
	following.Wait()
	replay.stop()
	compareSessions(t, session, openSession(t, filepath.Join(dir, "second")))

	// A browser takes its time to start: it gets a replay of its own, whose clock begins with its first request.
	replay = startReplay(t, dir)
	b := openBrowser(t, replay.url)
	await(t, "the page on the replay to check frames", limit, func() bool { return b.check().Exact >= 20 })
	if c := b.check(); c.Errors > 0 {
		t.Errorf("the page on the replay checks %+v", c)
	}
	b.clean()
}

// startReplay replays the session "first" of a folder.
func startReplay(t *testing.T, dir string) *running {
	t.Helper()
	addr := freeAddr(t)
	_, port, _ := strings.Cut(addr, ":")
	replay := launchCommand(t, addr, exec.Command(program, "replay", "first", "-f", dir, "-p", port))
	await(t, "the replay", limit, func() bool { return strings.Contains(replay.log(), replay.url) })
	return replay
}

// length is how long a session was recorded, rounded up.
func length(t *testing.T, s *recorder.Session) (most time.Duration) {
	t.Helper()
	for _, v := range collect(t, s.Versions(t.Context(), mediaPlaylist(t, s).ID)) {
		most = max(most, v.Seen)
	}
	return most.Truncate(time.Second) + time.Second
}

func openSession(t *testing.T, dir string) *recorder.Session {
	t.Helper()
	s, err := recorder.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func collect[T any](t *testing.T, rows iter.Seq2[*T, error]) (list []*T) {
	t.Helper()
	for r, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

// mediaPlaylist is the session's only one.
func mediaPlaylist(t *testing.T, s *recorder.Session) recorder.Playlist {
	t.Helper()
	list, err := s.Playlists(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(p recorder.Playlist) bool { return p.Kind == recorder.KindVariant })
	if i < 0 || len(list) != 2 {
		t.Fatalf("playlists %+v", list)
	}
	return list[i]
}

// checkRecorded holds a session against what the proxy answered.
func checkRecorded(t *testing.T, p *faultyProxy, s *recorder.Session) {
	t.Helper()
	sum := func(b recorder.Body) [32]byte {
		data, err := s.Body(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		return sha256.Sum256(data)
	}
	var want, got [][32]byte
	for _, a := range p.answered(func(a proxyAnswer) bool { return isMediaPlaylist(a.path) && a.status == 200 }) {
		if len(want) == 0 || want[len(want)-1] != a.sum {
			want = append(want, a.sum)
		}
	}
	for _, v := range collect(t, s.Versions(t.Context(), mediaPlaylist(t, s).ID)) {
		got = append(got, sum(v.Body))
	}
	// What was answered when the recording ended may not have been taken any more.
	if len(got) < 8 || len(got) < len(want)-1 || !slices.Equal(got, want[:len(got)]) {
		t.Errorf("%d versions are recorded, %d were served, or they differ", len(got), len(want))
	}
	type answer struct {
		path   string
		status int
		sum    [32]byte
	}
	recorded := map[answer]int{}
	for _, e := range collect(t, s.Exchanges(t.Context())) {
		if e.Resource == hlsclient.ResourceSegment && e.Status != 0 && e.Body != 0 {
			recorded[answer{strings.TrimPrefix(e.URL, p.url), e.Status, sum(e.Body)}]++
		}
	}
	served, missing := p.answered(func(a proxyAnswer) bool { return isSegment(a.path) }), 0
	for _, a := range served {
		key := answer{a.path, a.status, a.sum}
		if recorded[key] == 0 {
			missing++
			continue
		}
		recorded[key]--
	}
	for key, n := range recorded {
		if n > 0 {
			t.Errorf("%s with status %d is recorded and was not served", key.path, key.status)
		}
	}
	if len(served) < 8 || missing > 1 {
		t.Errorf("%d of %d answers with segments are not recorded", missing, len(served))
	}
}

// checkGaps wants the faults that were injected, and none besides but what a slow machine does: a playlist that comes late.
func checkGaps(t *testing.T, dir string) {
	t.Helper()
	longest, count := gapFindings(t, dir)
	if longest < 24e8 {
		t.Errorf("the longest gap is %v, want about 3 s", longest)
	}
	late := count["gap"] >= 1 && count["playlist_slow"] >= 1
	for _, kind := range []string{"gap", "playlist_slow", "segment_late"} { // a busy machine has more of these, and they are true
		delete(count, kind)
	}
	if want := map[string]int{"request_failed": 2, "segment_missing": 1}; !late || !maps.Equal(count, want) {
		t.Errorf("findings %v and gap, playlist_slow %v, want %v and both", count, late, want)
	}
}

// gapFindings are the findings about the session "first", by kind, and the longest gap.
func gapFindings(t *testing.T, dir string) (longest media.Seconds, count map[string]int) {
	t.Helper()
	out, errs, code := refstream(t, "gaps", "first", "-f", dir, "--show", "--json", "-")
	var report struct {
		Gaps []struct {
			Interval media.Seconds
		}
		Findings []struct{ Kind, Text string }
		Versions []struct{ Text string }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(report.Findings) > 0 && (len(report.Versions) == 0 || !strings.HasPrefix(report.Versions[0].Text, "#EXTM3U")) {
		t.Errorf("gaps shows the versions %+v", report.Versions)
	}
	if want := min(1, len(report.Findings)); code != want {
		t.Errorf("gaps: exit code %d, want %d: %s", code, want, errs)
	}
	for _, g := range report.Gaps {
		longest = max(longest, g.Interval)
	}
	count = map[string]int{}
	for _, f := range report.Findings {
		t.Logf("gaps: %s: %s", f.Kind, f.Text)
		if !strings.Contains(f.Text, "nothing was received for too long") { // true of a machine that stood still
			count[f.Kind]++
		}
	}
	return longest, count
}

// compareSessions wants a recording of a replay to have the versions of the recording, in their order, and the same contents.
// A recorder on a slow machine misses versions that the next one replaces at once. That the distances between versions are the
// same is the replay's own test.
func compareSessions(t *testing.T, a, b *recorder.Session) {
	t.Helper()
	texts := func(s *recorder.Session) (list []string) {
		for _, v := range collect(t, s.Versions(t.Context(), mediaPlaylist(t, s).ID)) {
			data, err := s.Body(t.Context(), v.Body)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, string(data))
		}
		return list
	}
	recorded, replayed := texts(a), texts(b)
	left := recorded
	for i, text := range replayed {
		at := slices.Index(left, text)
		if at < 0 {
			t.Fatalf("version %d of the replay is not among the %d that are left in the recording", i, len(left))
		}
		left = left[at+1:]
	}
	if len(replayed)*2 < len(recorded) {
		t.Errorf("%d versions in the replay, %d in the recording", len(replayed), len(recorded))
	}
	contents := func(s *recorder.Session) map[string]string {
		m := map[string]string{}
		for _, e := range collect(t, s.Exchanges(t.Context())) {
			if e.Resource == hlsclient.ResourceSegment && e.Status != 0 {
				data, err := s.Body(t.Context(), e.Body)
				if err != nil {
					t.Fatal(err)
				}
				// How often it was asked for depends on when.
				m[fmt.Sprintf("%d %d", e.MSN, e.Status)] = fmt.Sprintf("%x", sha256.Sum256(data))
			}
		}
		return m
	}
	ac, bc, different := contents(a), contents(b), 0
	for key, c := range bc {
		// The recording may have ended before it asked for its last segment: the replay has nothing to answer then.
		if was, asked := ac[key]; was != c && (asked || !strings.HasSuffix(key, " 404")) {
			different++
			t.Logf("segment %s: %.12s in the recording, %.12s in the replay", key, ac[key], c)
		}
	}
	if different > 0 || len(bc) < len(ac)-5 {
		t.Errorf("%d answers with segments in the replay, %d in the recording, %d differ", len(bc), len(ac), different)
	}
}
