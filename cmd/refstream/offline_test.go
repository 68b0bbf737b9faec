package main

import (
	"bytes"
	"errors"
	"image/png"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/refstream/refstream/markers"
)

// folder reads all files below a folder.
func folder(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a program that runs renames what it writes
		}
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		rel, _ := filepath.Rel(dir, name)
		files[rel] = data
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestGenerateIsRepeatable(t *testing.T) {
	t.Parallel()
	// A bit rate that is too low for the picture: where the encoder has to work for it, it must still repeat itself.
	args := []string{"generate", "--also", "ts,flv", "--size", "320x180", "--duration", "4s", "--seed", "42", "--fps", "29.97",
		"--event-every", "1500ms", "--event-length", "500ms", "--bitrate", "50k", "--threads", "3", "--out"}
	a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	must(t, append(args, a)...)
	if err := os.Mkdir(b, 0o755); err != nil { // an empty folder will do
		t.Fatal(err)
	}
	must(t, append(args, b)...)
	first, second := folder(t, a), folder(t, b)
	names := slices.Sorted(maps.Keys(first))
	if !slices.Equal(names, slices.Sorted(maps.Keys(second))) {
		t.Fatalf("files differ: %v", names)
	}
	for _, name := range []string{"index.m3u8", "master.m3u8", "markers.jsonl", "frames.jsonl", "truth.json", "stream.ts", "stream.flv"} {
		if !slices.Contains(names, name) {
			t.Errorf("%s is missing among %v", name, names)
		}
	}
	for _, name := range names {
		if !bytes.Equal(first[name], second[name]) {
			t.Errorf("%s differs between two runs", name)
		}
	}
	printed := must(t, "truth", "--size", "320x180", "--duration", "4s", "--seed", "42", "--fps", "29.97",
		"--event-every", "1500ms", "--event-length", "500ms")
	if printed != string(first["markers.jsonl"]) || printed == "" {
		t.Errorf("truth prints\n%s\ngenerate wrote\n%s", printed, first["markers.jsonl"])
	}
}

// A stretch that begins and ends inside events says so: the markers tell what is in the files.
func TestStretchCutsEvents(t *testing.T) {
	t.Parallel()
	flags := []string{"--seed", "3", "--event-every", "4s", "--event-length", "3s", "--size", "160x90", "--segment", "1s"}
	var ev markers.Marker
	for _, m := range parseLines[markers.Marker](t, []byte(must(t, append([]string{"truth", "--duration", "5m"}, flags...)...))) {
		if m.Frame > 60 && m.Frame%30 > 5 {
			ev = m
			break
		}
	}
	begin := (ev.Frame/30 + 1) * 30 // a segment that begins inside the event
	flags = append(flags, "--start", strconv.FormatInt(begin/30, 10)+"s", "--duration", "1s")
	dir := filepath.Join(t.TempDir(), "clip")
	must(t, append([]string{"generate", "--out", dir}, flags...)...)
	got := readLines[markers.Marker](t, filepath.Join(dir, "markers.jsonl"))
	if len(got) != 1 || got[0].ID != ev.ID || got[0].Frame != begin || got[0].LastFrame != min(ev.LastFrame, begin+29) ||
		got[0].ScheduledFrame != ev.Frame {
		t.Errorf("markers %+v; the event is %+v, the stretch is frames %d to %d", got, ev, begin, begin+29)
	}
	if printed := parseLines[markers.Marker](t, []byte(must(t, append([]string{"truth"}, flags...)...))); !slices.Equal(printed, got) {
		t.Errorf("truth prints %+v, generate wrote %+v", printed, got)
	}
}

func TestFrame(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "f.png")
	must(t, "frame", "123456", "--size", "640x360", "--out", out)
	onDisk, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if printed := must(t, "frame", "123456", "--size", "640x360"); printed != string(onDisk) {
		t.Error("the picture on standard output differs from the file")
	}
	img, err := png.Decode(bytes.NewReader(onDisk))
	if err != nil || img.Bounds().Dx() != 640 || img.Bounds().Dy() != 360 {
		t.Errorf("picture: %v, %v", img.Bounds(), err)
	}
}
