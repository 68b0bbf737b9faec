//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/journal"
	"github.com/refstream/refstream/outputs/hls"
)

// TestDataLinks writes nothing through symbolic links in a data directory: neither the lock, nor the folder of published
// files, nor the truth of a session.
func TestDataLinks(t *testing.T) {
	t.Parallel()
	data, elsewhere := t.TempDir(), t.TempDir()
	s := &serveFlags{data: data}
	var o offlineFlags
	o.register(pflag.NewFlagSet("", pflag.ContinueOnError)) // for the defaults
	c, err := o.channelInfo(time.Unix(0, 0))
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
		link(target, filepath.Join(data, c.Name, "lock")): func() error {
			j, err := journal.Open(journal.Options{Dir: data, Channels: []string{c.Name}})
			if err == nil {
				j.Close()
			}
			return err
		},
		link(elsewhere, s.hlsDir(c.Name)): func() error {
			_, err := hls.New(hls.Options{Dir: s.hlsDir(c.Name), Channel: c, Window: 5, Now: time.Now})
			return err
		},
		link(elsewhere, filepath.Join(data, truthFolder)): func() error {
			return writeTruthChannel(filepath.Join(data, truthFolder), recordedChannel{Channel: c})
		},
		link(target, filepath.Join(data, "frames.jsonl")): func() error {
			_, err := openRecordLog[markers.FrameRecord](data, "frames")
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
