package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const tail = " S 7 10 10 0 -1 4194304 100 200 0 0 11 22 33 44 20 0 5 0 100 1000 50"
	cases := []struct {
		name, line string
		want       stat
		fails      bool
	}{
		{"plain", "42 (ffmpeg)" + tail, stat{42, 7, 330 * time.Millisecond, 770 * time.Millisecond}, false},
		{"name with spaces and parentheses", "42 (a) b (c))" + tail, stat{42, 7, 330 * time.Millisecond, 770 * time.Millisecond}, false},
		{"no name", "42 ffmpeg" + tail, stat{}, true},
		{"turned", "42 )(" + tail, stat{}, true},
		{"short", "42 (ffmpeg) S 7 10", stat{}, true},
		{"no number", "42 (ffmpeg)" + strings.Replace(tail, " 22 ", " x ", 1), stat{}, true},
		{"empty", "", stat{}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseStat(c.line)
			if got != c.want && !c.fails || (err != nil) != c.fails {
				t.Errorf("got %+v, %v, want %+v, fails %v", got, err, c.want, c.fails)
			}
		})
	}
}

func TestSumTimesCountsTheWholeTree(t *testing.T) {
	all := []stat{
		{1, 0, time.Hour, time.Hour},
		{10, 1, 1 * time.Second, 2 * time.Second},
		{20, 10, 4 * time.Second, 8 * time.Second},
		{30, 20, 16 * time.Second, 32 * time.Second},
		{40, 1, time.Hour, 0},
	}
	got, err := sumTimes(all, 10)
	if want := 63 * time.Second; got != want || err != nil {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if _, err := sumTimes(all, 99); err == nil {
		t.Error("the time of a process that isn't there is no error")
	}
}

func TestProcessorTimeOfThisProcess(t *testing.T) {
	before, err := processorTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); time.Since(began) < 60*time.Millisecond; {
		_ = strings.Repeat("work", 1000)
	}
	after, err := processorTime(os.Getpid())
	if err != nil || after <= before {
		t.Errorf("from %v to %v, %v, want an increase", before, after, err)
	}
}

func TestParsePeak(t *testing.T) {
	if got, err := parsePeak("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1024 kB\n"); got != 2<<20 || err != nil {
		t.Errorf("got %d, %v, want 2 MiB", got, err)
	}
	for _, bad := range []string{"", "Name:\tx\nState:\tZ\n", "VmHWM: much kB\n"} {
		if got, err := parsePeak(bad); err == nil {
			t.Errorf("%q: got %d, want an error", bad, got)
		}
	}
}
