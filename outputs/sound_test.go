package outputs

import (
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/internal/soundtest"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

// TestSound carries pictures with sound, among units of another rendition: on every carrier a consumer begins at a key frame of the
// first rendition, and the sound that ffmpeg decodes has each beep at its sample.
func TestSound(t *testing.T) {
	t.Parallel()
	const frames = 8 * testGOP
	beeps := []generator.Beep{{First: 5000, End: 20_000}, {First: 120_001, End: 150_000}, {First: 300_007, End: 330_000}}
	sound := soundtest.Units(t, 0, frames*media.SampleRate/testGOP/aac.UnitSamples, beeps...)
	h, _ := newRelayHub(t, func(o *Options) { o.FLV.Sound = sound[0].Track })
	server := serveHTTP(t, h, patience)
	l := listen(t)
	ended := runs(func() error { return h.ListenRTMP(t.Context(), l) })
	dir := t.TempDir()
	relays := map[string]string{"a.ts": "mpegts", "a.mp4": "mp4", "a.mkv": "matroska", "a.flv": "flv"}
	relayed := make(chan error, len(relays))
	for name := range relays {
		spec := parseRelayTest(t, filepath.Join(dir, name))
		go func() { relayed <- h.Relay(t.Context(), spec) }()
	}

	s := newSource(t, 0)
	write := func(from, to int) {
		for i := from; i < to; i++ {
			u := s.unit(i)
			for len(sound) > 0 && sound[0].DecodedAt() < u.DTS {
				if err := h.Write(stream.Unit{Unit: sound[0]}); err != nil {
					t.Fatal(err)
				}
				sound = sound[1:]
			}
			other := u
			other.Track = &media.Track{Rendition: "160x90"}
			for _, u := range []stream.Unit{u, other} {
				if err := h.Write(u); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	ts, tags := gather(get(t, server.URL+"/live/main.ts").Body), gather(get(t, server.URL+"/live/main.flv").Body)
	write(0, testGOP) // a relay that takes the stream later would begin with a later key frame
	eventually(t, "the relays to take the stream", func() bool {
		n := 0
		for _, s := range h.Status() {
			if s.Kind == KindRelay && s.Bytes > 0 {
				n++
			}
		}
		return n == len(relays)
	})
	write(testGOP, 3*testGOP+7)
	late, lateTags := gather(get(t, server.URL+"/live/main.ts").Body), gather(get(t, server.URL+"/live/main.flv").Body)
	begun := make(chan struct{}, 1)
	rtmp := play(t, l.Addr().String(), "/live/main", begun)
	<-begun
	eventually(t, "all to be there", func() bool {
		return statusOf(t, h, KindHTTPTS).Clients == 2 && statusOf(t, h, KindHTTPFLV).Clients == 2 && rtmp.last.Load() > 0
	})
	write(3*testGOP+7, frames)
	h.Close()

	check := func(what, format string, b []byte, key int) {
		t.Helper()
		at := firstTimes(t, b, format)
		if want := float64(s.unit(key).PTS) / media.TicksPerSecond; math.Abs(at["video"]-want) > 0.001 {
			t.Errorf("%s begins with a picture at %f s, want %f", what, at["video"], want)
		}
		// The milliseconds of FLV are enough to know the unit.
		first := int64(math.Round((at["audio"]-1)*media.SampleRate/aac.UnitSamples)) * aac.UnitSamples
		if from := int64(key) * media.SampleRate / testGOP; first < from-media.SampleRate/5 || first > from+media.SampleRate/5 {
			t.Errorf("%s begins with sample %d", what, first)
		}
		soundtest.Check(t, b, format, first, beeps...)
	}
	all := func(g *tail) []byte {
		b, err := g.all(t)
		if err != io.EOF {
			t.Error(err)
		}
		return b
	}
	check("TS", "mpegts", all(ts), 0)
	check("FLV", "flv", all(tags), 0)
	check("late TS", "mpegts", all(late), 2*testGOP)
	check("late FLV", "flv", all(lateTags), 2*testGOP)
	<-rtmp.ended
	played := flv.FileHeader(true)
	for _, tag := range rtmp.tags {
		played = flv.AppendTag(played, tag)
	}
	check("RTMP", "flv", played, 2*testGOP)
	if err := returned(t, ended); err != nil {
		t.Error(err)
	}
	for range relays {
		if err := returned(t, relayed); err != nil {
			t.Error(err)
		}
	}
	for name, format := range relays {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		check(name, format, b, 0)
	}
}

// firstTimes is the time of the first picture, and of the first sound, in seconds, as ffprobe has it.
func firstTimes(t *testing.T, b []byte, format string) map[string]float64 {
	t.Helper()
	out := soundtest.Run(t, b, "ffprobe", "-v", "error", "-show_entries", "packet=codec_type,pts_time", "-of", "json", "-f", format, "-i", "-")
	var doc struct {
		Packets []struct {
			Type string `json:"codec_type"`
			Time string `json:"pts_time"`
		}
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatal(err)
	}
	first := map[string]float64{}
	for _, p := range doc.Packets {
		v, err := strconv.ParseFloat(p.Time, 64)
		if old, ok := first[p.Type]; err == nil && (!ok || v < old) {
			first[p.Type] = v
		}
	}
	return first
}
