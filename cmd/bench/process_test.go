package main

import (
	"os"
	"strings"
	"testing"

	"github.com/prometheus/procfs"
)

func TestTimeOfTheWholeTree(t *testing.T) {
	children := map[int][]procfs.ProcStat{
		10: {{PID: 20, UTime: 4, STime: 4, CUTime: 4, CSTime: 4}},
		20: {{PID: 30, UTime: 16, STime: 16, CUTime: 16, CSTime: 16}},
		1:  {{PID: 10, UTime: 1}, {PID: 40, UTime: 1000}},
	}
	if got, want := timeOf(procfs.ProcStat{PID: 10, UTime: 1, CSTime: 2}, children), 83*clockTick; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, err := processorTime(1 << 30); err == nil {
		t.Error("the time of a process that isn't there is no error")
	}
}

func TestProcessorTimeOfThisProcess(t *testing.T) {
	before, err := processorTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for after := before; after == before; {
		_ = strings.Repeat("work", 1000)
		if after, err = processorTime(os.Getpid()); err != nil || after < before || t.Context().Err() != nil {
			t.Fatalf("from %v to %v, %v, want an increase", before, after, err)
		}
	}
}

func TestPeakMemory(t *testing.T) {
	if got, err := peakMemory(os.Getpid()); err != nil || got < 1<<20 {
		t.Errorf("got %d, %v, want some megabytes", got, err)
	}
	if got, err := peakMemory(1 << 30); err == nil {
		t.Errorf("got %d of a process that isn't there, want an error", got)
	}
}
