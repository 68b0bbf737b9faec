package gaps

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/refstream/refstream/recorder"
)

// Segments that came and hold nothing, or not what they should, are found; subtitles are no segments without time stamps.
func TestContents(t *testing.T) {
	dir := made(t, "-f lavfi -i testsrc2=s=160x90:r=25 -t 20 -c:v libx264 -preset ultrafast "+stable+hlsOut+"main.m3u8")
	change := func(n int, to func([]byte) []byte) {
		name := filepath.Join(dir, fmt.Sprintf("main%d.ts", n))
		b, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(name, to(b), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	noise := rand.New(rand.NewPCG(1, 2))
	change(2, func([]byte) []byte { return nil })
	change(4, func([]byte) []byte { return []byte("<html>404</html>") })
	change(6, func(b []byte) []byte { return b[:len(b)/4/188*188] })
	change(8, func(b []byte) []byte {
		for i := range b {
			b[i] = byte(noise.Uint32())
		}
		return b
	})
	const subtitles = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.vtt\n#EXTINF:2,\nb.vtt\n#EXT-X-ENDLIST\n"
	for name, text := range map[string]string{"subs.m3u8": subtitles, "a.vtt": "WEBVTT\n", "b.vtt": "WEBVTT\n\n00:02.000 --> 00:03.000\nx\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	var got []string
	for _, f := range record(t, recorder.Options{URL: server.URL + "/main.m3u8"}).Findings {
		got = append(got, fmt.Sprintf("%s %d", f.Kind, f.MSN))
	}
	want := []string{"segment_content 2", "segment_content 4", "segment_content 6", "segment_content 8"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("found %q, want %q", got, want)
	}
	equal(t, record(t, recorder.Options{URL: server.URL + "/subs.m3u8"}))
}

// A playlist that says nothing of how often it changes has no gaps: that is said instead.
func TestNoTargetDuration(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "#EXTM3U\n") }))
	defer server.Close()
	r := record(t, recorder.Options{URL: server.URL + "/main.m3u8", Duration: second})
	if len(r.Gaps) > 0 || len(r.Findings) != 1 || r.Findings[0].Kind != KindTargetDuration {
		t.Errorf("%+v", r.Findings)
	}
}
