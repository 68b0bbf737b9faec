package aac

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/media"
)

func fromHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		bytes, err string
		config     Config
		codec      string
	}{
		{"1190", "", Config{LC, 48000, 2}, "mp4a.40.2"},
		{"1208", "", Config{LC, 44100, 1}, "mp4a.40.2"},
		{"0e38", "", Config{1, 7350, 7}, "mp4a.40.1"},
		{"119056e500", "", Config{LC, 48000, 2}, "mp4a.40.2"}, // as ffmpeg writes it: no SBR
		{"1780 5dc0 10", "", Config{LC, 48000, 2}, "mp4a.40.2"},
		{"1780 5dc2 10", "sample rate of 48004 Hz", Config{}, ""},
		{"1194", "960 samples", Config{}, ""},
		{"1180", "channel configuration 0", Config{}, ""},
		{"1690", "sample rate of 0 Hz", Config{}, ""},
		{"2b11 8800", "audio object type 5", Config{}, ""},
		{"11", "of 1 bytes: unexpected EOF", Config{}, ""},
		{"", "unexpected EOF", Config{}, ""},
	} {
		b := fromHex(t, c.bytes)
		got, err := ParseConfig(b)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) || got != c.config {
			t.Errorf("%s: %+v, %v, want %+v, %q", c.bytes, got, err, c.config, c.err)
		}
		if c.err != "" {
			continue
		}
		if asc, err := got.AudioSpecificConfig(); err != nil || len(b) < 5 && !bytes.Equal(asc, b) {
			t.Errorf("%+v: wrote %x, %v", got, asc, err)
		}
		tr, err := got.Track()
		if again, err := TrackConfig(tr); err != nil || again != got {
			t.Errorf("%+v became %+v, %v", got, again, err)
		}
		if b, err := AppendUnit([]byte{7}, media.Unit{Track: tr, Sound: []byte{1, 2}}); err != nil || len(b) != 1+HeaderSize+2 {
			t.Errorf("%+v: a unit of %x, %v", got, b, err)
		}
		if err != nil || tr.Codec != media.AAC || tr.CodecString != c.codec || tr.Timescale != int64(got.SampleRate) || len(tr.Sets) != 1 {
			t.Errorf("%+v: track %+v, %v", got, tr, err)
		}
	}
	for _, c := range []Config{{}, {LC, 48000, 0}, {LC, 48000, 8}, {LC, 48001, 2}, {5, 48000, 2}} {
		if b, err := c.appendUnit([]byte{7}, []byte{1}); err == nil || len(b) != 1 {
			t.Errorf("%+v: %x, %v", c, b, err)
		}
		if _, err := c.Track(); err == nil {
			t.Errorf("%+v: a track", c)
		}
	}
}

func TestNoTrackOfAAC(t *testing.T) {
	for _, tr := range []*media.Track{nil, {}, {Codec: media.AAC}, {Codec: media.H264, Sets: [][]byte{{0x11, 0x90}}}, {Codec: media.AAC, Sets: [][]byte{{0}}}} {
		if b, err := AppendUnit([]byte{7}, media.Unit{Track: tr, Sound: []byte{1}}); err == nil || len(b) != 1 {
			t.Errorf("%+v: %x, %v", tr, b, err)
		}
	}
}

