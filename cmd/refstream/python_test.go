package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const docs = "../../docs"

// pythonPath is a PATH whose python3 has numpy and pytest: Debian's, where another one is before it.
func pythonPath(t *testing.T) string {
	t.Helper()
	path := os.Getenv("PATH")
	if exec.CommandContext(t.Context(), "python3", "-c", "import numpy, pytest").Run() != nil {
		dir := t.TempDir()
		if err := os.Symlink("/usr/bin/python3", filepath.Join(dir, "python3")); err != nil {
			t.Fatal(err)
		}
		path = dir + string(os.PathListSeparator) + path
	}
	return "PATH=" + path
}

// python runs a program that has the modules of docs/python, and reads what it prints as JSON.
func python[T any](t *testing.T, program string, args ...string) (v T) {
	t.Helper()
	program = "import json, sys, numpy as np\nfrom frame_code import *\n" + program
	cmd := exec.CommandContext(t.Context(), "env", append([]string{"python3", "-B", "-c", program}, args...)...)
	cmd.Env = append(os.Environ(), pythonPath(t), "PYTHONPATH="+docs+"/python")
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &v)
	}
	if err != nil {
		t.Fatalf("python: %v: %.500s", err, out)
	}
	return v
}

// The reader of docs/python reads every picture and every second of a clip, in other sizes too, and gives no number to what has none.
func TestPythonReaders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clip, raw := filepath.Join(dir, "clip"), filepath.Join(dir, "raw")
	must(t, "generate", "--out", clip, "--start", "27h46m40s", "--duration", "4s", "--size", "320x180", "--fps", "25", "--audio")
	for _, size := range []string{"320x180", "640x480", "101x67"} {
		w, h, _ := strings.Cut(size, "x")
		tool(t, "ffmpeg", "-v", "error", "-y", "-i", clip+"/index.m3u8", "-map", "0:v", "-vf", "scale="+w+":"+h, "-pix_fmt", "gray", "-f", "rawvideo", raw)
		got := python[[]*int64](t, "print(json.dumps([read_frame_code(p) for p in np.fromfile(sys.argv[1], np.uint8).reshape(-1, int(sys.argv[3]), int(sys.argv[2]))]))", raw, w, h)
		if len(got) != 100 {
			t.Fatalf("%s: %d pictures", size, len(got))
		}
		for i, n := range got {
			if n == nil || *n != 2_500_000+int64(i) {
				t.Fatalf("%s: picture %d of the clip has number %v", size, i, n)
			}
		}
	}
	none := python[[]any](t, `noise = np.random.default_rng(1).integers(0, 256, (200, 36, 64), np.uint8)
print(json.dumps([read_frame_code(p) for p in [*noise, np.zeros((180, 320)), np.zeros((18, 32))]] + read_sample_codes(noise.ravel() * 1.)))`)
	if slices.ContainsFunc(none, func(v any) bool { return v != nil }) {
		t.Errorf("what has no code has numbers: %v", none)
	}
	tool(t, "ffmpeg", "-v", "error", "-y", "-i", clip+"/index.m3u8", "-map", "0:a", "-f", "s16le", raw)
	got := python[[][2]int64](t, "print(json.dumps(read_sample_codes(np.fromfile(sys.argv[1], np.int16)[::2])))", raw)
	if len(got) != 4 {
		t.Fatalf("codes of seconds: %v", got)
	}
	for i, code := range got {
		if off := code[0] - got[0][0] - 48000*int64(i); code[1] != 100_000+int64(i) || off < -24 || off > 24 {
			t.Errorf("codes of seconds: %v", got)
		}
	}
}

// The words that docs/frame-code.md has as examples are those of its reader.
func TestFrameCodeExamples(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(docs + "/frame-code.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(text)) {
		f := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune("|` \n", r) })
		if len(f) != 4 || len(f[1]) != 15 {
			continue
		}
		rows++
		got := python[int64](t, `rows = [[int(b) for b in format(int(r, 16), '032b')] for r in sys.argv[1:]]
print(read_frame_code(np.kron(np.array(rows + [[0] * 32] * 16), np.ones((4, 4))) * 255))`, f[2], f[3])
		if want, err := strconv.ParseInt(f[0], 10, 64); err != nil || got != want {
			t.Errorf("%s is read as frame %d", strings.TrimSpace(line), got)
		}
	}
	if rows != 3 {
		t.Errorf("%d examples", rows)
	}
}

