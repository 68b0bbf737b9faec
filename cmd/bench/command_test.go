package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCommand(t *testing.T) {
	args := strings.Fields("-f rawvideo -framerate 30/1 -pix_fmt rgb24 -video_size 64x36 -i pipe:0 -b:v 6000000 -bf 2 -f mpegts " +
		"-flags +cgop -flush_packets 1 -muxdelay 0 -omit_video_pes_length 0 -mpegts_flags +x -an -vf scale,format=yuv420p -sc_threshold -1 " +
		"-copyts pipe:1 -hide_banner -nostdin -loglevel level+warning")
	c := command(args)
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("pipe:0", "x.rgb", "pipe:1", "o.ts").Replace("-y -re " + strings.Join(args, " "))
	if got := strings.Join(c.fromFile("x.rgb", "o.ts", "-re"), " "); got != want {
		t.Errorf("from a file:\ngot  %s\nwant %s", got, want)
	}
	own := c.fromTestPicture(64, 36, 10, "f.ttf", "o.ts")
	if i := slices.Index(own, "-vf"); i < 0 || !strings.HasPrefix(own[i+1], "drawtext=") || !strings.HasSuffix(own[i+1], ",scale,format=yuv420p") {
		t.Errorf("no drawing before the filters of the command: %q", own)
	}
	if got := strings.Join(own, " "); strings.Contains(got, "rawvideo") || strings.Contains(got, "pipe:") {
		t.Errorf("the raw input's options or pipes are still there: %q", own)
	}
	for _, bad := range []string{"", "-version", "-f lavfi -i x", "-i"} {
		if err := command(strings.Fields(bad)).check(); err == nil {
			t.Errorf("%q is no error", bad)
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
