package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/refstream/refstream/format/m3u8"
)

// A DASH manifest without a Period is an error of the commands that read DASH, and any of record, which leaves no folder behind.
func TestManifest(t *testing.T) {
	t.Parallel()
	const manifest = `<?xml version="1.0" encoding="utf-8"?>` + "\n<MPD>"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, manifest)
		if strings.HasPrefix(r.URL.Path, "/long") { // more than is read of what is no playlist
			_, _ = io.WriteString(w, strings.Repeat(`<S t="1" d="2"/>`, 10_000))
		}
		_, _ = io.WriteString(w, "</MPD>")
	}))
	t.Cleanup(server.Close)
	sessions := filepath.Join(t.TempDir(), "sessions")
	for _, args := range [][]string{
		{"analyze", "URL"},
		{"record", "URL", "--out", sessions, "--session", "x"},
		{"verify", "URL", "--seed", "1"},
	} {
		for _, path := range []string{"/manifest.mpd", "/long.mpd", "/named.m3u8"} {
			line := strings.Split(strings.ReplaceAll(strings.Join(args, " "), "URL", server.URL+path), " ")
			_, errs, code := refstream(t, line...)
			want := "read manifest: it has no Period"
			if args[0] == "record" {
				want = m3u8.ErrManifest.Error()
			}
			if code == 0 || !strings.Contains(errs, want) {
				t.Errorf("%s %s: exit code %d: %s", args[0], path, code, errs)
			}
		}
	}
	if left, err := os.ReadDir(sessions); err == nil && len(left) > 0 {
		t.Errorf("record left %v behind", left)
	}
}