// workflow is what is used of a workflow of GitHub Actions.
type workflow struct {
	Jobs map[string]struct {
		Steps []struct{ Name, Run string }
	}
}

// gitlab is what is used of GitLab's.
type gitlab struct {
	Detector struct {
		Image    string
		Services []struct {
			Name, Alias string
			Command     []string
		}
		Variables    map[string]string
		BeforeScript []string `yaml:"before_script"`
		Script       []string
		Artifacts    struct {
			When    string
			Reports struct{ JUnit string }
		}
	}
}

func readYAML(t *testing.T, name string, v any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(docs, name))
	if err == nil {
		err = yaml.Unmarshal(text, v)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// step runs a step of a workflow in a folder, where bin/refstream is the program.
func step(t *testing.T, dir, command string, env ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), append(env, pythonPath(t), "PYTHONDONTWRITEBYTECODE=1")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

// The workflows that score a detector with a container work, but for the container: the program runs with the same arguments.
func TestDetectorWorkflows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "python"), os.DirFS(docs+"/python")); err != nil {
		t.Fatal(err)
	}
	var g gitlab
	readYAML(t, "detector-gitlab-ci.yml", &g)
	service := g.Detector.Services[0]
	if g.Detector.Variables["REFSTREAM_URL"] != "http://"+service.Alias+":8080" || service.Command[0] != "serve" {
		t.Errorf("the job asks %v of %v", g.Detector.Variables, service)
	}
	s := start(t, append(service.Command[1:], "--seed", "1", "--data", filepath.Join(dir, "data"))...)
	env := []string{"REFSTREAM_URL=" + s.url, "SECONDS_TO_WATCH=16"}
	for _, line := range g.Detector.Script {
		step(t, dir, line, env...)
	}
	if _, err := os.Stat(filepath.Join(dir, g.Detector.Artifacts.Reports.JUnit)); err != nil {
		t.Error(err)
	}

	list := filepath.Join(dir, "found.json") // without a range all markers of the server count
	if err := os.WriteFile(list, []byte("[1000000]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := must(t, "score", list, "--truth", s.url); strings.Contains(out, "markers      0") || !strings.Contains(out, "before the first detection") {
		t.Errorf("score of a server without a range: %s", out)
	}

	var w workflow
	readYAML(t, "detector-workflow.yml", &w)
	for _, do := range w.Jobs["score"].Steps {
		command, inside, _ := strings.Cut(do.Run, "refstream ")
		switch {
		case strings.HasPrefix(command, "docker run "): // with what GitLab's service is run
			if want := fmt.Sprintf("serve --addr 127.0.0.1:8080 %s", strings.Join(service.Command[1:], " ")); inside != want {
				t.Errorf("the container runs %q, and that of GitLab %q", inside, want)
			}
		case strings.HasPrefix(command, "docker exec "):
			must(t, strings.Fields(strings.ReplaceAll(inside, "127.0.0.1:8080", strings.TrimPrefix(s.url, "http://")))...)
		case strings.HasPrefix(do.Run, "python3 ") && !testing.Short(): // the same as GitLab's
			step(t, dir, do.Run, env...)
		}
	}
}

// The workflow that proves a monitor works.
func TestFaultsWorkflow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(dir, "bin", "refstream")); err != nil {
		t.Fatal(err)
	}
	var w workflow
	readYAML(t, "faults-workflow.yml", &w)
	ran := 0
	for _, do := range w.Jobs["monitor"].Steps {
		if strings.HasPrefix(do.Run, "bin/") || strings.HasPrefix(do.Run, "ffmpeg ") {
			if testing.Short() { // with the freeze and the black pictures
				do.Run = strings.Replace(do.Run, "--duration 2m", "--duration 50s", 1)
			}
			step(t, dir, do.Run)
			ran++
		}
	}
	if ran != 4 {
		t.Errorf("%d steps were run", ran)
	}
}
