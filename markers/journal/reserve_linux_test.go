package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/refstream/refstream/markers"
)

// TestJournalReserve has a process on a full disk lose segment after segment, and end by kill -9: what it said of them is
// in the journal. The disk is a small one of its own, in a mount namespace.
func TestJournalReserve(t *testing.T) {
	disk := t.TempDir()
	run := fmt.Sprintf("mount -t tmpfs -o size=1m none %[1]s && { %[2]s=full:%[1]s %[3]s; [ $? = 137 ]; } && "+
		"rm %[1]s/filler && %[2]s=after:%[1]s %[3]s", disk, childEnv, os.Args[0])
	out, err := exec.CommandContext(t.Context(), "unshare", "--user", "--map-root-user", "--mount", "sh", "-c", run).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// lostSegments are the records of a run whose disk is full from frame 1000 on.
func lostSegments() (list []markers.MissingRecord) {
	for n := int64(1000); n < 7000; n += 60 {
		list = append(list, markers.MissingRecord{Frame: n, LastFrame: n + 59, Reason: markers.ReasonPublish, Detail: "no space left on device"})
	}
	return list
}

func childDiskFull(disk string) error {
	ctx := context.Background()
	j, err := Open(Options{Dir: filepath.Join(disk, "data")})
	if err != nil {
		return err
	}
	if err := j.Append(ctx, "main", markers.Batch{Frames: someFrames(0, 10)}); err != nil {
		return err
	}
	filler, err := os.Create(filepath.Join(disk, "filler"))
	if err != nil {
		return err
	}
	block := make([]byte, 512)
	for err == nil {
		_, err = filler.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("fill disk: %w", err)
	}
	// The frames have no room, the record of what is missing has.
	if err := j.Append(ctx, "main", markers.Batch{Frames: someFrames(10, 100)}); !errors.Is(err, markers.ErrJournal) {
		return fmt.Errorf("append frames to a full disk: %v", err)
	}
	for _, m := range lostSegments() {
		if err := j.Append(ctx, "main", markers.Batch{Missing: []markers.MissingRecord{m}}); !errors.Is(err, markers.ErrJournal) {
			return fmt.Errorf("append to a full disk: %v", err)
		}
	}
	if n := j.Unwritten(); n[markers.Missing] != 0 || n[markers.Frames] == 0 {
		return fmt.Errorf("unwritten: %v", n)
	}
	return syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

func childAfterFull(disk string) error {
	j, err := Open(Options{Dir: filepath.Join(disk, "data")})
	if err != nil {
		return err
	}
	defer j.Close()
	got, err := j.Missing(context.Background(), "main", markers.Range{})
	if err != nil {
		return err
	}
	for i, want := range lostSegments() {
		if i >= len(got) || got[i] != want {
			return fmt.Errorf("%d records, want %+v", len(got), want)
		}
	}
	return nil
}
