package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
)

func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestStopsCleanly(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, smallStream(data)...)
	s.moreSegments(3)
	ffmpeg := s.ffmpegOf()
	code, took := s.stop()
	if code != 0 || took > 5*time.Second {
		t.Errorf("exit code %d after %v, want 0 within 5s", code, took)
	}
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

func TestEncoderKilled(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, smallStream(data)...)
	s.moreSegments(2)
	for range 2 {
		pid := s.ffmpegOf()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		s.moreSegments(3)
	}
	st := s.verify(data)
	if !slices.Contains(st.reasons(), markers.ReasonEncoder) {
		t.Errorf("missing %+v, want reason %s", st.segments.Missing, markers.ReasonEncoder)
	}
	if n := strings.Count(st.playlist, "#EXT-X-DISCONTINUITY\n"); n != 2 {
		t.Errorf("%d discontinuities, want 2:\n%s", n, st.playlist)
	}
	if !strings.Contains(s.log(), "killed") {
		t.Errorf("the log does not say how ffmpeg ended")
	}
}

func TestGeneratorKilled(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, smallStream(data)...)
	s.moreSegments(4)
	before := s.state()
	ffmpeg := s.ffmpegOf()
	s.kill()
	await(t, "ffmpeg ends after its parent", 10*time.Second, func() bool { return !alive(ffmpeg) })
	s = start(t, smallStream(data)...)
	s.moreSegments(3)
	st := s.verify(data)
	for _, m := range before.markers {
		if !slices.Contains(st.markers, m) {
			t.Errorf("marker %s is lost or changed", m.ID)
		}
	}
	for _, seg := range before.segments.Segments {
		if !slices.Contains(st.segments.Segments, seg) {
			t.Errorf("segment %d is lost or changed", seg.MSN)
		}
	}
	if !strings.Contains(st.playlist, "#EXT-X-GAP") {
		t.Errorf("playlist without a gap:\n%s", st.playlist)
	}
}

// A machine that is too slow: the encoder stands still now and then for longer than a segment.
func TestTooSlow(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, smallStream(data)...)
	pid := s.ffmpegOf()
	for range 2 {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		skipped := strings.Count(s.log(), "skipping segments")
		began := time.Now()
		s.await("the encoder's pause", 10*time.Second, func() bool { return time.Since(began) > 5*time.Second })
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		s.await("skip", 20*time.Second, func() bool { return strings.Count(s.log(), "skipping segments") > skipped })
		s.moreSegments(3)
	}
	st := s.verify(data)
	if !slices.Contains(st.reasons(), markers.ReasonSkipped) {
		t.Errorf("missing %+v, want reason %s", st.segments.Missing, markers.ReasonSkipped)
	}
	if strings.Contains(st.playlist, "#EXT-X-DISCONTINUITY\n") {
		t.Errorf("discontinuity, though the encoder was not restarted:\n%s", st.playlist)
	}
	// It is back in step with the clock: the newest frame is at most a few segments behind.
	clocks := getJSON[struct {
		ServerFrame int64 `json:"server_frame"`
		Latest      struct{ Frame int64 }
	}](s, "/clocks")
	if behind := clocks.ServerFrame - clocks.Latest.Frame; behind > 120 {
		t.Errorf("%d frames behind the clock", behind)
	}
}

