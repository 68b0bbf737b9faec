package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/faults/verdict"
)

// shortFaults has a fault of each layer of a clip, and a decoy.
const shortFaults = `version: 1
name: short
faults:
- {id: freeze, do: freeze, at: 2s, for: 1s}
- {id: drop, do: unit.drop, at: 4s, for: 2s, with: {of: idr}}
- {id: sei, do: sei.missing, at: 7s, for: 1s}
- {id: step, do: pts.step, at: 9s, for: {segments: 1}, with: {by: 3s}}
- {id: lose, do: ts.lose, at: 11500ms, for: {frames: 3}}
- {id: pat, do: ts.pat, at: 14s, for: 1500ms}
- {id: unknown, decoy: sei.unknown, at: 17s, for: 1s}
- {id: red, do: colour, at: 18500ms, for: 1s}
`

// A faulty clip is true with the truth about its faults, on every carrier, and each fault that the carrier shows is confirmed. Without
// the truth of one of them it is not true. The long form does so with the ready scenarios.
func TestVerifyFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "short.yaml")
	if err := os.WriteFile(file, []byte(shortFaults), 0o600); err != nil {
		t.Fatal(err)
	}
	type clip struct {
		scenario, length string
		confirmed        map[string]int // by carrier
		decoys           int
	}
	clips := []clip{{file, "21s", map[string]int{"index.m3u8": 7, "stream.ts": 7, "stream.flv": 5}, 1}}
	if !testing.Short() {
		clips = append(clips,
			clip{"everything", "5m", map[string]int{"index.m3u8": 19, "stream.ts": 19, "stream.flv": 12}, 3},
			clip{"decoys-only", "1m", map[string]int{"index.m3u8": 0, "stream.ts": 0, "stream.flv": 0}, 5})
	}
	for _, c := range clips {
		out := filepath.Join(dir, strings.TrimSuffix(filepath.Base(c.scenario), ".yaml"))
		must(t, "generate", "--scenario", c.scenario, "--out", out, "--also", "ts,flv", "--size", "160x90", "--fps", "25", "--segment", "1s", "--duration", c.length,
			"--bitrate", "200k", "--preset", "veryfast", "--event-every", "4s", "--event-length", "400ms")
		page, suite := filepath.Join(dir, "a.html"), filepath.Join(dir, "a.xml")
		var ts report.Report
		for carrier, confirmed := range c.confirmed {
			r, code := verified(t, filepath.Join(out, carrier), "--html", page, "--junit", suite)
			if carrier == "stream.ts" {
				ts = r
			}
			count := func(s verdict.State) int { return verdict.Count(r.Faults, s) }
			if code != 0 || len(r.Findings) > 0 || count(verdict.Confirmed) != confirmed || count(verdict.Decoy) != c.decoys || count(verdict.NotSeen) > 0 {
				t.Errorf("%s %s: exit code %d, %d confirmed, %+v, faults %+v", c.scenario, carrier, code, count(verdict.Confirmed), r.Findings, r.Faults)
			}
		}
		text, err := os.ReadFile(filepath.Join(out, "faults.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.SplitAfter(text, []byte("\n"))
		if c.scenario == file {
			for name, want := range map[string]string{page: "<h2>Labelled faults</h2>", suite: `name="fault freeze (freeze)"`} {
				if text, err := os.ReadFile(name); err != nil || !strings.Contains(string(text), want) {
					t.Errorf("%v: no %q in %s", err, want, text)
				}
			}
		}
		one := filepath.Join(dir, "one.jsonl")
		for i, f := range ts.Faults {
			// The long form removes each, the short one that of a picture.
			if f.State != verdict.Confirmed || testing.Short() && f.ID != "red" {
				continue
			}
			var left []byte
			for k, line := range lines {
				if k != i {
					left = append(left, line...)
				}
			}
			if err := os.WriteFile(one, left, 0o600); err != nil {
				t.Fatal(err)
			}
			got, code := verified(t, filepath.Join(out, "stream.ts"), "--faults", one)
			if code != 1 || len(got.Findings) == 0 || verdict.Count(got.Faults, verdict.Confirmed) != verdict.Count(ts.Faults, verdict.Confirmed)-1 {
				t.Errorf("without the truth of %s: exit code %d, %+v", f.ID, code, got.Findings)
			}
		}
	}
	out := filepath.Join(dir, "short", "stream.ts")
	if r, code := verified(t, out, "--faults", "ignore"); code != 1 || len(r.Faults) > 0 || r.Findings[0].Kind != report.Missing {
		t.Errorf("ignored: exit code %d, %+v", code, r)
	}
	var b bytes.Buffer
	if _, code, err := runCommand(t, newVerify(&b, &b), &b, out, "--faults", filepath.Join(dir, "none")); code != 2 || err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("no file: exit code %d, %v", code, err)
	}
}
