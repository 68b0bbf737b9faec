package rules

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// compose is what this project uses of a compose file; a key that isn't here is an error, so that a slip doesn't pass.
type compose struct {
	Services map[string]service
	Volumes  map[string]any
}

type service struct {
	Image, Restart string
	Build          struct{ Context string }
	Command        []string
	Init           bool
	Environment    map[string]string
	Ports, Volumes []string
	DependsOn      map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck    *struct {
		Test              []string
		Interval, Timeout string
		Retries           int
	}
}

func parseCompose(text []byte) (compose, error) {
	var c compose
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("parse compose file: %w", err)
	}
	return c, nil
}

// checkCompose finds what docker would refuse, or what would be open to others than this host.
func checkCompose(c compose) []string {
	var problems []string
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for name, s := range c.Services {
		if s.Image == "" {
			problem("service %s has no image", name)
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				problem("service %s: port %s is open to others than this host", name, p)
			}
		}
		for _, v := range s.Volumes {
			volume, _, _ := strings.Cut(v, ":")
			if _, ok := c.Volumes[volume]; !ok && !strings.HasPrefix(volume, ".") {
				problem("service %s: volume %s is not declared", name, volume)
			}
		}
		for other, how := range s.DependsOn {
			on, ok := c.Services[other]
			switch {
			case !ok:
				problem("service %s depends on %s, which doesn't exist", name, other)
			case how.Condition == "service_healthy" && on.Healthcheck == nil && on.Build.Context == "":
				problem("service %s waits for %s to be healthy, which has no health check", name, other)
			}
		}
	}
	return problems
}

// flagValue is the value that a command line gives a flag.
func flagValue(args []string, flag string) string {
	if i := slices.Index(args, flag); i >= 0 && i+1 < len(args) {
		return args[i+1]
	}
	return ""
}

func TestComposeFile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := parseCompose(text)
	if err != nil {
		t.Fatal(err)
	}
	report(t, checkCompose(c))

	generator, api := c.Services["generator"], c.Services["api"]
	for _, flag := range words("--redis --data") {
		if a, b := flagValue(generator.Command, flag), flagValue(api.Command, flag); a == "" || a != b {
			t.Errorf("generator and api have different %s: %q and %q", flag, a, b)
		}
	}
	if a, b := flagValue(generator.Command, "--role"), flagValue(api.Command, "--role"); a != "generator" || b != "api" {
		t.Errorf("roles are %q and %q", a, b)
	}
	if host := strings.Split(strings.TrimPrefix(flagValue(api.Command, "--redis"), "redis://"), ":")[0]; c.Services[host].Image == "" {
		t.Errorf("--redis names host %q, which is no service", host)
	}
	if !slices.Equal(generator.Volumes, api.Volumes) || len(api.Volumes) == 0 {
		t.Errorf("generator and api don't share their volume: %q and %q", generator.Volumes, api.Volumes)
	}
}

func TestComposeRule(t *testing.T) {
	cases := []struct{ name, text, problem string }{
		{"good", "services: {a: {image: x, ports: ['127.0.0.1:80:80'], volumes: ['v:/d'], depends_on: {b: {condition: service_started}}}, b: {image: y}}\nvolumes: {v: }", ""},
		{"open port", "services: {a: {image: x, ports: ['80:80']}}", "port 80:80 is open"},
		{"no volume", "services: {a: {image: x, volumes: ['v:/d']}}", "volume v is not declared"},
		{"no service", "services: {a: {image: x, depends_on: {b: {condition: service_started}}}}", "b, which doesn't exist"},
		{"no health check", "services: {a: {image: x, depends_on: {b: {condition: service_healthy}}}, b: {image: y}}", "no health check"},
		{"no image", "services: {a: {restart: always}}", "no image"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			parsed, err := parseCompose([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			expect(t, checkCompose(parsed), c.problem)
		})
	}
	if _, err := parseCompose([]byte("services: {a: {image: x, port: ['127.0.0.1:80:80']}}")); err == nil {
		t.Error("a key that compose doesn't know is no error")
	}
}

// checkDockerfile finds base images that can't be replaced, what is copied but not there, and what a container that is
// run by others must have. exists tells whether a path of the tree is there for docker.
func checkDockerfile(text string, exists func(string) bool) []string {
	var problems []string
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	stages, args, last := map[string]bool{}, map[string]bool{}, map[string]string{}
	text = strings.ReplaceAll(text, "\\\n", " ")
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || strings.HasPrefix(f[0], "#") {
			continue
		}
		switch f[0] {
		case "ARG":
			name, _, _ := strings.Cut(f[1], "=")
			args[name] = true
		case "FROM":
			image := strings.TrimSuffix(strings.TrimPrefix(f[1], "${"), "}")
			if !args[image] && !stages[f[1]] {
				problem("base image %s is not a build argument", f[1])
			}
			if len(f) == 4 {
				stages[f[3]] = true
			}
			clear(last)
		case "COPY":
			if from, ok := strings.CutPrefix(f[1], "--from="); ok {
				if !stages[from] {
					problem("COPY from stage %s, which doesn't exist", from)
				}
				continue
			}
			for _, source := range f[1 : len(f)-1] {
				if !exists(source) {
					problem("COPY %s: it is not there, or ignored", source)
				}
			}
		}
		last[f[0]] = strings.Join(f[1:], " ")
	}
	if u := last["USER"]; u == "" || u == "0" || strings.HasPrefix(u, "root") || strings.HasPrefix(u, "0:") {
		problem("the last stage runs as root")
	}
	for _, want := range words("HEALTHCHECK STOPSIGNAL ENTRYPOINT VOLUME") {
		if last[want] == "" {
			problem("the last stage has no %s", want)
		}
	}
	return problems
}

func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := os.ReadFile(filepath.Join(root, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	report(t, checkDockerfile(string(text), func(name string) bool {
		_, err := os.Stat(filepath.Join(root, name))
		return err == nil && !slices.Contains(strings.Fields(string(ignored)), strings.TrimSuffix(name, "/"))
	}))
	if !strings.Contains(string(text), `["refstream", "health"]`) {
		t.Error("the health check is another command than refstream health")
	}
}

func TestDockerfileRule(t *testing.T) {
	const good = "ARG BASE=debian\nFROM ${BASE} AS build\nCOPY a b ./\nFROM ${BASE}\nCOPY --from=build /x /y\nUSER 10001:10001\n" +
		"STOPSIGNAL SIGTERM\nVOLUME /data\nHEALTHCHECK CMD x\nENTRYPOINT [\"x\"]\n"
	cases := []struct{ name, text, problem string }{
		{"good", good, ""},
		{"fixed image", strings.Replace(good, "FROM ${BASE}\n", "FROM debian\n", 1), "debian is not a build argument"},
		{"no file", strings.Replace(good, "COPY a b", "COPY a \\\n c", 1), "COPY c: it is not there"},
		{"no stage", strings.Replace(good, "from=build", "from=other", 1), "stage other"},
		{"root", strings.Replace(good, "USER 10001:10001", "USER root", 1), "runs as root"},
		{"user of another stage", strings.Replace(good, "COPY a b ./", "USER 10001", 1) + "FROM build\n" +
			"STOPSIGNAL SIGTERM\nVOLUME /data\nHEALTHCHECK CMD x\nENTRYPOINT [\"x\"]\n", "runs as root"},
		{"no health check", strings.Replace(good, "HEALTHCHECK CMD x\n", "", 1), "no HEALTHCHECK"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			expect(t, checkDockerfile(c.text, func(name string) bool { return slices.Contains(words("a b"), name) }), c.problem)
		})
	}
}
