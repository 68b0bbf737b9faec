package playlists

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/hls-m3u8/m3u8"

	"github.com/refstream/refstream/packager"
)

// played is what hls.js makes of a stream: the newest segment that it knows at the end, and the names of its errors.
type played struct {
	Newest string
	Errors []string
}

// play has hls.js follow streams from the first whole window on.
func play(t *testing.T, streams []live) (list []played) {
	t.Helper()
	type version struct {
		At   int64  `json:"at"`
		Text string `json:"text"`
	}
	var all [][]version
	for _, l := range streams {
		var versions []version
		for n, v := range l.takes[window:] {
			versions = append(versions, version{int64(n) * int64(slot/time.Millisecond), v.text})
		}
		all = append(all, versions)
	}
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "versions.json")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err = exec.CommandContext(t.Context(), "node", "testdata/player.mjs", name).Output(); err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil || len(list) != len(streams) {
		t.Fatalf("hls.js: %v: %s", err, b)
	}
	return list
}

// complaints are what ffmpeg's reader of HLS prints when the playlist is not as it should be.
var complaints = []string{"Media sequence changed unexpectedly", "segments ahead, expired from playlists", "out of order", "Failed to reload playlist"}

// ffprobe has ffmpeg's reader follow a stream around a fault, of which each loading brings the next version, and lists its complaints.
// It waits for as long as EXTINF says.
func ffprobe(t *testing.T, l live) (list []string) {
	t.Helper()
	const end = from + 5
	next := from - 3
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b, ok := l.files[strings.TrimPrefix(r.URL.Path, "/")]; ok {
			_, _ = w.Write(b)
			return
		}
		v := l.takes[min(next, end)]
		if next++; next > end {
			v.text += tagEnd + "\n"
		}
		w.Header().Set("Content-Type", packager.PlaylistType)
		fmt.Fprint(w, strings.ReplaceAll(v.text, tagInf+":2,", tagInf+":0.1,"))
	}))
	defer server.Close()
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "verbose", "-live_start_index", "0", "-fpsprobesize", "0", "-analyzeduration", "1",
		"-show_entries", "packet=pts", server.URL+"/"+packager.MediaPlaylist).CombinedOutput()
	for _, c := range complaints {
		if strings.Contains(string(out), c) {
			list = append(list, c)
		}
	}
	if err != nil || next <= end && len(list) == 0 {
		t.Errorf("ffprobe read %d versions: %v: %s", next, err, out)
	}
	return list
}

// strict reads a version with a library that is not ours, which refuses what is no playlist.
func strict(text string) error {
	_, kind, err := m3u8.DecodeFrom(strings.NewReader(text), true)
	if err == nil && kind != m3u8.MEDIA {
		err = fmt.Errorf("kind %v", kind)
	}
	return err
}
