package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestPrintTable(t *testing.T) {
	rows := []row{
		row{Name: "render", Unit: "ms", Ours: 0.31, Note: "median"}.against("copy", 0.2, 1.55).meant(ratioAtMost(2)),
		row{Name: "generate", Unit: "frames/s", Ours: 80, Note: "whole"}.against("ffmpeg", 100, 0.8).meant(ratioAtLeast(0.9)),
		row{Name: "live", Unit: "cores", Ours: 0.0123}.meant(atMost(0.15)),
		{Name: "memory", Unit: "MB", Ours: 1234},
	}
	var b bytes.Buffer
	if err := printTable(&b, "2 processors", rows); err != nil {
		t.Fatal(err)
	}
	const want = `measured      unit      ours    reference     ratio  target         result
render [1]    ms        0.31    0.20 (copy)   1.55   ratio <= 2.00  ok
generate [2]  frames/s  80.0    100 (ffmpeg)  0.80   ratio >= 0.90  short
live          cores     0.0123  -             -      <= 0.15        ok
memory        MB        1234    -             -      -              -
[1] median
[2] whole
2 processors
`
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	b.Reset()
	if err := printJSON(&b, "2 processors", rows); err != nil {
		t.Fatal(err)
	}
	var back struct{ Rows []row }
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Rows) != 4 || *back.Rows[1].OK || *back.Rows[0].Ratio != 1.55 || back.Rows[3].Reference != nil {
		t.Errorf("JSON lost something: %s", b.String())
	}
}

func TestParseWrk(t *testing.T) {
	const good = "Running 5s test\n  1 threads and 16 connections\n  123 requests in 5.00s, 1MB read\nRequests/sec:  24567.89\nTransfer/sec: 1MB\n"
	if got, err := parseWrk(good); got != 24567.89 || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{
		"", "unable to connect", "Requests/sec: fast\n",
		good + "  Non-2xx or 3xx responses: 12\n",
		good + "  Socket errors: connect 0, read 3, write 0, timeout 0\n",
	} {
		if got, err := parseWrk(bad); err == nil {
			t.Errorf("%q: got %v, want an error", bad, got)
		}
	}
}

func TestStats(t *testing.T) {
	if got := median([]float64{3, 1, 2}); got != 2 {
		t.Errorf("median of three: %v", got)
	}
	if got := median([]float64{4, 1, 2, 3}); got != 2.5 {
		t.Errorf("median of four: %v", got)
	}
	var hundred []float64
	for i := range 100 {
		hundred = append(hundred, float64(100-i))
	}
	for p, want := range map[int]float64{0: 1, 1: 1, 50: 50, 99: 99, 100: 100} {
		if got := percentile(hundred, p); got != want {
			t.Errorf("percentile %d: %v, want %v", p, got, want)
		}
	}
	if got := percentile([]float64{7}, 99); got != 7 {
		t.Errorf("percentile of one: %v", got)
	}
}

func TestWrkRefusesOtherMachines(t *testing.T) {
	l := &lab{short: true}
	for _, url := range []string{"http://192.0.2.1:80/", "http://example.org:80/x"} {
		if _, err := l.wrk(t.Context(), url); err == nil || !strings.Contains(err.Error(), "not on this machine") {
			t.Errorf("%s: %v, want a refusal", url, err)
		}
	}
}