func TestHeader(t *testing.T) {
	stereo := Config{LC, 48000, 2}
	for _, c := range []struct {
		bytes, err string
		want       Header
	}{
		{"fff14c8001 1ffc", "", Header{stereo, 8, 7}},
		{"fff14c801a dffc 01", "", Header{stereo, 214, 7}},
		{"fff04c8001 5ffc", "", Header{stereo, 10, 9}}, // with checksum
		{"fff94c8001 1ffc", "", Header{stereo, 8, 7}},  // MPEG-2
		{"fff14c8001 1ffd", "2 blocks", Header{}},
		{"fff14c8000 fffc", "a unit of 7 bytes", Header{}},
		{"fff04c8001 3ffc", "a unit of 9 bytes with a header of 9", Header{}},
		{"fff14c0001 1ffc", "channel configuration 0", Header{}},
		{"fff17c8001 1ffc", "sample rate of 0 Hz", Header{}},
		{"ffe14c8001 1ffc", "no syncword", Header{}},
		{"fff34c8001 1ffc", "no syncword", Header{}},
		{"fff14c8001 1f", "unexpected EOF", Header{}},
	} {
		got, err := ParseHeader(fromHex(t, c.bytes))
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v, %q", c.bytes, got, err, c.want, c.err)
		}
		if c.err == "unexpected EOF" && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", c.bytes, err)
		}
	}
	if b, err := stereo.appendUnit([]byte{9}, []byte{1, 2}); err != nil || !bytes.Equal(b, fromHex(t, "09 fff14c8001 3ffc 0102")) {
		t.Errorf("%x, %v", b, err)
	}
	for _, n := range []int{0, maxUnit - HeaderSize + 1} {
		if b, err := stereo.appendUnit([]byte{9}, make([]byte, n)); err == nil || len(b) != 1 {
			t.Errorf("a unit of %d bytes: %d, %v", n, len(b), err)
		}
	}
}

// TestAgreesWithFFmpeg reads what ffmpeg writes, and has ffmpeg read what is written here.
func TestAgreesWithFFmpeg(t *testing.T) {
	for _, want := range []Config{{LC, 48000, 2}, {LC, 44100, 1}, {LC, 96000, 6}, {LC, 8000, 1}} {
		channels := strconv.Itoa(int(want.Channels))
		stream := ffmpeg(t, nil, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=duration=1:sample_rate="+strconv.Itoa(want.SampleRate),
			"-ac", channels, "-c:a", "aac", "-f", "adts", "-")
		var out []byte
		units := 0
		for b := stream; len(b) > 0; units++ {
			h, err := ParseHeader(b)
			if err != nil || h.Config != want || h.Size > len(b) {
				t.Fatalf("%+v, unit %d: %+v, %v", want, units, h, err)
			}
			if out, err = h.appendUnit(out, b[h.Start:h.Size]); err != nil {
				t.Fatal(err)
			}
			b = b[h.Size:]
		}
		if len(out) != len(stream) || units < want.SampleRate/UnitSamples {
			t.Errorf("%+v: %d units, %d bytes of %d", want, units, len(out), len(stream))
		}
		var probed struct{ Streams []map[string]any }
		text := ffmpeg(t, out, "ffprobe", "-v", "error", "-count_packets", "-show_streams", "-of", "json", "-f", "aac", "-")
		if err := json.Unmarshal(text, &probed); err != nil || len(probed.Streams) != 1 {
			t.Fatalf("%s: %v", text, err)
		}
		s := probed.Streams[0]
		if s["profile"] != "LC" || s["sample_rate"] != strconv.Itoa(want.SampleRate) || s["nb_read_packets"] != strconv.Itoa(units) ||
			s["channels"] != float64(want.Channels) {
			t.Errorf("%+v: ffprobe: %v", want, s)
		}
	}
}

func ffmpeg(t *testing.T, stdin []byte, name string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	return out
}

func FuzzHeaders(f *testing.F) {
	for _, s := range []string{"1190", "119056e500", "1780 5dc0 10", "fff14c8001 1ffc 01", "fff04c8001 5ffc 000001"} {
		f.Add(fromHex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := ParseConfig(b); err == nil {
			asc, err := c.AudioSpecificConfig()
			if again, readErr := ParseConfig(asc); err != nil || readErr != nil || again != c {
				t.Fatalf("%+v became %x, %+v, %v, %v", c, asc, again, err, readErr)
			}
		}
		if h, err := ParseHeader(b); err == nil {
			out, err := h.appendUnit(nil, make([]byte, min(h.Size-h.Start, maxUnit-HeaderSize)))
			if again, readErr := ParseHeader(out); err != nil || readErr != nil || again.Config != h.Config || again.Size != len(out) {
				t.Fatalf("%+v became %+v, %v, %v", h, again, err, readErr)
			}
		}
	})
}
