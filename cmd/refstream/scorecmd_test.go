package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/refstream/refstream/analyzer/verify/score"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// scored runs score with a list on standard input.
func scored(t *testing.T, list string, args ...string) (r score.Report, code int) {
	t.Helper()
	var out bytes.Buffer
	cmd := newScore(&out, &out)
	cmd.SetIn(strings.NewReader(list))
	text, code, err := runCommand(t, cmd, &out, append(args, "-", "--json", "-")...)
	if e := json.Unmarshal([]byte(text), &r); e != nil {
		t.Fatalf("score %q: %v, exit code %d: %s", args, err, code, text)
	}
	return r, code
}

// The same detections are scored against a folder, a server and a seed, on several clocks.
func TestScoreCommand(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "clip")
	stream := []string{"--size", "160x90", "--event-every", "2s", "--event-length", "500ms"}
	must(t, append([]string{"generate", "--out", dir, "--duration", "10s", "--bitrate", "300k", "--preset", "ultrafast"}, stream...)...)
	marks := readLines[markers.Marker](t, filepath.Join(dir, "markers.jsonl"))
	times, frames, utc := "time\n", "[", "frame,utc\n"
	for i, m := range marks {
		times += (m.Time + 40_000_000).String() + "\n"
		frames += strings.Repeat(",", min(i, 1)) + fmt.Sprint(m.Frame+3)
		utc += fmt.Sprintf("0,%s\n", m.UTC.Format("2006-01-02T15:04:05.999999999Z"))
	}
	for name, c := range map[string]struct {
		list string
		args []string
		bias media.Seconds
	}{
		"times":              {times, []string{"--truth", dir}, 40_000_000},
		"frames":             {frames + "]", []string{"--truth", dir, "--clock", "frame"}, 100_000_000},
		"utc":                {utc, []string{"--truth", filepath.Join(dir, "truth.json"), "--clock", "utc"}, 0},
		"seed":               {times, append([]string{"--seed", "1"}, stream...), 40_000_000},
		"offset":             {times, []string{"--truth", dir, "--offset", "-0.04"}, 0},
		"offset with a unit": {times, []string{"--truth", dir, "--offset", "-40ms", "--to", "1h"}, 0},
	} {
		r, code := scored(t, c.list, c.args...)
		if code != 0 || r.Matched != len(marks) || r.Missed != 0 || r.Spurious != 0 || *r.Bias-c.bias > 1 || *r.Bias-c.bias < -1 {
			t.Errorf("%s: exit code %d, %+v", name, code, r)
		}
	}
	// What is demanded decides the exit code.
	half := times[:strings.LastIndex(strings.TrimSpace(times), "\n")+1]
	for _, c := range []struct {
		args []string
		code int
	}{
		{nil, 0}, {[]string{"--min-recall", "0.5"}, 0}, {[]string{"--min-recall", "1"}, 1}, {[]string{"--min-precision", "1"}, 0},
		{[]string{"--max-error", "39ms"}, 1}, {[]string{"--max-error", "41ms"}, 0}, {[]string{"--min-precision", "1", "--offset", "1000"}, 1},
		{[]string{"--max-error", "1s", "--offset", "1000"}, 2}, {[]string{"--max-error", "1s", "--min-recall", "1", "--offset", "1000"}, 1},
		{[]string{"--min-recall", "1", "--from", "100", "--to", "200"}, 2},
	} {
		if _, code := scored(t, half, append(c.args, "--truth", dir)...); code != c.code {
			t.Errorf("%q: exit code %d, want %d", c.args, code, c.code)
		}
	}
	for name, c := range map[string]struct {
		list string
		args []string
		code int
	}{
		"empty":         {"[]", []string{"--max-error", "1s"}, 2},
		"empty, recall": {"", []string{"--max-error", "1s", "--min-recall", "0.5"}, 1},
		"marked":        {"\uFEFF" + frames + "]", []string{"--clock", "frame", "--min-recall", "1"}, 0},
		"marked CSV":    {"\uFEFF" + times, []string{"--min-recall", "1"}, 0},
		"quoted header": {strings.Replace(times, "time", `"time"`, 1), []string{"--min-recall", "1"}, 0},
	} {
		if _, code := scored(t, c.list, append(c.args, "--truth", dir)...); code != c.code {
			t.Errorf("%s: exit code %d, want %d", name, code, c.code)
		}
	}
	var out bytes.Buffer
	file := filepath.Join(t.TempDir(), "found.csv")
	if err := os.WriteFile(file, []byte(half), 0o600); err != nil {
		t.Fatal(err)
	}
	table, code, err := runCommand(t, newScore(&out, &out), &out, file, "--truth", dir)
	if code != 0 || !strings.Contains(table, "recall") || !strings.Contains(table, "missed       "+marks[len(marks)-1].ID) {
		t.Errorf("exit code %d, %v:\n%s", code, err, table)
	}
}

func TestScoreCouldNotTell(t *testing.T) {
	dir := t.TempDir()
	for name, args := range map[string][]string{
		"no list":     {},
		"no file":     {filepath.Join(dir, "none.json"), "--seed", "1"},
		"no truth":    {"-"},
		"clock":       {"-", "--seed", "1", "--clock", "sun"},
		"format":      {"-", "--seed", "1", "--format", "xml"},
		"offset":      {"-", "--seed", "1", "--offset", "x"},
		"from":        {"-", "--seed", "1", "--from", "x"},
		"no flag":     {"-", "--nonsense"},
		"recall":      {"-", "--seed", "1", "--min-recall", "NaN"},
		"recall < 0":  {"-", "--seed", "1", "--min-recall", "-1"},
		"recall > 1":  {"-", "--seed", "1", "--min-recall", "2"},
		"precision":   {"-", "--seed", "1", "--min-precision", "nan"},
		"prec < 0":    {"-", "--seed", "1", "--min-precision", "-0.1"},
		"prec > 1":    {"-", "--seed", "1", "--min-precision", "1.01"},
		"error":       {"-", "--seed", "1", "--max-error", "-1s"},
		"no end":      {"/dev/zero", "--seed", "1"},
		"full":        {"/dev/null", "--seed", "1", "--json", "/dev/full"},
		"no such dir": {"-", "--truth", dir},
		"not a list":  {"-", "--seed", "1", "--format", "json"},
	} {
		var out bytes.Buffer
		cmd := newScore(&out, &out)
		cmd.SetIn(strings.NewReader("[1,"))
		if _, code, err := runCommand(t, cmd, &out, args...); code != 2 || err == nil {
			t.Errorf("%s: exit code %d, %v", name, code, err)
		}
	}
}
