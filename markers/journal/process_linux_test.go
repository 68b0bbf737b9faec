package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/refstream/refstream/markers"
)

// childEnv names the data directory and what a test's child process is to do in it.
const childEnv = "REFSTREAM_JOURNAL_CHILD"

// TestMain runs the tests, or in a child process what its parent asked for.
func TestMain(m *testing.M) {
	task, dir, ok := strings.Cut(os.Getenv(childEnv), ":")
	if !ok {
		os.Exit(m.Run())
	}
	run := map[string]func(string) error{"limit": childFileLimit, "append": childAppend, "full": childDiskFull, "after": childAfterFull}[task]
	if err := run(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child(t *testing.T, task, dir string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+task+":"+dir)
	return cmd
}

// TestJournalFileLimit has the system itself refuse a write in the middle of a line, as a full disk does.
func TestJournalFileLimit(t *testing.T) {
	dir := t.TempDir()
	if out, err := child(t, "limit", dir).CombinedOutput(); err != nil {
		t.Fatalf("child: %v\n%s", err, out)
	}
	wantFrames(t, openTest(t, Options{Dir: dir}, openOSFile), someFrames(0, 101))
}

func childFileLimit(dir string) error {
	signal.Ignore(syscall.SIGXFSZ) // the write fails instead
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	whole := limit.Cur
	j, err := Open(Options{Dir: dir})
	if err != nil {
		return err
	}
	limit.Cur = 5000
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	var failed error
	for n := range int64(100) {
		failed = j.Append(context.Background(), "main", markers.Batch{Frames: someFrames(n, n+1)})
	}
	if !errors.Is(failed, markers.ErrJournal) || !errors.Is(failed, syscall.EFBIG) {
		return fmt.Errorf("append beyond the limit: %v", failed)
	}
	info, err := os.Stat(j.channels["main"].log(markers.Frames).files.path(markers.ID{Sub: 1}))
	if err != nil {
		return err
	}
	if info.Size() >= 5000 || info.Size() != j.channels["main"].log(markers.Frames).files.size {
		return fmt.Errorf("the file has %d bytes: the half line was not cut off", info.Size())
	}
	limit.Cur = whole
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	if err := j.Append(context.Background(), "main", markers.Batch{Frames: someFrames(100, 101)}); err != nil {
		return err
	}
	return j.Close()
}

// TestJournalKill9 kills a process that appends; what it said to have appended is there, and the directory is free.
func TestJournalKill9(t *testing.T) {
	dir := t.TempDir()
	next := int64(0)
	for _, rounds := range []int64{1, 50, 333} {
		cmd := child(t, "append", dir)
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for range rounds {
			if !lines.Scan() {
				t.Fatalf("child ended: %v", lines.Err())
			}
		}
		must(t, cmd.Process.Kill())
		last := lines.Text()
		for lines.Scan() { // what it said before the kill came
			last = lines.Text()
		}
		_ = cmd.Wait()
		acknowledged, err := strconv.ParseInt(last, 10, 64)
		must(t, err)
		if acknowledged < next {
			t.Fatalf("the child went on at %d, want %d or later", acknowledged, next)
		}
		j := openTest(t, Options{Dir: dir}, openOSFile)
		got, err := j.Last(t.Context(), "main", markers.Frames)
		must(t, err)
		if got.Frame < acknowledged || got.Frame > acknowledged+1 {
			t.Fatalf("last frame is %d, %d was acknowledged", got.Frame, acknowledged)
		}
		next = got.Frame + 1
		wantFrames(t, j, someFrames(0, next))
		must(t, j.Close())
	}
}

// childAppend appends frames until it is killed, and prints each one's number once it is appended.
func childAppend(dir string) error {
	j, err := Open(Options{Dir: dir, FileRecords: 64})
	if err != nil {
		return err
	}
	n := int64(0)
	if last := j.channels["main"]; last != nil {
		n = last.log(markers.Frames).last().Frame + 1
	}
	for ; ; n++ {
		if err := j.Append(context.Background(), "main", markers.Batch{Frames: someFrames(n, n+1)}); err != nil {
			return err
		}
		if _, err := fmt.Println(n); err != nil {
			return err
		}
	}
}