// A full disk: segments that can't be written become gaps with a reason, the truth goes on, and so does the stream
// when there is room again. The server has a small file system to itself, in a mount namespace of its own.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	addr := freeAddr(t)
	mount := fmt.Sprintf("mount -t tmpfs -o size=4m none %s && exec %s serve --addr %s %s", disk, program, addr,
		strings.Join(smallStream(filepath.Join(disk, "data")), " "))
	s := launchCommand(t, addr, exec.Command("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount))
	s.awaitReady()
	s.moreSegments(2)
	inside := fmt.Sprintf("/proc/%d/root%s", s.cmd.Process.Pid, disk)
	filler := filepath.Join(inside, "filler")
	if err := fill(filler); err != nil {
		t.Fatal(err)
	}
	s.await("a segment that can't be published", 20*time.Second, func() bool { return strings.Contains(s.log(), "msg=publish") })
	s.await("the journal says that it is not well", 20*time.Second, func() bool {
		_, err := s.try("/readyz")
		return err != nil
	})
	s.await("missing record", 20*time.Second, func() bool { return slices.Contains(s.state().reasons(), markers.ReasonPublish) })
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s.moreSegments(3)
	s.awaitReady()
	st := s.verify(filepath.Join(inside, "data"))
	// What was kept in memory meanwhile is on the disk now.
	journal := folder(t, filepath.Join(inside, "data", "main", "journal"))
	var text strings.Builder
	for _, data := range journal {
		text.Write(data)
	}
	for _, f := range st.frames.Frames {
		if f.Frame < st.segments.Segments[len(st.segments.Segments)-1].FirstFrame && !strings.Contains(text.String(), fmt.Sprintf(`"frame":%d,`, f.Frame)) {
			t.Errorf("frame %d is not in the journal", f.Frame)
		}
	}
	for _, m := range st.markers {
		if !strings.Contains(text.String(), m.ID) {
			t.Errorf("marker %s is not in the journal", m.ID)
		}
	}
}

// fill writes a file until its disk is full.
func fill(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	block := make([]byte, 4096)
	for range 1 << 12 { // 16 MiB at the most
		if _, err := f.Write(block); err != nil {
			return nil
		}
	}
	return fmt.Errorf("%s: the disk does not get full", name)
}

// A generation that can't end well says why in one line and leaves nothing behind.
func TestGenerateFails(t *testing.T) {
	t.Parallel()
	t.Run("disk full", func(t *testing.T) {
		disk := t.TempDir()
		run := fmt.Sprintf("mount -t tmpfs -o size=1m none %[1]s && %[2]s generate --out %[1]s/clip --size 320x180 --duration 10m; echo code $?; ls -A %[1]s",
			disk, program)
		began := time.Now()
		var stdout, stderr strings.Builder
		cmd := exec.CommandContext(t.Context(), "unshare", "--user", "--map-root-user", "--mount", "sh", "-c", run)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(stdout.String(), "code 1\n") {
			t.Errorf("exit code, or something is left behind: %s", stdout.String())
		}
		if s := stderr.String(); strings.Count(s, "\n") != 1 || !strings.Contains(s, "no space left on device") {
			t.Errorf("message: %s", s)
		}
		t.Logf("took %v", time.Since(began))
	})
	t.Run("interrupted", func(t *testing.T) {
		dir := t.TempDir()
		cmd := exec.Command(program, "generate", "--out", filepath.Join(dir, "a", "clip"), "--size", "320x180", "--duration", "1h")
		var stderr strings.Builder
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		await(t, "segments", 20*time.Second, func() bool { return len(folder(t, dir)) > 5 })
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 1 || stderr.String() != "refstream: interrupted\n" {
			t.Errorf("exit code %d, message %q", code, stderr.String())
		}
		if left := folder(t, dir); len(left) > 0 {
			t.Errorf("left behind: %d files", len(left))
		}
	})
	t.Run("encoder killed", func(t *testing.T) {
		dir := t.TempDir()
		s := &server{t: t, cmd: exec.Command(program, "generate", "--out", filepath.Join(dir, "clip"), "--size", "320x180", "--duration", "1h")}
		var stderr strings.Builder
		s.cmd.Stderr = &stderr
		if err := s.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		await(t, "segments", 20*time.Second, func() bool { return len(folder(t, dir)) > 5 })
		if err := syscall.Kill(s.ffmpegOf(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		s.cmd.Wait()
		if code := s.cmd.ProcessState.ExitCode(); code != 1 || strings.Count(stderr.String(), "\n") != 1 || !strings.Contains(stderr.String(), "killed") {
			t.Errorf("exit code %d, message %q", code, stderr.String())
		}
		if left := folder(t, dir); len(left) > 0 {
			t.Errorf("left behind: %d files", len(left))
		}
	})
}
