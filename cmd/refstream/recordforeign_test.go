package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Streams that ffmpeg publishes live, recorded to their end and replayed: what a player decodes of the replay is what it
// decodes of the files, and a recording of the replay holds the same contents.
func TestRecordForeign(t *testing.T) {
	t.Parallel()
	twoSizes := []string{"-filter_complex", "[0:v]split[a][b];[b]scale=160:90[c]", "-map", "[a]", "-map", "[c]", "-map", "1:a"}
	for name, c := range map[string]struct {
		args     []string
		first    string
		contents int // at least: playlists apart
	}{
		"variants": {append(twoSizes, "-var_stream_map", "v:0,agroup:x,name:hi v:1,agroup:x,name:lo a:0,agroup:x,name:sound",
			"-master_pl_name", "master.m3u8", "-hls_segment_filename", "DIR/%v/%d.ts", "DIR/%v/index.m3u8"), "master.m3u8", 12},
		"fmp4": {append(twoSizes, "-var_stream_map", "v:0,a:0,name:hi v:1,name:lo", "-hls_segment_type", "fmp4",
			"-hls_fmp4_init_filename", "init.mp4", "-master_pl_name", "master.m3u8", "-hls_segment_filename", "DIR/%v/%d.m4s",
			"DIR/%v/index.m3u8"), "master.m3u8", 12},
		"aes": {[]string{"-map", "0:v", "-map", "1:a", "-hls_key_info_file", "DIR/keyinfo", "-hls_flags", "periodic_rekey",
			"-hls_segment_filename", "DIR/%d.ts", "DIR/index.m3u8"}, "index.m3u8", 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, sessions := t.TempDir(), t.TempDir()
			origin := httptest.NewServer(http.FileServer(http.Dir(dir)))
			t.Cleanup(origin.Close)
			for i := range c.args {
				c.args[i] = strings.ReplaceAll(c.args[i], "DIR", dir)
			}
			for _, folder := range []string{"hi", "lo", "sound"} {
				if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for file, text := range map[string]string{"key": "0123456789abcdef", "keyinfo": origin.URL + "/key\n" + dir + "/key\n"} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			publishing := background(t, "ffmpeg", append([]string{"-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25",
				"-f", "lavfi", "-i", "sine=r=48000", "-t", "6", "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "300k", "-g", "25", "-c:a", "aac",
				"-f", "hls", "-hls_time", "1", "-hls_list_size", "0"}, c.args...)...)
			await(t, "the stream", limit, func() bool {
				_, err := os.Stat(filepath.Join(dir, c.first))
				return err == nil
			})
			must(t, "record", origin.URL+"/"+c.first, "-o", sessions, "-s", "first", "--poll", "50ms")
			if err := publishing.Wait(); err != nil {
				t.Fatal(err)
			}
			addr := freeAddr(t)
			_, port, _ := strings.Cut(addr, ":")
			replay := launchCommand(t, addr, exec.Command(program, "replay", "first", "-f", sessions, "-p", port, "--speed", "5"))
			await(t, "the replay", limit, func() bool { return strings.Contains(replay.log(), replay.url) })
			must(t, "record", replay.url+"/stream.m3u8", "-o", sessions, "-s", "second", "--poll", "10ms")

			first, second := recordedContents(t, filepath.Join(sessions, "first")), recordedContents(t, filepath.Join(sessions, "second"))
			if !maps.Equal(first, second) || len(first) < c.contents {
				t.Errorf("the recording has %d contents, that of its replay %d, or they differ:\n%v\n%v", len(first), len(second), first, second)
			}
			read := func(input string) []byte {
				out, _ := tool(t, "ffmpeg", "-v", "error", "-xerror", "-i", input, "-map", "0:v:0", "-map", "0:a?", "-f", "framemd5", "-")
				return out
			}
			want := read(origin.URL + "/" + c.first)
			if got := read(replay.url + "/stream.m3u8"); !bytes.Equal(got, want) || len(want) < 10000 {
				t.Errorf("ffmpeg decodes %d bytes of frames of the replay, %d of the stream, or they differ", len(got), len(want))
			}
			if page := string(replay.get("/")); !strings.Contains(page, "refstream replay") {
				t.Errorf("the page is %.300s", page)
			}
			if _, err := replay.try("/nothing.ts"); err == nil || !strings.Contains(err.Error(), c.first) {
				t.Errorf("what is not there answers %v", err)
			}
			_, count := gapFindings(t, sessions)
			delete(count, "gap") // ffmpeg on a slow machine is late itself
			if len(count) > 0 {
				t.Errorf("gaps finds %v", count)
			}
		})
	}
}

// recordedContents are the contents of a session, playlists apart, by path.
func recordedContents(t *testing.T, dir string) map[string]string {
	t.Helper()
	s := openSession(t, dir)
	m := map[string]string{}
	for _, e := range collect(t, s.Exchanges(t.Context())) {
		if e.Resource == "playlist" || e.Error != "" {
			continue
		}
		u, err := url.Parse(e.URL)
		if err != nil {
			t.Fatal(err)
		}
		data, err := s.Body(t.Context(), e.Body)
		if err != nil {
			t.Fatal(err)
		}
		m[u.Path] = fmt.Sprintf("%x", sha256.Sum256(data))
	}
	return m
}
