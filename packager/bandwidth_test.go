package packager

import (
	"strings"
	"testing"

	"github.com/Eyevinn/hls-m3u8/m3u8"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/stream"
)

func readVariant(t *testing.T, dir string) *m3u8.Variant {
	t.Helper()
	p, kind, err := m3u8.DecodeFrom(strings.NewReader(readFile(t, dir, MultivariantPlaylist)), true)
	if err != nil || kind != m3u8.MASTER || len(p.(*m3u8.MasterPlaylist).Variants) != 1 {
		t.Fatalf("read multivariant playlist: kind %v, %v", kind, err)
	}
	return p.(*m3u8.MasterPlaylist).Variants[0]
}

// bitrate is the exact bit rate of a full segment, rounded up.
func bitrate(c markers.Clock, bytes int64) int64 {
	return ceilDiv(bytes*8*c.Rate.Num, c.FramesPerSegment*c.Rate.Den)
}

func TestVariant(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := testOptions(dir, testChannel(ntsc, 60), 5)
	w := mustNew(t, o)
	put(t, w, 0)
	v := readVariant(t, dir)
	if v.URI != "index.m3u8" || v.Codecs != "avc1.64001f" || v.Resolution != "1280x720" || v.FrameRate != 29.97 {
		t.Errorf("%+v", v.VariantParams)
	}
	if int64(v.Bandwidth) < o.Bitrate*102/100 || int64(v.Bandwidth) > 2*o.Bitrate || v.AverageBandwidth != 0 {
		t.Errorf("bandwidth %d, average %d, expected from %d bit/s", v.Bandwidth, v.AverageBandwidth, o.Bitrate)
	}
	if !strings.Contains(readFile(t, dir, MultivariantPlaylist), ",FRAME-RATE=29.970\n") {
		t.Error("FRAME-RATE has not three decimals")
	}
}

// TestBandwidthRises publishes one segment that is larger than anybody said: the bound is raised, and stays.
func TestBandwidthRises(t *testing.T) {
	t.Parallel()
	for _, told := range []int64{0, 100_000} {
		dir := t.TempDir()
		o := testOptions(dir, testChannel(pal, 50), 5)
		o.Bitrate = told
		w := mustNew(t, o)
		first := put(t, w, 0)[0]
		if got, want := int64(readVariant(t, dir).Bandwidth), bitrate(w.clock, first.Bytes); got < want {
			t.Errorf("told %d: bandwidth %d, but a segment has %d", told, got, want)
		}
		if got, want := int64(readVariant(t, dir).AverageBandwidth), roundBandwidth(bitrate(w.clock, first.Bytes)); told == 0 && got != want {
			t.Errorf("average of %d, want %d", got, want)
		}
		var large *markers.SegmentRecord
		for _, au := range slot(w.clock, 1) {
			if au.Key {
				au.NALs = append(au.NALs, make([]byte, 300_000))
			}
			rec, err := w.Write(stream.Unit{Unit: au})
			if err != nil {
				t.Fatal(err)
			}
			large = rec
		}
		want := bitrate(w.clock, large.Bytes)
		for _, msn := range []int64{2, 3} {
			put(t, w, msn)
			if got := int64(readVariant(t, dir).Bandwidth); got < want || got > want+bandwidthStep {
				t.Errorf("told %d, segment %d: bandwidth %d, but a segment has %d", told, msn, got, want)
			}
		}
		o.Segments = []markers.SegmentRecord{first, *large}
		w = mustNew(t, o)
		put(t, w, 2)
		if got := int64(readVariant(t, dir).Bandwidth); got < want {
			t.Errorf("told %d, next run: bandwidth %d, but a segment has %d", told, got, want)
		}
	}
}

// TestVODBandwidth ends a VOD with a stub of two frames, a third of a kilobyte each but in a few milliseconds.
func TestVODBandwidth(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := mustNew(t, testOptions(dir, testChannel(pal, 50), 0))
	recs := put(t, w, 0, 1, 2)
	for _, au := range gop(w.clock, 150, 151) {
		if _, err := w.Write(stream.Unit{Unit: au}); err != nil {
			t.Fatal(err)
		}
	}
	stub, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	peak, total := int64(0), stub.Bytes
	for _, r := range recs {
		peak = max(peak, bitrate(w.clock, r.Bytes))
		total += r.Bytes
	}
	peak = max(peak, ceilDiv((recs[2].Bytes+stub.Bytes)*8*25, 52))
	v := readVariant(t, dir)
	if int64(v.Bandwidth) != peak || int64(v.AverageBandwidth) != ceilDiv(total*8*25, 152) {
		t.Errorf("bandwidth %d, average %d; want %d, %d", v.Bandwidth, v.AverageBandwidth, peak, ceilDiv(total*8*25, 152))
	}
}

// TestExpectedBandwidth adds up what video at full rate, annotated and muxed, can have at the most.
func TestExpectedBandwidth(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		channel       markers.Channel
		bitrate, want int64
	}{
		{testChannel(pal, 50), 0, 0},
		// 9 Mbit/s of video; 25 frames of 512 bytes: 102400 bit/s; tables in front, within and events: 1504, 9024
		// and 9024 bit/s.
		{testChannel(pal, 50), 9_000_000, 9_321_000},
		{testChannel(ntsc, 216000), maxBitrate, 10_217_526_000},
	} {
		if got := expectedBandwidth(tc.bitrate, tc.channel.Clock()); got != tc.want {
			t.Errorf("%d bit/s: %d, want %d", tc.bitrate, got, tc.want)
		}
	}
}
