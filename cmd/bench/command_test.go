package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParseCommand(t *testing.T) {
	args := strings.Fields("-f rawvideo -framerate 30/1 -pix_fmt rgb24 -video_size 64x36 -i pipe:0 -b:v 6000000 -bf 2 -f mpegts " +
		"-flags +cgop -flush_packets 1 -muxdelay 0 -omit_video_pes_length 0 -mpegts_flags +x -an -vf scale,format=yuv420p -sc_threshold -1 " +
		"-copyts pipe:1 -hide_banner -nostdin -loglevel level+warning")
	c, err := parseCommand(args)
	if err != nil {
		t.Fatal(err)
	}
	const encoding = "-b:v 6000000 -bf 2 -flags +cgop -an -vf scale,format=yuv420p -sc_threshold -1 -copyts -hide_banner -nostdin -loglevel level+warning"
	cases := []struct {
		name string
		got  []string
		want string
	}{
		{"from file", c.fromFile("x.rgb", []string{"-re"}, "-f", "hls", "o.m3u8"),
			"-f rawvideo -framerate 30/1 -pix_fmt rgb24 -video_size 64x36 -re -i x.rgb " + encoding + " -f hls o.m3u8"},
		{"output", c.output, encoding},
	}
	for _, k := range cases {
		if got := strings.Join(k.got, " "); got != k.want {
			t.Errorf("%s:\ngot  %s\nwant %s", k.name, got, k.want)
		}
	}
	own := c.fromTestPicture(64, 36, 10, "f.ttf", "o.m3u8")
	if i := slices.Index(own, "-vf"); i < 0 || !strings.HasPrefix(own[i+1], "drawtext=") || !strings.HasSuffix(own[i+1], ",scale,format=yuv420p") {
		t.Errorf("no drawing before the filters of the command: %q", own)
	}
	if strings.Contains(strings.Join(own, " "), "rawvideo") {
		t.Errorf("the raw input's options are still there: %q", own)
	}
	for _, bad := range []string{"", "-version", "-f lavfi -i x", "-i"} {
		if c, err := parseCommand(strings.Fields(bad)); err == nil {
			t.Errorf("%q: got %+v, want an error", bad, c)
		}
	}
}

func TestReadTap(t *testing.T) {
	const start, picture, other = `{"args":["-i","a"],"pts":0,"left":0}`, `{"pts":3000,"left":5}`, `{"args":["-i","b"],"pts":0,"left":0}`
	cases := []struct {
		name, log, problem string
		pictures           int
	}{
		{"one", start + "\n" + picture + "\n" + picture, "", 2},
		{"checks before it", other + "\n" + other + "\n" + start + "\n" + picture, "", 1},
		{"twice", start + "\n" + picture + "\n" + other + "\n" + picture, "more than once", 0},
		{"none", start, "no picture", 0},
		{"broken", start + "\n{", "read tap's log", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(name, []byte(c.log), 0o644); err != nil {
				t.Fatal(err)
			}
			args, pictures, err := readTap(name)
			if c.problem != "" {
				if err == nil || !strings.Contains(err.Error(), c.problem) {
					t.Errorf("error %v, want one with %q", err, c.problem)
				}
				return
			}
			if err != nil || len(pictures) != c.pictures || args[1] != "a" {
				t.Errorf("got %q, %v, %v", args, pictures, err)
			}
		})
	}
}
