package gaps

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/recorder"
)

// longest is how long anything in these tests may take.
const longest = 60 * time.Second

// record records a stream and looks at it.
func record(t *testing.T, o recorder.Options) *Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	o.Dir, o.Now = filepath.Join(t.TempDir(), "session"), time.Now
	if _, err := recorder.Record(ctx, o); err != nil {
		t.Fatal(err)
	}
	s, err := recorder.Open(ctx, o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, err := Find(ctx, s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// ffmpeg takes its arguments with spaces between them; | is a space within one.
func ffmpeg(ctx context.Context, dir, args string) *exec.Cmd {
	list := []string{"-v", "error", "-nostdin", "-y"}
	for _, arg := range strings.Fields(args) {
		list = append(list, strings.ReplaceAll(arg, "|", " "))
	}
	c := exec.CommandContext(ctx, "ffmpeg", list...)
	c.Dir = dir
	return c
}

func made(t *testing.T, args string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	dir := t.TempDir()
	if out, err := ffmpeg(ctx, dir, args).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %s: %v\n%s", args, err, out)
	}
	return dir
}

const (
	picture = "-f lavfi -i testsrc2=s=160x90:r=%s -f lavfi -i sine=r=48000 -t 9 -c:v libx264 -preset ultrafast -pix_fmt yuv420p "
	hlsOut  = " -c:a aac -f hls -hls_time 2 -hls_list_size 0 -hls_playlist_type vod "
	stable  = "-g 50 -keyint_min 50 -sc_threshold 0"
)

// Nothing is found in what ffmpeg makes: the lengths in its playlists are those of the pictures.
func TestFFmpegStreams(t *testing.T) {
	all := map[string]string{
		"TS, B-frames": fmt.Sprintf(picture, "25") + stable + " -bf 3" + hlsOut + "main.m3u8",
		"TS, open GOP": fmt.Sprintf(picture, "25") + stable + " -bf 2 -x264-params open-gop=1" + hlsOut + "-hls_flags program_date_time main.m3u8",
		"30000/1001 frames/s, the cuts where key frames come": fmt.Sprintf(picture, "30000/1001") + "-g 37" + hlsOut + "main.m3u8",
		"fMP4":        fmt.Sprintf(picture, "24000/1001") + stable + " -hls_segment_type fmp4" + hlsOut + "main.m3u8",
		"byte ranges": fmt.Sprintf(picture, "50") + stable + hlsOut + "-hls_flags single_file main.m3u8",
		"sound alone": "-f lavfi -i sine=r=44100 -t 9 -c:a aac -f hls -hls_time 2 -hls_playlist_type vod main.m3u8",
		"variants with renditions of sound": "-f lavfi -i testsrc2=s=160x90:r=25 -f lavfi -i testsrc2=s=320x180:r=25 -f lavfi -i sine=r=48000 -t 9 " +
			"-map 0:v -map 1:v -map 2:a -c:v libx264 -preset ultrafast -pix_fmt yuv420p " + stable + hlsOut +
			"-master_pl_name main.m3u8 -var_stream_map v:0,agroup:a|v:1,agroup:a|a:0,agroup:a %v.m3u8",
		"time stamps that wrap": fmt.Sprintf(picture, "25") + stable + " -output_ts_offset 95440" + hlsOut + "main.m3u8",
	}
	if testing.Short() { // the one with open GOPs has B-frames, the one of two variants pictures and sound
		delete(all, "TS, B-frames")
	}
	for name, args := range all {
		t.Run(name, func(t *testing.T) {
			dir := made(t, args)
			server := httptest.NewServer(http.FileServer(http.Dir(dir)))
			defer server.Close()
			r := record(t, recorder.Options{URL: server.URL + "/main.m3u8"})
			equal(t, r)
			var segments int64
			for _, p := range r.Playlists {
				segments += p.Segments
			}
			if segments < 4 {
				t.Errorf("%d segments were looked at", segments)
			}
		})
	}
}
