package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/refstream/refstream/analyzer/verify/score"
	"github.com/refstream/refstream/internal/testunix"
)

// fifo makes one.
func fifo(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "fifo")
	if err := testunix.MakeFIFO(name); err != nil {
		t.Fatal(err)
	}
	return name
}

// Commands end at once when they are interrupted while they wait for something to read, and leave nothing behind.
func TestInterruptedWhileReading(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	silent, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	held := fifo(t) // has a writer that writes nothing
	holder, err := os.OpenFile(held, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	var out bytes.Buffer
	for name, c := range map[string]struct {
		cmd  *cobra.Command
		args []string
		code int
	}{
		"score":            {newScore(&out, &out), []string{fifo(t), "--seed", "1"}, 2},
		"score, held":      {newScore(&out, &out), []string{held, "--seed", "1"}, 2},
		"score, pipe":      {newScore(&out, &out), []string{"-", "--seed", "1"}, 2},
		"score, to nobody": {newScore(&out, &out), []string{"/dev/null", "--seed", "1", "--json", fifo(t)}, 2},
		"analyze":          {newAnalyze(&out, &out), []string{fifo(t)}, 1},
		"analyze, held":    {newAnalyze(&out, &out), []string{held}, 1},
		"verify":           {newVerify(&out, &out), []string{fifo(t), "--seed", "1"}, 2},
		"verify, held":     {newVerify(&out, &out), []string{held, "--seed", "1"}, 2},
	} {
		interrupted, stop := context.WithCancel(t.Context())
		wait := time.AfterFunc(50*time.Millisecond, stop) // by then it reads, or it ends before it does
		c.cmd.SetIn(silent)                               // which the one that reads it closes
		c.cmd.SetArgs(c.args)
		c.cmd.SilenceErrors, c.cmd.SilenceUsage = true, true
		ended := make(chan error, 1)
		go func() { ended <- c.cmd.ExecuteContext(interrupted) }()
		var err error
		select {
		case err = <-ended:
		case <-time.After(limit):
			t.Fatalf("%s: does not end", name)
		}
		if exitCode(err) != c.code {
			t.Errorf("%s: %v, exit code %d", name, err, exitCode(err))
		}
		if c.code == 2 && (err == nil || err.Error() != "interrupted") {
			t.Errorf("%s: %v", name, err)
		}
		wait.Stop()
		stop()
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A list comes through a FIFO whose writer comes later.
func TestScoreFIFO(t *testing.T) {
	name := fifo(t)
	done := make(chan error)
	go func() { done <- os.WriteFile(name, []byte("[1,2]"), 0o600) }()
	f := scoreFlags{}
	list, err := f.read(t.Context(), name, nil, score.Reading{})
	if wrote := <-done; err != nil || wrote != nil || len(list.At) != 2 {
		t.Errorf("%+v, %v, %v", list, err, wrote)
	}
}

// A list may be endless.
func TestScoreLongList(t *testing.T) {
	for size, long := range map[int64]bool{maxDetectionBytes: false, maxDetectionBytes + 1: true, 1 << 60: true} {
		var got int64
		err := readText(t.Context(), "-", io.LimitReader(zeros{}, size), "detections", func(text *bufio.Reader) (err error) {
			got, err = io.Copy(io.Discard, text)
			return err
		})
		if (err != nil) != long || got != min(size, maxDetectionBytes+1) {
			t.Errorf("%d: %d bytes, %v", size, got, err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
