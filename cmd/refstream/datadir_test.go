package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
)

// Another rate, segment length, seed or epoch in the same data directory is refused and nothing changed; what is not
// given is taken over.
func TestDataDirectoryKeepsItsStream(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	flags := []string{"--data", data, "--size", "320x180", "--fps", "25", "--seed", "11", "--segment", "1s", "--bitrate", "500k"}
	s := start(t, flags...)
	first := getJSON[markers.Channel](s, "/clocks")
	s.stop()
	for _, wrong := range []string{"--fps=30", "--segment=2s", "--seed=12", "--epoch=2020-01-01T00:00:00Z", "--size=640x360", "--event-every=30s"} {
		_, stderr, code := refstream(t, append(append([]string{"serve"}, flags...), wrong, "--addr", "127.0.0.1:0")...)
		name, _, _ := strings.Cut(wrong, "=")
		if code == 0 || !strings.Contains(stderr, name) || !strings.Contains(stderr, "--reset") {
			t.Errorf("%s: code %d: %s", wrong, code, stderr)
		}
	}
	s = start(t, "--data", data, "--bitrate", "500k")
	second := getJSON[markers.Channel](s, "/clocks")
	first.Run++
	if first != second {
		t.Errorf("the second run is %+v, want %+v", second, first)
	}
	s.stop()
	foreign := filepath.Join(data, "main", "hls", "notes.txt")
	if err := os.WriteFile(foreign, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s = start(t, "--data", data, "--reset", "--fps", "30", "--size", "320x180")
	if third := getJSON[markers.Channel](s, "/clocks"); third.Run != 1 || third.Rate.String() != "30" {
		t.Errorf("after --reset: %+v", third)
	}
	s.stop()
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("--reset removed a file that is not ours: %v", err)
	}
}

// A second process in a data directory, with --reset or without, is refused and changes nothing.
func TestDataDirectoryInUse(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, smallStream(data)...)
	s.moreSegments(2)
	for _, reset := range []string{"--reset=false", "--reset"} {
		_, stderr, code := refstream(t, append([]string{"serve", "--addr", "127.0.0.1:0", reset}, smallStream(data)...)...)
		if code == 0 || !strings.Contains(stderr, "in use") {
			t.Errorf("%s: code %d: %s", reset, code, stderr)
		}
	}
	s.moreSegments(2)
	st := s.verify(data)
	if len(st.segments.Missing) > 0 {
		t.Errorf("missing %+v", st.segments.Missing)
	}
	if code, _ := s.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A journal whose channel's description was lost or changed is refused, and left as it is: with another epoch its
// pictures would get new times.
func TestDescriptionLost(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, smallStream(data)...)
	s.moreSegments(2)
	s.stop()
	description := filepath.Join(data, "main", "channel.json")
	good, err := os.ReadFile(description)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func() error{
		"removed": func() error { return os.Remove(description) },
		"another rate": func() error {
			return os.WriteFile(description, []byte(strings.Replace(string(good), `"fps":"30"`, `"fps":"25"`, 1)), 0o644)
		},
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		before := folder(t, data)
		_, stderr, code := refstream(t, "serve", "--addr", "127.0.0.1:0", "--data", data)
		if code == 0 || !strings.Contains(stderr, "channel.json") || !strings.Contains(stderr, "--reset") {
			t.Errorf("%s: code %d: %s", name, code, stderr)
		}
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
	s = start(t, smallStream(data)...)
	s.moreSegments(1)
	s.verify(data)
}

// Somebody removes the folder of published files: it is made again, and the stream goes on.
func TestPublishedFolderRemoved(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, smallStream(data)...)
	s.moreSegments(2)
	if err := os.RemoveAll(filepath.Join(data, "main", "hls")); err != nil {
		t.Fatal(err)
	}
	s.moreSegments(2)
	s.awaitReady()
	for _, name := range []string{"master.m3u8", "index.m3u8"} {
		if _, err := s.try("/hls/main/" + name); err != nil {
			t.Error(err)
		}
	}
	if code, _ := s.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A stop is over within 5 s also when ffmpeg hangs, and with the signal of a terminal that goes away.
func TestStopsWithHungEncoder(t *testing.T) {
	t.Parallel()
	s := start(t, smallStream(filepath.Join(t.TempDir(), "data"))...)
	s.moreSegments(1)
	ffmpeg := s.ffmpegOf()
	if err := syscall.Kill(ffmpeg, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if code, took := s.stop(); code != 0 || took > 5*time.Second {
		t.Errorf("exit code %d after %v", code, took)
	}
	if alive(ffmpeg) {
		t.Error("ffmpeg still runs")
	}
}
