package truth

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// channel describes a stream like that of refstream serve without flags.
func channel() markers.Channel {
	return markers.Channel{
		Name: "main", Run: 1, Epoch: time.Unix(0, 0).UTC(), Rate: media.FrameRate{Num: 30, Den: 1}, FramesPerSegment: 60, Seed: 1,
		PTSOrigin: markers.PTSOrigin, Width: 1280, Height: 720, EventEvery: 600, EventLength: 60, Window: 300,
	}
}

// TestAbsurdServer records no truth from a server whose channel can't be, as any origin may be asked for one.
func TestAbsurdServer(t *testing.T) {
	t.Parallel()
	for name, number := range map[string]int64{"window": 1 << 62, "frames": 1 << 62, "negative": -1 << 63} {
		said := channel()
		switch name {
		case "frames":
			said.FramesPerSegment = number
		default:
			said.Window = number
		}
		text, err := json.Marshal(Channel{Channel: said})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"server_time":%q,%s`, time.Now().Format(time.RFC3339Nano), text[1:])
		}))
		r, err := NewRecorder(server.URL+"/hls/main/index.m3u8", "", t.TempDir(), time.Now, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.begin(t.Context()); err == nil || !strings.Contains(err.Error(), "can't be") {
			t.Errorf("%s: %v", name, err)
		}
		server.Close()
	}
}
