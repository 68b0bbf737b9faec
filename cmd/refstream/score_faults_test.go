package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/refstream/refstream/analyzer/verify/score"
)

// faultLines are a freeze and a black picture of a stream whose epoch is 2026-03-01T12:00:00Z.
const faultLines = `{"id":"f1","kind":"freeze","layer":"picture","frame":300,"last_frame":599,"time":10,"end_time":20,"utc":"2026-03-01T12:00:10Z","state":"done","alarms":["freezedetect"]}
{"id":"b1","kind":"black","layer":"picture","frame":900,"last_frame":959,"time":30,"end_time":32,"utc":"2026-03-01T12:00:30Z","state":"done","implies":["freeze"]}
{"id":"n1","kind":"freeze","layer":"picture","frame":1200,"last_frame":1259,"time":40,"end_time":42,"utc":"2026-03-01T12:00:40Z","state":"not_done","reason":"the segment was skipped"}
`

// alarmsScored runs score with alarms on standard input.
func alarmsScored(t *testing.T, alarms string, args ...string) (out string, code int, err error) {
	t.Helper()
	var b bytes.Buffer
	cmd := newScore(&b, &b)
	cmd.SetIn(strings.NewReader(alarms))
	return runCommand(t, cmd, &b, append(args, "-")...)
}

// Alarms in every format are compared with the faults of a file, and what is demanded decides the exit code.
func TestScoreFaults(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "faults.jsonl")
	if err := os.WriteFile(name, []byte(faultLines), 0o600); err != nil {
		t.Fatal(err)
	}
	clip := filepath.Join(dir, "clip")
	must(t, "generate", "--out", clip, "--duration", "10s", "--bitrate", "300k", "--preset", "ultrafast", "--size", "160x90", "--epoch", "2026-03-01T12:00:00Z")
	log := "[freezedetect @ 0x1] lavfi.freezedetect.freeze_start: 10\n[freezedetect @ 0x1] lavfi.freezedetect.freeze_end: 20\n" +
		"[blackdetect @ 0x2] black_start:30 black_end:32 black_duration:2\n[freezedetect @ 0x1] lavfi.freezedetect.freeze_start: 30.2\n"
	const one = `[{"alarm":"stuck","start":11,"end":20,"seen_at":13}]`
	for _, c := range []struct {
		name, alarms string
		args         []string
		code, hits   int
		wrong        int
	}{
		{"a log", log, []string{"--min-recall", "1", "--min-precision", "1", "--max-error", "1ms"}, 0, 2, 0},
		{"late by the offset", log, []string{"--offset", "200ms", "--max-error", "100ms"}, 1, 2, 0},
		{"a folder", log, nil, 0, 2, 0},
		{"CSV in UTC", "alarm,start\nfreeze,2026-03-01T12:00:10.1Z\nfreeze,2026-03-01T12:00:41Z\n", []string{"--min-recall", "0.6"}, 1, 1, 1},
		{"frames", `{"alarm":"black","start":900}`, []string{"--clock", "frame", "--truth", clip, "--to", "60"}, 0, 1, 0},
		{"an alias", one, []string{"--alias", "stuck=freeze", "--max-error", "2s"}, 1, 1, 0},
		{"no alias", one, nil, 0, 0, 1},
		{"short faults", one, []string{"--alias", "stuck=freeze", "--min-duration", "3s", "--min-recall", "1"}, 0, 1, 0},
		{"one kind", one, []string{"--alias", "stuck=freeze", "--kinds", "freeze,cut", "--min-recall", "1"}, 0, 1, 0},
		{"other kind", one, []string{"--alias", "stuck=freeze", "--kinds", "cut"}, 0, 0, 0},
		{"to", one, []string{"--alias", "stuck=freeze", "--to", "25", "--min-recall", "1"}, 0, 1, 0},
		{"no alarms", "[]", []string{"--min-precision", "1"}, 2, 0, 0},
		{"no alarms, recall", "[]", []string{"--min-recall", "1"}, 1, 0, 0},
	} {
		faults := name
		if c.name == "a folder" {
			faults = dir
		}
		out, code, err := alarmsScored(t, c.alarms, append(c.args, "--faults", faults, "--json", "-")...)
		var r score.AlarmReport
		if e := json.Unmarshal([]byte(out), &r); e != nil || code != c.code || r.Hits != c.hits || r.FalseAlarms != c.wrong {
			t.Errorf("%s: exit code %d, %v, %v: %s", c.name, code, err, e, out)
		}
	}
	// The stretch of a truth beside the faults bounds what counts.
	if err := os.Rename(name, filepath.Join(clip, "faults.jsonl")); err != nil {
		t.Fatal(err)
	}
	page, suite := filepath.Join(dir, "a.html"), filepath.Join(dir, "a.xml")
	table, code, err := alarmsScored(t, `{"alarm":"freeze","start":5}`, "--faults", clip, "--html", page, "--junit", suite)
	if code != 0 || !strings.Contains(table, "false an hour  360.00\n") || !strings.Contains(table, "precision      0.0000\nrecall         undefined\n") {
		t.Errorf("exit code %d, %v:\n%s", code, err, table)
	}
	for file, want := range map[string]string{page: "<td>false an hour</td><td>360.00</td>", suite: `<failure message="freeze, alarm 1, 5 s" type="false">`} {
		if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%v: no %s in\n%s", err, want, text)
		}
	}
}

