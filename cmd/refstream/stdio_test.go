package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// pipe runs the program with a standard input, and gives both its outputs.
func pipe(t *testing.T, stdin []byte, tmp string, args ...string) (out []byte, errs string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	cmd.Stdin = bytes.NewReader(stdin)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err = cmd.Output()
	return out, said.String(), err
}

// A stream goes from generate through a pipe to the commands that read one, and is the one that a file would have.
func TestStandardStreams(t *testing.T) {
	t.Parallel()
	dir, tmp := t.TempDir(), t.TempDir()
	same := []string{"--duration", "3s", "--size", "160x90", "--threads", "1", "--event-every", "2s", "--event-length", "500ms"}
	must(t, append([]string{"generate", "--out", filepath.Join(dir, "clip"), "--also", "ts,flv"}, same...)...)
	for _, format := range []string{"ts", "flv"} {
		stream, errs, err := pipe(t, nil, tmp, append([]string{"generate", "--out", "-", "--also", format}, same...)...)
		want, readErr := os.ReadFile(filepath.Join(dir, "clip", "stream."+format))
		if err != nil || readErr != nil || !bytes.Equal(stream, want) || !strings.Contains(errs, "90 frames") {
			t.Fatalf("%s: %d bytes on standard output, %d in the file: %v, %v: %s", format, len(stream), len(want), err, readErr, errs)
		}
		if out, errs, err := pipe(t, stream, tmp, "analyze", "-"); err != nil || !bytes.Contains(out, []byte(`"frame":89`)) {
			t.Errorf("%s: analyze -: %v: %s", format, err, errs)
		}
		if out, errs, err := pipe(t, stream, tmp, "verify", "-", "--truth", filepath.Join(dir, "clip")); err != nil {
			t.Errorf("%s: verify -: %v: %s%s", format, err, out, errs)
		}
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
	playlist, err := os.ReadFile(filepath.Join(dir, "clip", "index.m3u8"))
	if err != nil {
		t.Fatal(err)
	}
	if _, errs, err := pipe(t, playlist, tmp, "analyze", "-"); err == nil || !strings.Contains(errs, "a playlist on standard input does not say") {
		t.Errorf("a playlist: %v: %s", err, errs)
	}
	if _, errs, err := pipe(t, nil, tmp, "verify", "-"); err == nil || !strings.Contains(errs, "where is the truth?") {
		t.Errorf("no truth: %v: %s", err, errs)
	}
	if _, errs, err := pipe(t, nil, tmp, "generate", "--out", "-"); err == nil || !strings.Contains(errs, "--out -: name what goes to standard output") {
		t.Errorf("no format: %v: %s", err, errs)
	}
}

// A reader that goes away ends generate, which leaves nothing behind.
func TestReaderGone(t *testing.T) {
	t.Parallel()
	tmp := t.TempDir()
	cmd := exec.CommandContext(t.Context(), program, "generate", "--out", "-", "--also", "ts", "-q", "--duration", "1h", "--size", "160x90")
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err == nil {
		_, err = out.Read(make([]byte, 1000))
	}
	if err != nil {
		t.Fatal(err)
	}
	out.Close()
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("it ends with %v", err)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
}
