package main

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
)

// refused runs serve, which must end at once and name what it was given and what to do.
func refused(t *testing.T, what string, args []string, says ...string) {
	t.Helper()
	_, stderr, code := refstream(t, append([]string{"serve", "--addr", "127.0.0.1:0"}, args...)...)
	if code == 0 {
		t.Errorf("%s: not refused", what)
	}
	for _, part := range says {
		if !strings.Contains(stderr, part) {
			t.Errorf("%s: the message does not mention %q: %s", what, part, stderr)
		}
	}
}

// A stop ends the playlist, a start with the same data continues the stream with the same numbers, and a second process
// in its folder is refused meanwhile.
func TestStopAndRestart(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, smallStream(data)...)
	s.moreSegments(2)
	for _, reset := range []string{"--reset=false", "--reset"} {
		refused(t, reset, append(smallStream(data), reset), "in use")
	}
	s.moreSegments(1)
	ffmpeg := s.ffmpegOf()
	s.stop()
	if alive(ffmpeg) {
		t.Error("ffmpeg still runs")
	}
	playlist, err := os.ReadFile(filepath.Join(data, "main", "hls", "index.m3u8"))
	if err != nil || !strings.HasSuffix(string(playlist), "#EXT-X-ENDLIST\n") {
		t.Errorf("playlist does not end: %v\n%s", err, tail(string(playlist), 300))
	}
	s = start(t, smallStream(data)...)
	s.moreSegments(2)
	st := s.verify(data)
	if st.channel.Run != 2 || !slices.Contains(st.reasons(), markers.ReasonDown) {
		t.Errorf("run %d, missing %+v", st.channel.Run, st.segments.Missing)
	}
	if strings.Contains(st.playlist, "ENDLIST") || !strings.Contains(st.playlist, "#EXT-X-DISCONTINUITY\n") {
		t.Errorf("playlist after a restart:\n%s", st.playlist)
	}
}

// Another rate, segment length, seed or epoch in the same data directory is refused and changes nothing, as is a journal
// whose channel's description was lost or changed: with another epoch its pictures would get new times. What is not given
// is taken over.
func TestDataDirectoryKeepsItsStream(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	flags := []string{"--data", data, "--size", "160x90", "--fps", "25", "--seed", "11", "--segment", "1s", "--bitrate", "500k"}
	s := start(t, flags...)
	first := getJSON[markers.Channel](s, "/clocks")
	s.stop()
	for _, wrong := range []string{"--fps=30", "--segment=2s", "--seed=12", "--epoch=2020-01-01T00:00:00Z", "--size=640x360", "--event-every=30s", "--audio"} {
		name, _, _ := strings.Cut(wrong, "=")
		refused(t, wrong, append(slices.Clone(flags), wrong), name, "--reset")
	}
	s = start(t, "--data", data, "--bitrate", "500k", "--audio=new")
	if c := getJSON[markers.Channel](s, "/clocks"); c.Audio || !strings.Contains(s.log(), "no sound") {
		t.Errorf("--audio=new of a stream that was there: audio is %v\n%s", c.Audio, s.log())
	}
	s.stop()
	first.Run++
	refused(t, "--audio=maybe", []string{"--data", data, "--audio=maybe"}, "use true, false or new")
	refused(t, "a ladder", []string{"--data", data, "--ladder=320x180@500k,160x90@300k"}, "--ladder=none", "--size=160x90", "--reset")

	description := filepath.Join(data, "main", "channel.json")
	good, err := os.ReadFile(description)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func() error{
		"removed": func() error { return os.Remove(description) },
		"another rate": func() error {
			return os.WriteFile(description, []byte(strings.Replace(string(good), `"fps":"25"`, `"fps":"30"`, 1)), 0o644)
		},
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		before := folder(t, data)
		refused(t, name, []string{"--data", data}, "channel.json", "--reset")
		after := folder(t, data)
		delete(before, filepath.Join("main", "lock"))
		delete(after, filepath.Join("main", "lock"))
		if !maps.EqualFunc(before, after, slices.Equal) {
			t.Errorf("%s: the refused start changed files", name)
		}
	}
	if err := os.WriteFile(description, good, 0o644); err != nil {
		t.Fatal(err)
	}

	s = start(t, "--data", data, "--bitrate", "500k")
	second := getJSON[markers.Channel](s, "/clocks")
	first.Run++
	if !reflect.DeepEqual(first, second) {
		t.Errorf("the second run is %+v, want %+v", second, first)
	}
	s.stop()
	foreign := filepath.Join(data, "main", "hls", "notes.txt")
	if err := os.WriteFile(foreign, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s = start(t, "--data", data, "--reset", "--fps", "30", "--size", "160x90", "--audio=new")
	if third := getJSON[markers.Channel](s, "/clocks"); third.Run != 1 || third.Rate.String() != "30" || !third.Audio {
		t.Errorf("after --reset: %+v", third)
	}
	s.stop()
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("--reset removed a file that is not ours: %v", err)
	}
}
