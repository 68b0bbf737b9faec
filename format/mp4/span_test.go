package mp4

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"
	"time"

	"github.com/refstream/refstream/codec/hevc"
	"github.com/refstream/refstream/media"
)

// TestSpan compares the times of segments with those of the samples that are read one by one.
func TestSpan(t *testing.T) {
	t.Parallel()
	file := mustRead(t, make3s(t, "a.mp4", "-bf", "2", "-movflags", "frag_keyframe+empty_moov+default_base_moof", "-write_prft", "pts"))
	if !IsMP4(file) || IsMP4([]byte("#EXTM3U\n")) || IsMP4(file[:7]) {
		t.Error("an MP4 is not known as one, or something else is")
	}
	first, end := int64(math.MaxInt64), int64(0)
	r := NewReader(onlyReader{bytes.NewReader(file)})
	var times []ProducerTime
	r.HandleProducerTimes(func(p ProducerTime) { times = append(times, p) })
	for {
		u, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		first, end = min(first, u.PTS), max(end, u.PTS+u.Duration)
	}
	begin := bytes.Index(file, []byte("moof")) - 4
	video, a, b, ok := Span(file[:begin], bytes.NewReader(file[begin:]))
	if !ok || !video || a != first || max(b-end, end-b) > 1 { // rounded once here, and twice there
		t.Errorf("%t, %t, %d to %d, want %d to %d", ok, video, a, b, first, end)
	}
	for name, segment := range map[string][]byte{"nothing": nil, "no fragment": file[:begin], "cut off": file[begin : begin+40]} {
		if _, _, _, ok := Span(file[:begin], bytes.NewReader(segment)); ok {
			t.Errorf("%s has a time", name)
		}
	}
	if _, _, _, ok := Span(nil, bytes.NewReader(file[begin:])); ok {
		t.Error("a segment without its tracks has a time")
	}
	audio := mustRead(t, make3s(t, "b.mp4", "-vn", "-movflags", "frag_keyframe+empty_moov+default_base_moof"))
	if video, _, end, ok := Span(nil, bytes.NewReader(audio)); !ok || video || end < 3*90000 {
		t.Errorf("sound: %t, %t, to %d", ok, video, end)
	}
	// ffmpeg takes the time stamp of a fragment's first picture for the wall clock here.
	if len(times) != 3 {
		t.Fatalf("%d producer reference times", len(times))
	}
	for i, p := range times {
		if off := p.UTC.Sub(time.Unix(0, p.PTS*100_000/9)); off < -time.Millisecond || off > 100*time.Millisecond || p.Offset < int64(begin)-100 {
			t.Errorf("producer reference time %d: %+v", i, p)
		}
	}
}

// TestDamagedBoxes leaves out event messages and producer times that can't be read, and goes on.
func TestDamagedBoxes(t *testing.T) {
	t.Parallel()
	file := mustRead(t, make3s(t, "a.mp4", "-an", "-movflags", "frag_keyframe+empty_moov+default_base_moof"))
	begin := bytes.Index(file, []byte("moof")) - 4
	units := len(readAll(t, NewReader(bytes.NewReader(file))))
	box := func(kind string, size int) []byte {
		b := make([]byte, size)
		b[0], b[1], b[2], b[3] = byte(size>>24), byte(size>>16), byte(size>>8), byte(size)
		copy(b[4:], kind)
		return b
	}
	for name, extra := range map[string][]byte{
		"event cut short": box("emsg", 12), "event too long": box("emsg", maxEvent+1),
		"too many events":         bytes.Repeat(emsg(0, 1), maxEvents+1),
		"producer time cut short": box("prft", 20), "another track's": append(box("prft", 32)[:8], make([]byte, 24)...),
	} {
		r := NewReader(bytes.NewReader(bytes.Join([][]byte{file[:begin], extra, file[begin:]}, nil)))
		r.HandleEvents(func(Event) {})
		r.HandleProducerTimes(func(p ProducerTime) { t.Errorf("%s: %+v", name, p) })
		n, err := drain(t, r)
		if damaged := int64(1); n != units || !errors.Is(err, io.EOF) || r.Stats().Damaged != damaged && name != "another track's" {
			t.Errorf("%s: %d units of %d, %v, %+v", name, n, units, err, r.Stats())
		}
	}
}

// TestHEVC reads HEVC, with its parameter sets in front of the key frame.
func TestHEVC(t *testing.T) {
	t.Parallel()
	file := mustRead(t, make3s(t, "a.mp4", "-an", "-t", "0.4", "-c:v", "libx265", "-x265-params", "log-level=error", "-tag:v", "hvc1"))
	units := readAll(t, NewReader(bytes.NewReader(file)))
	if len(units) != 12 || units[0].Codec() != media.HEVC || !units[0].Key || units[1].Key || hevc.TypeOf(units[0].NALs[0]) != hevc.NALVPS {
		t.Errorf("%d units, the first %v with %d NAL units", len(units), units[0].Codec(), len(units[0].NALs))
	}
}
