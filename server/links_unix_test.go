//go:build unix

package server

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/refstream/refstream/markers/journal"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/scenario"
)

// TestDataLinks writes nothing through symbolic links in a data directory: neither the lock nor the folder of published
// files.
func TestDataLinks(t *testing.T) {
	t.Parallel()
	cfg, elsewhere := Config{Data: t.TempDir()}, t.TempDir()
	settings := scenario.DefaultSettings()
	settings.Epoch = time.Unix(0, 0)
	c, err := settings.Channel()
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(elsewhere, "target")
	if err := os.WriteFile(target, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := func(to, name string) string {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, name); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for name, open := range map[string]func() error{
		link(target, filepath.Join(cfg.Data, c.Name, "lock")): func() error {
			j, err := journal.Open(journal.Options{Dir: cfg.Data, Channels: []string{c.Name}})
			if err == nil {
				j.Close()
			}
			return err
		},
		link(elsewhere, cfg.hlsDir(c.Name)): func() error {
			_, err := packager.New(packager.Options{Dir: cfg.hlsDir(c.Name), Channel: c, Window: 5, Now: time.Now})
			return err
		},
	} {
		if err := open(); err == nil || !strings.Contains(err.Error(), name+" is a symbolic link") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := os.ReadFile(target); err != nil || string(got) != "kept" {
		t.Errorf("%q, %v", got, err)
	}
	if list, err := os.ReadDir(elsewhere); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

// A named pipe in the place of a scenario file is not read: the twin would wait for its writer, and never stop.
func TestScenarioPipe(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(name, []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := openScenario(name)
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	if f.path == "" || f.changed() {
		t.Errorf("%q: the pipe is read", f.path)
	}
}
