package mp4

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/media"
)

var (
	testSPS = []byte{0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x0e, 0xa6, 0x00, 0xf1, 0x83, 0x19, 0x60}
	testPPS = []byte{0x68, 0xEF, 0x8F, 0xCB}
)

// coded is a unit with its parameter sets and delimiter, as an encoder gives it.
func coded(pts, dts int64, key bool) media.Unit {
	nals := [][]byte{{9, 0x10}, {6, 1, 1, byte(pts), 0x80}, {0x41, byte(pts), byte(dts) | 1}}
	if key {
		nals = [][]byte{{9, 0x10}, testSPS, testPPS, {0x65, byte(pts), 1}}
	}
	return media.Unit{PTS: pts, DTS: dts, Key: key, NALs: nals}
}

func TestSegmentWriter(t *testing.T) {
	t.Parallel()
	init, err := Init(h264.Track(nil, [][]byte{testSPS, testPPS}))
	if err != nil {
		t.Fatal(err)
	}
	gen := time.Date(2040, 1, 1, 0, 0, 0, 123456789, time.UTC) // in NTP's era 1
	var s Segment
	for round := range int64(2) { // its memory is used again
		base := 1<<33 + round*14400
		s.Reset(round)
		s.SetProduced(gen)
		s.AddEvent(Event{Scheme: SchemeID3, ID: 7, PTS: base + 3600, Duration: 3600, Data: []byte("ID3")})
		filler := coded(base+3600, base, false)
		filler.NALs = append(filler.NALs, h264.Filler(1000))
		units := []media.Unit{coded(base, base-7200, true), coded(base+10800, base-3600, false), filler, coded(base+7200, base+3600, false)}
		for _, u := range units {
			if err := s.AddUnit(u); err != nil {
				t.Fatal(err)
			}
		}
		b, err := s.Append(nil, base+14400)
		if err != nil {
			t.Fatal(err)
		}
		if free := bytes.LastIndex(b, []byte("free")); free != len(b)-1000 { // as long as filler and its length
			t.Errorf("the free box is at byte %d of %d", free, len(b))
		}
		r := NewSegmentReader(init, bytes.NewReader(b))
		events, times := 0, 0
		r.HandleEvents(func(e Event) {
			if events++; e.PTS != base+3600 || e.Duration != 3600 || e.ID != 7 || string(e.Data) != "ID3" || e.Scheme != SchemeID3 {
				t.Errorf("%+v", e)
			}
		})
		r.HandleProducerTimes(func(p ProducerTime) {
			if times++; !p.UTC.Equal(gen) || p.PTS != base || p.Flags != 24 {
				t.Errorf("%+v", p)
			}
		})
		for i, want := range units {
			got, err := r.Next()
			if err != nil || got.PTS != want.PTS || got.DTS != want.DTS || got.Duration != 3600 || got.Key != want.Key || got.Track.CodecString != "avc1.64001f" {
				t.Fatalf("unit %d: %+v, %v", i, got, err)
			}
			for _, nal := range got.NALs {
				if nal[0] == 9 || nal[0] == 12 {
					t.Errorf("unit %d has a delimiter or filler", i)
				}
			}
		}
		if _, err := r.Next(); err != io.EOF || events != 1 || times != 1 {
			t.Errorf("%v, %d events, %d times", err, events, times)
		}
	}
}

// TestSegmentWriterRefuses: what does not fit is refused, and the segment is as it was.
func TestSegmentWriterRefuses(t *testing.T) {
	t.Parallel()
	var s Segment
	if _, err := s.Append(nil, 90000); err == nil {
		t.Error("a segment without units")
	}
	if err := s.AddUnit(coded(90000, 90000, false)); err == nil || !strings.Contains(err.Error(), "key frame") {
		t.Error(err)
	}
	if err := s.AddUnit(coded(90000, 82800, true)); err != nil {
		t.Fatal(err)
	}
	for want, u := range map[string]media.Unit{
		"follows DTS 82800":        coded(97200, 82800, false),
		"before that of the first": coded(86400, 86400, false),
		"does not fit PTS":         coded(1<<40, 86400, false),
		"DTS 99000 does not fit":   coded(97200, 99000, false),
		"DTS -1 does not fit":      coded(97200, -1, false),
		"a unit of 0 bytes":        {PTS: 93600, DTS: 86400, NALs: [][]byte{{9, 0x10}}},
		"follows DTS":              coded(1<<40, 1<<40, false),
	} {
		if err := s.AddUnit(u); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if b, err := s.Append([]byte("x"), 90000); err == nil || string(b) != "x" || !strings.Contains(err.Error(), "ends at 90000") {
		t.Errorf("%q, %v", b, err)
	}
	if b, err := s.Append(nil, 93600); err != nil || len(s.samples) != 1 || len(b) == 0 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	for _, sets := range [][][]byte{nil, {testSPS}, {{0x67, 1}, testPPS}} {
		if _, err := Init(h264.Track(nil, sets)); err == nil {
			t.Errorf("an initialization section of %x", sets)
		}
	}
}
