package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/media"
)

// lateSound puts what comes of the sound's own segments so much later.
func lateSound(s *running, by time.Duration) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "seg-audio-") {
			return false
		}
		data, err := s.try(r.URL.RequestURI())
		i := bytes.Index(data, []byte("tfdt"))
		if err != nil || i < 0 {
			return false
		}
		at := data[i+8 : i+16] // behind version and flags: ISO/IEC 14496-12, 8.8.12, version 1
		binary.BigEndian.PutUint64(at, binary.BigEndian.Uint64(at)+uint64(by.Seconds()*media.SampleRate))
		w.Header().Set("Content-Type", "audio/mp4")
		w.Write(data)
		return true
	}
}

// choose has one of a select's options chosen, as a person does.
func (b *page) choose(selector, value string) {
	b.t.Helper()
	eval[bool](b, fmt.Sprintf(`(() => { const s = document.querySelector(%q); s.value = %q; s.dispatchEvent(new Event('change')); return s.value === %q; })()`,
		selector+" select", value, value))
}

// meeting is what the page has measured of sound and picture.
type meeting struct {
	Offset float64
	Count  int
}

func (b *page) meeting(events int) (m meeting) {
	b.t.Helper()
	await(b.t, "events with sound", 90*time.Second, func() bool {
		m = eval[meeting](b, `window.refstream?.sound.summary ?? {}`)
		return m.Count >= events
	})
	b.t.Logf("%+v: %s, %s, %s", m, b.text("#meet output"), b.text("#meet .note"), eval[jsonText](b, `window.refstream.sound.results`))
	return m
}

// The sound is off at the start. Turned on, the page measures in the samples and by the pixels where sound and picture meet; muted again it
// measures on. Sound that is late is called late. Every container and quality can be chosen, and the self-check holds through all of it.
func TestPageSound(t *testing.T) {
	t.Parallel()
	s := start(t, "--data", filepath.Join(t.TempDir(), "data"), "--audio", "--ladder", "320x180@300k,160x90@100k", "--container", "ts,fmp4", "--fps", "30",
		"--preset", "ultrafast", "--segment", "1s", "--event-every", "3s", "--event-length", "500ms", "--seed", "5")
	proxy := newMoodyProxy(t, s.url)
	b := openBrowser(t, s.url)
	b.playing(10, 60*time.Second)
	if !eval[bool](b, `document.querySelector('#video').muted && document.querySelector('#meet output').textContent === 'not known'`) {
		t.Errorf("before the sound is on: %s", b.text("#meet"))
	}
	b.press("m", false)
	if m := b.meeting(2); math.Abs(m.Offset) > 0.045 {
		t.Errorf("sound and picture of a true stream are %v s apart", m.Offset)
	}
	b.press("m", false)
	for _, height := range []int{90, 180} {
		value := eval[string](b, fmt.Sprintf(`String(window.refstream.state.levels.indexOf(%d))`, height))
		b.choose("#quality", value)
		await(t, fmt.Sprintf("a picture of %d lines", height), 60*time.Second, func() bool {
			return eval[int](b, `document.querySelector('#video').videoHeight`) == height
		})
	}
	b.choose("#form", "hls-fmp4")
	b.playing(30, 60*time.Second)
	if says := b.text("#quality option:checked"); !strings.HasPrefix(says, "320×180 · ") {
		t.Errorf("in another container the quality is %q", says)
	}
	if m := b.meeting(1); math.Abs(m.Offset) > 0.045 {
		t.Errorf("sound and picture of a true stream are %v s apart, muted, in fMP4", m.Offset)
	}
	if c := b.check(); c.Errors > 0 || c.Exact == 0 {
		t.Errorf("self-check with sound: %+v", c)
	}
	b.press("m", false)
	b.screenshots("sound")

	const late = 160 * time.Millisecond
	proxy.set(lateSound(s, late))
	b.open(proxy.url + "/")
	b.playing(10, 60*time.Second)
	b.press("m", false)
	b.choose("#form", "hls-fmp4")
	if m := b.meeting(1); math.Abs(m.Offset-late.Seconds()) > 0.045 || !strings.HasPrefix(b.text("#meet .note"), "The sound is late") {
		t.Errorf("sound that is %v late is called %v s late: %s", late, m.Offset, b.text("#meet .note"))
	}
	b.clean()
}
