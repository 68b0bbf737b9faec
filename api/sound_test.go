package api

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http"
	"testing"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/internal/soundtest"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// TestSound asks for the seconds of a stream with a scheduled event and a triggered one: they are the samples from the epoch on.
func TestSound(t *testing.T) {
	f := newFixture(t)
	c := testChannel("main")
	f.refused(f.get("/audio/0.wav"), http.StatusNotFound, "")
	c.Audio = true
	f.put(c)
	f.refused(f.get("/audio/0.wav"), http.StatusNotFound, "")
	schedule, err := scenario.NewSchedule(c.Seed, c.EventEvery, c.EventLength)
	if err != nil {
		t.Fatal(err)
	}
	manual := event(0, quiet(t, schedule.Next(0).Last+10, 61), 0)
	manual.Kind, manual.LastFrame = markers.KindManual, manual.Frame+59
	late := event(0, quiet(t, manual.LastFrame+100, 61), 0) // a trigger whose first frames are missing: it beeps from its own start
	late.Kind, late.ScheduledFrame, late.LastFrame = markers.KindManual, late.Frame-10, late.Frame+40
	newest := late.LastFrame + 100
	f.append(markers.Batch{Frames: []markers.FrameRecord{frame(newest)}, Markers: []markers.Marker{manual, late}})
	seconds := c.Rate.Sample(newest) / media.SampleRate
	var beeps []generator.Beep
	for _, ev := range schedule.Between(0, newest) {
		beeps = append(beeps, generator.Beep{First: c.Rate.Sample(ev.First), End: c.Rate.Sample(ev.Last + 1)})
	}
	for _, m := range []markers.Marker{manual, late} {
		beeps = append(beeps, generator.Beep{First: c.Rate.Sample(m.ScheduledFrame), End: c.Rate.Sample(m.LastFrame + 1)})
	}
	want := make([]int16, generator.SoundChannels*media.SampleRate*seconds)
	generator.RenderSamples(want, 0, beeps)
	raw, err := binary.Append(nil, binary.LittleEndian, want)
	if err != nil {
		t.Fatal(err)
	}
	for n := range seconds {
		w := f.get(fmt.Sprintf("/audio/%d.wav", n))
		pcm := soundtest.Run(t, w.Body.Bytes(), "ffmpeg", "-v", "error", "-i", "-", "-f", "s16le", "-c:a", "copy", "-")
		const size = 4 * media.SampleRate
		if w.Code != http.StatusOK || !bytes.Equal(pcm, raw[n*size:(n+1)*size]) {
			t.Fatalf("second %d: %d, %d bytes of sound, or other ones", n, w.Code, len(pcm))
		}
	}

	f.refused(f.get(fmt.Sprintf("/audio/%d.wav", seconds)), http.StatusNotFound, "") // a trigger may come
	for _, path := range []string{"/audio/x.wav", "/audio/-1.wav", "/audio/960000000001.wav"} {
		f.refused(f.get(path), http.StatusBadRequest, "n")
	}
	f.refused(f.get("/audio/1.wav?rate=1"), http.StatusBadRequest, "rate")
	f.refused(f.get("/audio/1.wav?channel=other"), http.StatusNotFound, "")
	f.refused(f.get("/audio/1.mp3"), http.StatusNotFound, "")
	whole := f.get("/audio/1.wav")
	if w := f.get("/audio/1.wav", "If-None-Match", whole.Header().Get("ETag")); w.Code != http.StatusNotModified {
		t.Errorf("with its ETag: %d", w.Code)
	}
	if w := f.get("/audio/1.wav", "Range", "bytes=40-47"); w.Code != http.StatusPartialContent || w.Body.String() != whole.Body.String()[40:48] {
		t.Errorf("a range: %d %q", w.Code, w.Body)
	}
	f.refused(f.get("/audio/1.wav", "Range", "bytes=1000000-"), http.StatusRequestedRangeNotSatisfiable, "Range")
	c.KeepMarkers = media.SecondsOf(media.TicksPerSecond * 4)
	f.put(c)
	f.refused(f.get("/audio/0.wav"), http.StatusNotFound, "")
	if w := f.get(fmt.Sprintf("/audio/%d.wav", seconds-1)); w.Code != http.StatusOK {
		t.Errorf("a second that is kept: %d", w.Code)
	}
}
