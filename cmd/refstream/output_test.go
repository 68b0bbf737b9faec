package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func textReport(w io.Writer) error {
	_, err := io.WriteString(w, "report")
	return err
}

// Reports go through symbolic links, and leave them what they are.
func TestWriteReportThroughLinks(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.MkdirAll(in("far/below"), 0o700), os.WriteFile(in("far/file"), []byte("a longer one than this"), 0o600),
		os.Symlink("far/file", in("to-file")), os.Symlink("to-file", in("to-link")), os.Symlink("far/new", in("to-nothing")),
		os.Symlink("far/below", in("folder")), os.Symlink("../other", in("far/below/up")), os.Symlink("loop", in("loop")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for link, file := range map[string]string{"to-link": "far/file", "to-nothing": "far/new", "folder/up": "far/other", "plain": "plain"} {
		if err := writeReport(t.Context(), in(link), io.Discard, textReport); err != nil {
			t.Errorf("%s: %v", link, err)
		}
		if text, err := os.ReadFile(in(file)); err != nil || string(text) != "report" {
			t.Errorf("%s: %q, %v", link, text, err)
		}
		info, err := os.Lstat(in(link))
		if err != nil || link != file && info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s is %v, %v", link, info.Mode(), err)
		}
	}
	if err := writeReport(t.Context(), in("loop"), io.Discard, textReport); err == nil {
		t.Error("a loop of links is written to")
	}
	if err := writeReport(t.Context(), in("far"), io.Discard, textReport); err == nil {
		t.Error("a folder is written to")
	}
}

// What is no regular file is written into.
func TestWriteReportIntoWhatExists(t *testing.T) {
	if err := writeReport(t.Context(), "/dev/full", io.Discard, textReport); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("full: %v", err)
	}
	if err := writeReport(t.Context(), "/dev/null", io.Discard, textReport); err != nil {
		t.Errorf("null: %v", err)
	}
	for _, name := range []string{"/dev/full", "/dev/null"} {
		if info, err := os.Lstat(name); err != nil || info.Mode()&fs.ModeCharDevice == 0 {
			t.Fatalf("%s is no device any more: %v", name, err)
		}
	}
	name := fifo(t)
	read := make(chan string)
	go func() {
		text, err := os.ReadFile(name)
		if err != nil {
			text = []byte(err.Error())
		}
		read <- string(text)
	}()
	if err := writeReport(t.Context(), name, io.Discard, textReport); err != nil {
		t.Error(err)
	}
	if text := <-read; text != "report" {
		t.Errorf("%q came through", text)
	}
	// A file that a shell has opened as standard output is not replaced.
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for range 2 {
		if err := writeReport(t.Context(), file.Name(), file, textReport); err != nil {
			t.Error(err)
		}
	}
	if text, err := os.ReadFile(file.Name()); err != nil || string(text) != "reportreport" {
		t.Errorf("%q, %v", text, err)
	}
}

// A program that can't be started says what to do.
func TestVerifyHint(t *testing.T) {
	f := verifyFlags{ffmpeg: "ffmpeg", ffprobe: "/nowhere/ffprobe"}
	if err := f.hint(exec.Command(f.ffprobe).Run()); !strings.Contains(err.Error(), "is ffprobe installed?") || !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := f.hint(io.EOF); !errors.Is(err, io.EOF) || err.Error() != "EOF" {
		t.Error(err)
	}
	dir := t.TempDir()
	must(t, "generate", "--out", filepath.Join(dir, "clip"), "--size", "160x90", "--duration", "1s", "--segment", "1s")
	var out bytes.Buffer
	_, code, err := runCommand(t, newVerify(&out, &out), &out, filepath.Join(dir, "clip", "index.m3u8"), "--ffprobe", f.ffprobe)
	if code != 2 || strings.Count(err.Error(), "is ffprobe installed?") != 1 {
		t.Errorf("exit code %d, %v", code, err)
	}
	_, code, err = runCommand(t, newVerify(&out, &out), &out, filepath.Join(dir, "clip", "index.m3u8"), "--json", "/dev/full")
	if code != 2 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("exit code %d, %v", code, err)
	}
}

// TestWriteFile has a file not written: the error says what to do where the folder is the reason.
func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	err := writeFile(filepath.Join(dir, "missing", "a"), func(io.Writer) error { return nil })
	if err == nil || !strings.HasPrefix(err.Error(), "create ") || !strings.HasSuffix(err.Error(), "choose a folder that can be written") {
		t.Errorf("no folder: %v", err)
	}
	full := errors.New("full")
	if err := writeFile(filepath.Join(dir, "a"), func(io.Writer) error { return full }); !errors.Is(err, full) ||
		!strings.HasPrefix(err.Error(), "write ") {
		t.Errorf("full: %v", err)
	}
}
