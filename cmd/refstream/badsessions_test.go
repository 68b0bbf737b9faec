package main

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// badSessions are command lines about sessions that can't be carried out.
func badSessions(taken, file string) []badInput {
	return []badInput{
		{"record nothing", "record", []string{"URL", "-s"}},
		{"record two", "record a b", []string{"one URL"}},
		{"record what is not there", "record http://127.0.0.1:1/x.m3u8", []string{"http://127.0.0.1:1/x.m3u8", "refused"}},
		{"record a password", "record http://u:hunter2@127.0.0.1:1/x.m3u8", []string{"127.0.0.1:1", "refused"}},
		{"record no playlist", "record " + file, []string{file, "it is empty"}},
		{"record no address", "record gopher://x", []string{"gopher"}},
		{"poll", "record x --poll 1ms", []string{"poll", "10ms"}},
		{"record duration", "record x --duration 0s", []string{"--duration", "2m"}},
		{"header", "record x -H hunter2", []string{"--header", "Name: value"}},
		{"header to", "record x --header-to http://u:hunter2@cdn/", []string{"--header-to", "cdn.example.com"}},
		{"record session is a path", "record x -s a/b", []string{"--session", "a/b", "--out"}},
		{"go on with nothing", "record -s nosuch", []string{"nosuch", "URL"}},
		{"record log level", "record x --log-level loud", []string{"--log-level", "loud"}},
		{"truth is no server", "record x --truth ftp://u:hunter2@x", []string{"--truth", "http://127.0.0.1:8080"}},
		{"replay nothing", "replay", []string{"refstream replay monday"}},
		{"replay what is not there", "replay nosuch", []string{"nosuch", "no such session"}},
		{"replay a folder", "replay -f " + filepath.Dir(filepath.Dir(file)) + " " + filepath.Base(filepath.Dir(file)), []string{"no such session"}},
		{"replay port", "replay x -p 99999", []string{"--http-port", "99999"}},
		{"replay speed", "replay x --speed 0", []string{"--speed", "1/1000"}},
		{"replay offset", "replay x -o -3", []string{"--offset", "-3", "1m30s"}},
		{"replay rebased and fast", "replay x --rebase --speed 2", []string{"--rebase", "--speed"}},
		{"replay from two", "replay x -o 3 --from 2026-01-31T12:00:00Z", []string{"--offset", "--from"}},
		{"replay host", "replay x --host=", []string{"--host", "127.0.0.1"}},
		{"gaps allow", "gaps x --allow all", []string{"--allow", "request_failed"}},
		{"record half an address", "record http://", []string{"no host"}},
		{"replay from", "replay x --from yesterday", []string{"--from", "yesterday", "2026-01-31T12:00:00Z"}},
		{"gaps of nothing", "gaps", []string{"refstream gaps monday"}},
		{"gaps of what is not there", "gaps nosuch", []string{"nosuch", "no such session"}},
		{"gaps threshold", "gaps x -t x", []string{"--threshold", "2.5s"}},
		{"gaps tolerance", "gaps x --tolerance 0s", []string{"--tolerance", "100ms"}},
		{"gaps plot", "gaps x --plot x.jpg", []string{"--plot", ".svg"}},
		{"dvr address", "dvr --listen udp://127.0.0.1:1", []string{"udp://127.0.0.1:1", "tcp://127.0.0.1:4444"}},
		{"dvr port taken", "dvr --listen tcp://" + taken, []string{taken, "in use"}},
		{"dvr scene", "dvr --scene 0", []string{"--scene", "up to 1"}},
		{"dvr high scene", "dvr --scene 2", []string{"2", "up to 1"}},
		{"dvr interval", "dvr --max-interval 0s", []string{"--max-interval", "30s"}},
		{"dvr session", "dvr -s ../x", []string{"../x", "letters"}},
		{"dvr without ffmpeg", "dvr --listen tcp://127.0.0.1:0 --ffmpeg /nonexistent/ffmpeg", []string{"/nonexistent/ffmpeg", "install"}},
		{"dvr argument", "dvr x", []string{`"x"`}},
	}
}

// What never becomes a recording is no success, and leaves nothing behind.
func TestRecordNothing(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.URL.Path == "/endless.ts" && r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 188)); err != nil {
				return
			}
		}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	for path, says := range map[string]string{"/endless.ts": "no playlist", "/never.m3u8": "nothing was recorded"} {
		_, stderr, code := refstream(t, "record", server.URL+path, "-o", dir, "--duration", "2s")
		if code != 1 || !strings.Contains(stderr, says) || len(folder(t, dir)) > 0 {
			t.Errorf("%s: exit code %d, left %v: %s", path, code, folder(t, dir), stderr)
		}
	}
}

// Ctrl+C ends a recording in good order; naming the session again goes on with it, without its address.
func TestRecordStopsAndGoesOn(t *testing.T) {
	t.Parallel()
	s := start(t, smallStream(filepath.Join(t.TempDir(), "data"))...)
	s.moreSegments(2)
	dir := t.TempDir()
	for _, args := range [][]string{{s.url + "/hls/main/master.m3u8"}, {}} {
		args = append([]string{"record", "-o", dir, "-s", "demo"}, args...)
		r := launchCommand(t, freeAddr(t), exec.Command(program, args...))
		await(t, "the recording", limit, func() bool { return strings.Contains(r.log(), "recording "+s.url) })
		s.moreSegments(3)
		r.stop()
		if !strings.Contains(r.log(), "stopped; replay it: refstream replay demo -f "+dir) {
			t.Errorf("it says %s", r.log())
		}
	}
	runs, err := openSession(t, filepath.Join(dir, "demo")).Runs(t.Context())
	if err != nil || len(runs) != 2 || runs[0].Reason != "stopped" || runs[1].Reason != "stopped" {
		t.Errorf("runs %+v, %v", runs, err)
	}
	// A busy machine publishes late, which is true.
	if _, errs, code := refstream(t, "gaps", "demo", "-f", dir, "--faults", filepath.Join(dir, "none.jsonl")); code != 2 || !strings.Contains(errs, "none.jsonl") {
		t.Errorf("a file of faults that is not there: code %d, %s", code, errs)
	}
	if out, errs, code := refstream(t, "gaps", "demo", "-f", dir, "--allow", "gap,stale,playlist_slow,segment_late"); code != 0 {
		t.Errorf("gaps: exit code %d: %s%s", code, out, errs)
	}
	// A replay stops as well while players hang on it.
	addr := freeAddr(t)
	_, port, _ := strings.Cut(addr, ":")
	replay := launchCommand(t, addr, exec.Command(program, "replay", filepath.Join(dir, "demo"), "-p", port))
	await(t, "the replay", limit, func() bool { return strings.Contains(replay.log(), replay.url) })
	follow := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", replay.url+"/stream.m3u8", "-f", "null", "-")
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the replay to begin", limit, func() bool { return strings.Contains(replay.log(), " of ") })
	replay.stop()
	_ = follow.Process.Signal(syscall.SIGKILL)
	_ = follow.Wait() // however it ended
}
