package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
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

// TestAbsurdServer records no truth from a server whose channel can't be, as any origin may be asked for one.
func TestAbsurdServer(t *testing.T) {
	t.Parallel()
	var o offlineFlags
	o.register(pflag.NewFlagSet("", pflag.ContinueOnError))
	c, err := o.channelInfo(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, number := range map[string]int64{"window": 1 << 62, "frames": 1 << 62, "negative": -1 << 63} {
		said := c
		switch name {
		case "frames":
			said.FramesPerSegment = number
		default:
			said.Window = number
		}
		text, err := json.Marshal(recordedChannel{Channel: said})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"server_time":%q,%s`, time.Now().Format(time.RFC3339Nano), text[1:])
		}))
		r, err := newTruthRecorder(server.URL+"/hls/main/index.m3u8", "", t.TempDir(), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		if err := r.begin(ctx); err == nil || !strings.Contains(err.Error(), "can't be") {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
		server.Close()
	}
}
