package annotate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/flv/amf0"
	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

func testMarker(n int64) markers.Marker {
	at := time.Date(2026, 3, 1, 23, 59, 50, 123456789, time.UTC)
	return markers.Marker{ID: fmt.Sprint("main-e", n), Channel: "main", Run: 1, Kind: markers.KindScheduled,
		Text: `Grüße, "日本" 🎬 <&>`, Time: 1234567891, EndTime: 2 * media.Seconds(time.Second), Frame: n, LastFrame: n + 29,
		ScheduledFrame: n, PTS: 90000 + 3003*n, LastPTS: 90000 + 3003*(n+29), Timecode: "23:59:50;12", UTC: at, GenTime: at,
		GenSeconds: -5, MSN: n / 60, Offset: n % 60, Box: markers.Box{X: 1, Y: 2, Width: 3, Height: 4}, Color: "#ff8800"}
}

// readBack is the marker in a tag.
func readBack(tag id3.Timed) (markers.Marker, bool, error) {
	frames, err := id3.Parse(tag.Tag)
	if err != nil {
		return markers.Marker{}, false, err
	}
	return MarkerOfID3(frames)
}

// TestID3 has ffprobe read a marker's tag in the place where ID3 comes from, at the start of an MP3 file.
func TestID3(t *testing.T) {
	mp3, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "sine", "-t", "1", "-c:a", "libmp3lame",
		"-id3v2_version", "0", "-f", "mp3", "pipe:1").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"Marker 1", `Grüße, "日本" 🎬 <&>`, strings.Repeat("long ", 10000), ""} {
		m := testMarker(7)
		m.Text = text
		tag := ID3(m)[0]
		want, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		probe := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-show_entries", "format_tags", "-of", "json",
			"-f", "mp3", "pipe:0")
		probe.Stdin = bytes.NewReader(append(bytes.Clone(tag.Tag), mp3...))
		out, err := probe.Output()
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Format struct{ Tags map[string]string }
		}
		if err := json.Unmarshal(out, &doc); err != nil {
			t.Fatal(err)
		}
		if got := doc.Format.Tags["refstream"]; got != string(want) {
			t.Errorf("ffprobe reads %.200q, want %.200q", got, want)
		}
		got, ok, err := readBack(tag)
		if !ok || err != nil || got != m || tag.PTS != m.PTS {
			t.Errorf("read back %+v, %t, %v", got, ok, err)
		}
	}
}

// TestEventsLeftOut has markers without JSON or with too much of it.
func TestEventsLeftOut(t *testing.T) {
	late, long := testMarker(1), testMarker(3)
	late.UTC = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	long.Text = strings.Repeat("x", id3.MaxSize)
	list := []markers.Marker{late, testMarker(2), long}
	if tags := ID3(list...); len(tags) != 1 || tags[0].PTS != testMarker(2).PTS {
		t.Errorf("%d tags", len(tags))
	}
	if s := Scripts(markers.FrameRecord{}, list); len(s.Cues) != 2 || s.Cues[0].Name != "main-e2" || s.Cues[1].Name != "main-e3" {
		t.Errorf("%d cue points", len(s.Cues))
	}
}

func TestMarkerOfID3(t *testing.T) {
	for name, tt := range map[string]struct {
		frame id3.Frame
		err   bool
	}{
		"another description": {id3.Frame{ID: "TXXX", Description: "other", Text: "{}"}, false},
		"another kind":        {id3.Frame{ID: "PRIV", Description: "refstream", Data: []byte("{}")}, false},
		"no JSON":             {id3.Frame{ID: "TXXX", Description: "refstream", Text: "{"}, true},
	} {
		if m, ok, err := MarkerOfID3([]id3.Frame{tt.frame}); ok || (err != nil) != tt.err || m != (markers.Marker{}) {
			t.Errorf("%s: %+v, %t, %v", name, m, ok, err)
		}
	}
}

func TestCuePoint(t *testing.T) {
	m := testMarker(1 << 40)
	m.PTS = 4_000_000_123*90 + 44 // no float holds its JSON's numbers
	m.LastPTS = math.MaxInt64
	c, err := CuePoint(&m)
	if err != nil {
		t.Fatal(err)
	}
	b, err := amf0.Append(nil, c.Values()...)
	if err != nil {
		t.Fatal(err)
	}
	values, err := amf0.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := flv.ParseCuePoint(values)
	if !ok || got.Name != m.ID || got.Type != "event" || got.Seconds != 4000000.123 || !reflect.DeepEqual(got.Parameters, c.Parameters) {
		t.Fatalf("%+v, %t", got, ok)
	}
	if back, ok := MarkerOfCue(got); !ok || back != m {
		t.Errorf("marker %+v, want %+v", back, m)
	}
	whole, err := json.Marshal(m)
	if v, _ := got.Parameters.Get("marker"); err != nil || v != string(whole) {
		t.Errorf("its JSON is %s, want %s", v, whole)
	}
	if v, _ := got.Parameters.Get("frame"); v != float64(1<<40) {
		t.Errorf("frame %v", v)
	}
	if _, ok := got.Parameters.Get("timecode"); ok {
		t.Error("ffmpeg takes this one for the timecode of the stream's first frame")
	}
	for _, text := range []any{nil, 1.0, "", "{"} {
		if m, ok := MarkerOfCue(flv.CuePoint{Parameters: amf0.Object{{Name: "marker", Value: text}}}); ok {
			t.Errorf("%v is the marker %+v", text, m)
		}
	}
}

// FuzzID3: whatever text a marker has, it comes back as JSON has it.
func FuzzID3(f *testing.F) {
	f.Add("Marker 1", int64(1))
	f.Add("\x00\xff\u2028ID3", int64(1)<<33)
	f.Fuzz(func(t *testing.T, text string, pts int64) {
		m := testMarker(3)
		m.Text, m.PTS = text, pts
		tags := ID3(m)
		if len(tags) == 0 {
			return // too long
		}
		tag := tags[0]
		want := testMarker(3)
		js, err := json.Marshal(text)
		if err != nil || json.Unmarshal(js, &want.Text) != nil {
			t.Fatal(err)
		}
		want.PTS = pts
		got, ok, err := readBack(tag)
		if !ok || err != nil || got != want || tag.PTS != pts {
			t.Fatalf("%+v, %t, %v", got, ok, err)
		}
	})
}
