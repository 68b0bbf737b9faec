package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/packager"
)

// faultsAnswer is the answer of /faults.
type faultsAnswer struct {
	Newest int64                 `json:"newest_frame"`
	Faults []markers.FaultRecord `json:"faults"`
}

// A live channel has a faulty twin beside it: its faults are where /faults says, all else is byte for byte that of the clean
// channel, which has none; the twin ends with the channel.
func TestTwin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, data := filepath.Join(dir, "outage.yaml"), filepath.Join(dir, "data")
	text := "version: 1\nname: outage\nfaults:\n- {id: lose, do: ts.lose, at: {frame: 95}, for: {frames: 3}}\n- {id: missing, do: sei.missing, at: {frame: 150}, for: {frames: 20}}\n" +
		"- {id: cut, do: http.cut, at: {msn: 4}, for: {segments: 1}}\n- {id: html, do: playlist.html, at: {msn: 7}, for: {segments: 1}}\n- {id: later, do: ts.tei, at: 1h, for: 1s}\n" +
		"- {id: dark, do: black, at: {frame: 215}, for: {frames: 40}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	pushed := newSink(t, "")
	s := start(t, smallStream(data, "--scenario", file, "--push", "main-outage=tcp://"+pushed.Addr().String())...)
	const query = "/faults?channel=main-outage&from=0&to=120000"
	html := false
	s.await("the faults to be done", 90*time.Second, func() bool {
		html = html || bytes.HasPrefix(s.get("/hls/main-outage/index.m3u8"), []byte("<!DOCTYPE html>"))
		return getJSON[faultsAnswer](s, query).Newest > 310
	})
	cut := "/hls/main-outage/" + packager.TS.SegmentFile(4)
	if _, err := os.Stat(filepath.Join(data, "main-outage", "hls", packager.TS.SegmentFile(4))); err == nil { // a slow machine skips it
		out, err := exec.Command("curl", "-s", "-o", filepath.Join(dir, "x"), s.url+cut+"?client=a").CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 18 {
			t.Errorf("curl takes the answer that is cut: %v %s", err, out)
		}
		for client, want := range map[string]markers.FaultState{"a": markers.FaultDone, "b": markers.FaultNotDone} { // once the answer has ended
			s.await("the fault of an answer, of client "+client, limit, func() bool {
				return slices.ContainsFunc(getJSON[faultsAnswer](s, query+"&client="+client).Faults, func(f markers.FaultRecord) bool {
					return f.ID == "cut" && f.State == want
				})
			})
		}
	}
	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/faults", strings.NewReader(`{"channel":"main-outage","do":"ts.tei","for":{"frames":5}}`))
	if err != nil {
		t.Fatal(err)
	}
	post.Header = http.Header{"X-Refstream": {"trigger"}, "Content-Type": {"application/json"}}
	if res, err := http.DefaultClient.Do(post); err != nil || res.StatusCode != http.StatusCreated {
		t.Errorf("post a fault: %+v, %v", res, err)
	} else {
		res.Body.Close()
	}
	got := getJSON[faultsAnswer](s, query).Faults
	states := map[string]string{}
	for _, f := range got {
		if states[f.ID] = string(f.State); f.Posted {
			states["posted"] = f.ID
		}
		if f.Source != "main" {
			t.Errorf("fault %s of %q", f.ID, f.Source)
		}
	}
	// On a slow machine the twin begins behind some of them, or skips their segments and says so.
	if states["later"] != "planned" || states["posted"] == "" {
		t.Errorf("faults %+v", got)
	}
	if !html && states["html"] == "done" {
		t.Log("the playlist was not read while it was a page") // each version is there for a second
	}
	changed := map[int64]bool{}
	for _, f := range got {
		for _, span := range f.Done {
			if f.Layer != "playlist" && f.Layer != "request" {
				for n := span.Frame; n <= span.LastFrame; n++ {
					changed[n/30] = true
				}
			}
		}
	}
	seen := 0
	for msn := range int64(10) {
		name := packager.TS.SegmentFile(msn)
		clean, err := os.ReadFile(filepath.Join(data, "main", "hls", name))
		faulty, err2 := os.ReadFile(filepath.Join(data, "main-outage", "hls", name))
		if err != nil || err2 != nil {
			break // a slow machine skipped it, or one of the two gave it up: the packets' counters may differ from here on
		}
		seen++
		// Without its SEI a unit takes fewer packets, and their counters go on from there: so only segments up to it are equal.
		if msn <= 5 && bytes.Equal(clean, faulty) == changed[msn] {
			t.Errorf("segment %d: equal %t, with a fault %t", msn, bytes.Equal(clean, faulty), changed[msn])
		}
	}
	if seen == 0 {
		t.Error("no segment was looked at")
	}
	if states["lose"] == "done" {
		out, err := exec.Command("ffmpeg", "-v", "debug", "-i", filepath.Join(data, "main-outage", "hls", packager.TS.SegmentFile(3)), "-c", "copy", "-f", "null", "-").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "Continuity check failed") {
			t.Errorf("ffmpeg finds no lost packets: %v", err)
		}
	}
	if sent, _ := pushed.connection(0); states["dark"] == "done" {
		out, err := exec.Command("ffmpeg", "-hide_banner", "-i", save(t, "pushed.ts", sent), "-vf", "blackdetect=d=1", "-f", "null", "-").CombinedOutput()
		if err != nil || strings.Count(string(out), "black_start") != 1 || !strings.Contains(string(out), "black_duration:1.33333") {
			t.Errorf("ffmpeg finds no 40 black frames in what was pushed: %v\n%s", err, out)
		}
	}
	lines := 0
	for line := range strings.Lines(string(s.get(query + "&format=ndjson&state=planned"))) {
		var f markers.FaultRecord
		if err := json.Unmarshal([]byte(line), &f); err != nil || f.ID != "later" && !f.Posted {
			t.Errorf("line %s: %v", line, err)
		}
		if f.ID == "later" {
			lines++
		}
	}
	if lines != 1 {
		t.Errorf("%d lines", lines)
	}
	s.stop()
	for _, channel := range []string{"main", "main-outage"} {
		text, err := os.ReadFile(filepath.Join(data, channel, "hls", "index.m3u8"))
		if err != nil || !bytes.Contains(text, []byte("#EXT-X-ENDLIST")) {
			t.Errorf("the playlist of %s has no end: %v", channel, err)
		}
	}
}

func TestTwinErrors(t *testing.T) {
	for args, want := range map[string]string{
		"--scenario no-such": "--scenario: open no-such",
		"--scenario playlist-monitor --push main-playlist-monitor=rtmp://127.0.0.1/live/x": "--push: main-playlist-monitor has no fault that rtmp shows (playlist.",
		"--scenario tr101290 --push main-other=tcp://127.0.0.1:9":                          "--push: there is no channel \"main-other\": name the twin of a --scenario",
		"--scenario tr101290 --push main-tr101290=":                                        "--push: that is no address",
	} {
		var out, errs bytes.Buffer
		err := run(t.Context(), append([]string{"serve", "--addr", "127.0.0.1:0", "--data", t.TempDir(), "--size", "320x180"}, strings.Fields(args)...), &out, &errs)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", args, err, want)
		}
	}
}