// What can't be scored ends with 2 and a line of what to do.
func TestScoreFaultsCouldNotTell(t *testing.T) {
	name := filepath.Join(t.TempDir(), "faults.jsonl")
	if err := os.WriteFile(name, []byte(faultLines), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"give the faults with --faults":   {"--alias", "a=b"},
		"--min-duration: -1s is negative": {"--faults", name, "--min-duration", "-1s"},
		"write TR101290.1.4=ts.lose":      {"--faults", name, "--alias", "freeze"},
		"no such file":                    {"--faults", name + "l"},
		"save it first, as by curl -o":    {"--faults", "http://127.0.0.1:1/faults?channel=main-x"},
		`--kinds: there is no kind of fault "frezee": did you mean freeze? these faults are black, freeze; `:           {"--faults", name, "--kinds", "black,frezee", "--format", "ffmpeg"},
		`--alias x: there is no kind of fault "lose": did you mean ts.lose? these faults are black, freeze; refstream`: {"--faults", name, "--alias", "x=lose", "--format", "ffmpeg"},
		"read from standard input":         {"--faults", "-"},
		"use time, frame, pts or utc":      {"--faults", name, "--clock", "gen_time"},
		"give the stream's --truth":        {"--faults", name, "--clock", "frame"},
		"name a folder":                    {"--faults", name, "--truth", "none"},
		"name a file for the other":        {"--faults", name, "--json", "-", "--junit", "-"},
		"--offset":                         {"--faults", name, "--offset", "x"},
		"use json, csv or ffmpeg":          {"--faults", name, "--format", "xml"},
		"no object such as":                {"--faults", name, "--format", "json"},
		"begin with the line alarm,start,": {"--faults", name},
		"range ends before":                {"--faults", name, "--from", "2", "--to", "1", "--format", "ffmpeg"},
		"create":                           {"--faults", name, "--format", "ffmpeg", "--html", filepath.Join(name+"l", "a.html")},
	} {
		if _, code, err := alarmsScored(t, "12.5\n", args...); code != 2 || err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: exit code %d, %v, want %q", args, code, err, want)
		}
	}
	if err := os.WriteFile(name, []byte(faultLines+`{"id":"x"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, code, err := alarmsScored(t, "[]", "--faults", name); code != 2 || err == nil || !strings.Contains(err.Error(), "fault 4: it has no kind") {
		t.Errorf("exit code %d, %v", code, err)
	}
}
