package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// TestAbsurdTruth gives verify a truth.json with numbers that can't be: it could not tell, and says why.
func TestAbsurdTruth(t *testing.T) {
	t.Parallel()
	var o offlineFlags
	o.register(pflag.NewFlagSet("", pflag.ContinueOnError)) // for the defaults
	c, err := o.channelInfo(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	channel, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, number := range []string{"-1", "1e308", "9223372036854775808"} {
		for _, name := range []string{"first_frame", "width", "frames_per_segment", "event_length_frames", "seed", "pts_origin", "window_segments"} {
			text := `{"channel":` + string(channel) + `,"first_frame":0,"last_frame":9}`
			at := strings.Index(text, `"`+name+`":`) + len(name) + 3
			end := at + strings.IndexAny(text[at:], ",}")
			if err := os.WriteFile(filepath.Join(dir, "truth.json"), []byte(text[:at]+number+text[end:]), 0o600); err != nil {
				t.Fatal(err)
			}
			stdout, stderr, code := refstream(t, "verify", filepath.Join(dir, "truth.json"), "--truth", dir)
			if code != 2 || stdout != "" || !strings.Contains(stderr, "truth") || strings.Contains(stderr, "goroutine") || strings.Count(stderr, "\n") != 1 {
				t.Errorf("%s = %s: exit code %d: %s%s", name, number, code, stdout, stderr)
			}
		}
	}
}
