package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/refstream/refstream/internal/testunix"
	"github.com/refstream/refstream/markers"
)

func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// kill sends a signal to a process.
func kill(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := testunix.Send(pid, sig); err != nil {
		t.Fatal(err)
	}
}

// What happens to a running stream: its encoder hangs for longer than a segment, its encoder is killed, its folder of
// published files is removed, and at the end the encoder hangs and the terminal goes away.
func TestFaultsWhileRunning(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, smallStream(data)...)
	s.moreSegments(2)

	ffmpeg := s.ffmpegOf()
	kill(t, ffmpeg, testunix.Stop)
	stopped := s.newestFrame()
	// The clock is read from the server: 90 frames are two segments more than the queue of one that it may be late.
	s.await("the clock to run away", limit, func() bool {
		return getJSON[struct {
			ServerFrame int64 `json:"server_frame"`
		}](s, "/clocks").ServerFrame > stopped+90
	})
	kill(t, ffmpeg, testunix.Continue)
	s.await("a skip", limit, func() bool { return strings.Contains(s.log(), "skipping segments") })
	s.moreSegments(2)
	if text := string(s.get("/hls/main/index.m3u8")); strings.Contains(text, "#EXT-X-DISCONTINUITY\n") {
		t.Errorf("discontinuity, though the encoder was not restarted:\n%s", text)
	}

	kill(t, ffmpeg, testunix.Kill)
	s.moreSegments(2)
	st := s.verify(data)
	for _, reason := range []string{markers.ReasonSkipped, markers.ReasonEncoder} {
		if !slices.Contains(st.reasons(), reason) {
			t.Errorf("missing %+v, want reason %s", st.segments.Missing, reason)
		}
	}
	if n := strings.Count(st.playlist, "#EXT-X-DISCONTINUITY\n"); n != 1 {
		t.Errorf("%d discontinuities, want 1:\n%s", n, st.playlist)
	}
	if !strings.Contains(s.log(), "killed") {
		t.Errorf("the log does not say how ffmpeg ended")
	}

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

	ffmpeg = s.ffmpegOf()
	kill(t, ffmpeg, testunix.Stop)
	kill(t, s.cmd.Process.Pid, syscall.SIGHUP)
	s.stop()
	if alive(ffmpeg) {
		t.Error("ffmpeg still runs")
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
	await(t, "ffmpeg ends after its parent", limit, func() bool { return !alive(ffmpeg) })
	s = start(t, smallStream(data)...)
	s.moreSegments(2)
	st := s.verify(data)
	for _, m := range before.markers {
		if !slices.Contains(st.markers, m) {
			t.Errorf("marker %s is lost or changed", m.ID)
		}
	}
	for _, seg := range before.segments.Segments {
		if !slices.ContainsFunc(st.segments.Segments, func(s markers.SegmentRecord) bool { return reflect.DeepEqual(s, seg) }) {
			t.Errorf("segment %d is lost or changed", seg.MSN)
		}
	}
	if !strings.Contains(st.playlist, "#EXT-X-GAP") {
		t.Errorf("playlist without a gap:\n%s", st.playlist)
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
	s.await("a segment that can't be published", limit, func() bool { return strings.Contains(s.log(), "msg=publish") })
	s.await("the journal says that it is not well", limit, func() bool {
		_, err := s.try("/readyz")
		return err != nil
	})
	s.await("missing record", limit, func() bool { return slices.Contains(s.state().reasons(), markers.ReasonPublish) })
	lost := s.state().segments.Missing[0].LastFrame
	s.await("what is sent while the disk is full is noted on it", limit, func() bool {
		text, err := os.ReadFile(filepath.Join(inside, "data", "main", "reached"))
		n, e := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		return err == nil && e == nil && n > lost
	})
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s.moreSegments(2)
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
		t.Parallel()
		disk := t.TempDir()
		run := fmt.Sprintf("mount -t tmpfs -o size=1m none %[1]s && %[2]s generate --out %[1]s/clip --size 160x90 --preset ultrafast --duration 10m; echo code $?; ls -A %[1]s",
			disk, program)
		stdout, stderr := tool(t, "unshare", "--user", "--map-root-user", "--mount", "sh", "-c", run)
		if !strings.HasSuffix(string(stdout), "code 1\n") {
			t.Errorf("exit code, or something is left behind: %s", stdout)
		}
		if s := string(stderr); strings.Count(s, "\n") != 1 || !strings.Contains(s, "no space left on device") {
			t.Errorf("message: %s", s)
		}
	})
	for name, c := range map[string]struct {
		end  func(s *running)
		says string
	}{
		"interrupted":    {func(s *running) { kill(s.t, s.cmd.Process.Pid, syscall.SIGINT) }, "refstream: interrupted\n"},
		"encoder killed": {func(s *running) { kill(s.t, s.ffmpegOf(), testunix.Kill) }, "killed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := launchCommand(t, "", exec.Command(program, "generate", "--out", filepath.Join(dir, "a", "clip"), "--size", "160x90", "--duration", "1h"))
			await(t, "segments", limit, func() bool { return len(folder(t, dir)) > 5 })
			c.end(s)
			select {
			case <-s.closed:
			case <-time.After(limit):
				t.Fatal("it does not end")
			}
			s.cmd.Wait()
			// One line says how it ended; those before it say what is made, and how far it is.
			lines := strings.SplitAfter(s.log(), "\n")
			end := strings.Join(lines[max(0, len(lines)-2):], "")
			if code := s.cmd.ProcessState.ExitCode(); code != 1 || strings.Count(s.log(), "refstream:") != 1 || !strings.Contains(end, c.says) {
				t.Errorf("exit code %d, message %q", code, s.log())
			}
			if left := folder(t, dir); len(left) > 0 {
				t.Errorf("left behind: %d files", len(left))
			}
		})
	}
}
