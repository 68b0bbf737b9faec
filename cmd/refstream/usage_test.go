package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"gopkg.in/yaml.v3"
)

// A short letter means the same in every command, or the help of each says what it is in another one.
func TestShortFlags(t *testing.T) {
	names := map[string]map[string]bool{}
	each := func(do func(*cobra.Command, *pflag.Flag)) {
		for _, cmd := range newRoot(io.Discard, io.Discard).Commands() {
			cmd.Flags().VisitAll(func(f *pflag.Flag) {
				if f.Shorthand != "" {
					do(cmd, f)
				}
			})
		}
	}
	each(func(_ *cobra.Command, f *pflag.Flag) {
		if names[f.Shorthand] == nil {
			names[f.Shorthand] = map[string]bool{}
		}
		names[f.Shorthand][f.Name] = true
	})
	each(func(cmd *cobra.Command, f *pflag.Flag) {
		for other := range names[f.Shorthand] {
			if other != f.Name && !strings.Contains(f.Usage, "-"+f.Shorthand+" is --"+other) {
				t.Errorf("%s: -%s is --%s, and the help does not say that elsewhere it is --%s", cmd.Name(), f.Shorthand, f.Name, other)
			}
		}
	})
	if len(names) < 6 {
		t.Errorf("only %v were found", names)
	}
}

// The help of each command has an example that is read without an error, says what each flag does, and fits a screen.
func TestHelp(t *testing.T) {
	const screen = 75 // lines of 120 columns
	root := newRoot(io.Discard, io.Discard)
	for _, cmd := range root.Commands() {
		if !cmd.Runnable() {
			continue // a topic
		}
		text := must(t, cmd.Name(), "--help")
		if n := strings.Count(text, "\n"); n > screen {
			t.Errorf("%s: the help has %d lines", cmd.Name(), n)
		}
		for line := range strings.Lines(text) {
			if len([]rune(line)) > 132 {
				t.Errorf("%s: a long line: %s", cmd.Name(), line)
			}
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if strings.Count(text, " --"+f.Name+" ")+strings.Count(text, " --"+f.Name+"\n") == 0 {
				t.Errorf("%s: --%s is not in the help", cmd.Name(), f.Name)
			}
		})
		if cmd.Example == "" {
			t.Errorf("%s: there is no example", cmd.Name())
		}
		for line := range strings.Lines(cmd.Example) {
			for part := range strings.SplitSeq(line, "|") {
				checkExample(t, part)
			}
		}
	}
	for _, title := range []string{"Flags:", "Flags of the stream:", "Flags of the encoder:", "Flags of the live carriers:"} {
		if text := must(t, "serve", "--help"); !strings.Contains(text, "\n"+title+"\n") {
			t.Errorf("the help of serve has no %s", title)
		}
	}
	if text := must(t, "help", "allow"); !strings.Contains(text, "clock_offset") {
		t.Errorf("help allow: %s", text)
	}
}

// checkExample parses the flags and arguments of a command line, without running it.
func checkExample(t *testing.T, line string) {
	t.Helper()
	words := strings.Fields(strings.ReplaceAll(line, "'", ""))
	if len(words) < 2 || words[0] != "refstream" {
		return // another program's
	}
	words = words[1:]
	if i := len(words) - 1; words[i] == "&" {
		words = words[:i]
	}
	cmd, args, err := newRoot(io.Discard, io.Discard).Find(words)
	if err == nil {
		if err = cmd.ParseFlags(args); err == nil {
			err = cmd.ValidateArgs(cmd.Flags().Args())
		}
	}
	if err != nil {
		t.Errorf("%s: %v", line, err)
	}
}

// The commands of docker-compose.yml and of the Dockerfile's health check are read without an error.
func TestContainerCommands(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]struct{ Command []string }
	}
	if err := yaml.Unmarshal(text, &compose); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"generator", "api"} {
		command := compose.Services[name].Command
		if len(command) == 0 || command[0] != "serve" {
			t.Errorf("service %s runs %q", name, command)
		}
		checkExample(t, "refstream "+strings.Join(command, " "))
	}
	checkExample(t, "refstream health")
}

// What --version prints is what the linker was told, as make and the Dockerfile do.
func TestVersion(t *testing.T) {
	if out := must(t, "--version"); out != "refstream version "+version+"\n" {
		t.Errorf("--version prints %q", out)
	}
	for _, name := range []string{"Makefile", "Dockerfile"} {
		text, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), `-ldflags "-X main.version=$`) {
			t.Errorf("%s builds without a version", name)
		}
	}
}
