package gaps

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/refstream/refstream/recorder"
)

// TestPackedPlaylists finds nothing strange in playlists that were sent compressed, also where the same text is sent as
// other bytes.
func TestPackedPlaylists(t *testing.T) {
	t.Parallel()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/live.m3u8" {
			w.Write([]byte("segment"))
			return
		}
		asked++
		last := min(asked/3, 3)
		text := "#EXTM3U\n#EXT-X-TARGETDURATION:1\n"
		for i := range last + 1 {
			text += fmt.Sprintf("#EXTINF:1,\n%d.ts\n", i)
		}
		if asked > 12 {
			text += "#EXT-X-ENDLIST\n"
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.ModTime = time.Unix(int64(asked), 0)
		z.Write([]byte(text))
		z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(b.Bytes())
	}))
	defer server.Close()
	r := record(t, recorder.Options{URL: server.URL + "/live.m3u8"})
	if len(r.Playlists) != 1 || r.Playlists[0].Versions != 5 {
		t.Errorf("%+v", r.Playlists)
	}
	for _, f := range r.Findings {
		if f.Kind == KindUnparsable || f.Kind == KindTrouble {
			t.Errorf("%s: %s", f.Kind, f.Text)
		}
	}
}
