package main

import (
	"path/filepath"
	"testing"

	"github.com/refstream/refstream/internal/testunix"
)

// A stop is over in time also when no child listens: neither the encoder, nor a relay, nor one that waits for somebody.
func TestStopsWithHungChildren(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, smallStream(filepath.Join(dir, "data"), "--relay", filepath.Join(dir, "file.mkv"),
		"--relay", "srt://"+freeUDP(t)+"?mode=listener")...)
	s.await("the relays", limit, func() bool {
		return s.carrier("relay", "file.mkv").State == "running" && s.carrier("relay", "srt").State == "running"
	})
	s.stall("/live/main.ts")
	pids := children(t, s.cmd.Process.Pid)
	if len(pids) != 3 {
		t.Fatalf("%d children, want the encoder and two relays", len(pids))
	}
	for _, pid := range pids {
		if err := testunix.Send(pid, testunix.Stop); err != nil {
			t.Fatal(err)
		}
	}
	s.stop()
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d still runs", pid)
		}
	}
}
