package packager

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/refstream/refstream/hlsclient"
)

// TestClient reads what a Writer publishes with our own client.
func TestClient(t *testing.T) {
	t.Parallel()
	for _, window := range []int64{0, 6} {
		dir := t.TempDir()
		o := testOptions(dir, testChannel(pal, 50), window)
		w := mustNew(t, o)
		put(t, w, msns(0, 3)...)
		if _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(http.FileServer(http.Dir(dir)))
		defer server.Close()
		clock, segments, versions := o.Channel.Clock(), int64(0), 0
		client := hlsclient.Client{Now: time.Now}
		err := client.Run(t.Context(), server.URL+"/"+MultivariantPlaylist, hlsclient.Handler{
			Version: func(v *hlsclient.Version) error {
				if (v.Stream == nil) != (v.Playlist.Multivariant != nil) || len(v.Playlist.Warnings) > 0 {
					t.Errorf("%+v", v)
				}
				versions++
				return nil
			},
			Segment: func(s *hlsclient.Segment) error {
				if s.Err != nil || s.MSN != segments || string(s.Data) != readFile(t, dir, TS.SegmentFile(s.MSN)) ||
					!s.ProgramDateTime.Equal(clock.UTC(clock.FirstFrame(s.MSN))) || s.Stream.Variant == nil {
					t.Errorf("segment %d: %+v, %v", segments, s.MediaSegment, s.Err)
				}
				segments++
				return nil
			},
		})
		if err != nil || segments != 4 || versions != 2 {
			t.Errorf("%d segments, %d versions, %v", segments, versions, err)
		}
	}
}
