package packager

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/hls-m3u8/m3u8"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

var (
	ntsc = media.FrameRate{Num: 30000, Den: 1001}
	pal  = media.FrameRate{Num: 25, Den: 1}
)

// testSPS is x264's for 1280x720 at 30000/1001, High profile, level 3.1.
const testSPS = "6764001facd9405005bb011000003e90000ea600f1831960"

func testChannel(rate media.FrameRate, frames int64) markers.Channel {
	return markers.Channel{Name: "main", Run: 1, Rate: rate, FramesPerSegment: frames,
		Epoch: time.Date(2026, 3, 1, 23, 59, 50, 0, time.UTC)}
}

// stepClock tells a time that goes on by a second with each question.
func stepClock() func() time.Time {
	now := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	return func() time.Time {
		now = now.Add(time.Second)
		return now
	}
}

func testOptions(dir string, c markers.Channel, window int64) Options {
	return Options{Dir: dir, Channel: c, Window: window, Bitrate: 2_000_000, Now: stepClock()}
}

// unit is an access unit that the muxer takes, of the given number of bytes.
func unit(c markers.Clock, n int64, size int) media.Unit {
	au := media.Unit{Frame: n, PTS: c.PTS(n), DTS: c.PTS(n) - 9000, Key: c.Offset(n) == 0}
	slice := bytes.Repeat([]byte{byte(n)%200 + 1}, size)
	slice[0] = 0x41
	if au.Key {
		sps, err := hex.DecodeString(testSPS)
		if err != nil {
			panic(err)
		}
		slice[0] = 0x65
		au.NALs = append(au.NALs, sps, []byte{0x68, 0xEF, 0x8F, 0xCB})
	}
	au.NALs = append(au.NALs, slice)
	au.Track = h264.Track(nil, au.NALs)
	return au
}

// gop is the frames first to last of one slot in decoding order: I P B B P B B, the B pictures between their references.
func gop(c markers.Clock, first, last int64) []media.Unit {
	dts := c.PTS(first) - 9000
	var units []media.Unit
	take := func(n int64) {
		au := unit(c, n, 200+int(n%7)*100)
		au.DTS = dts
		dts = c.PTS(first+int64(len(units))+1) - 9000
		units = append(units, au)
	}
	take(first)
	for n := first + 1; n <= last; n += 3 {
		p := min(n+2, last)
		take(p)
		for b := n; b < p; b++ {
			take(b)
		}
	}
	return units
}

func slot(c markers.Clock, msn int64) []media.Unit {
	return gop(c, c.FirstFrame(msn), c.FirstFrame(msn+1)-1)
}

func mustNew(t testing.TB, o Options) *Writer {
	t.Helper()
	w, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// put writes whole slots and returns their records.
func put(t testing.TB, w *Writer, msns ...int64) []markers.SegmentRecord {
	t.Helper()
	var recs []markers.SegmentRecord
	for _, msn := range msns {
		units := slot(w.clock, msn)
		for i, au := range units {
			rec, err := w.Write(stream.Unit{Unit: au})
			if err != nil {
				t.Fatalf("frame %d: %v", au.Frame, err)
			}
			if last := i == len(units)-1; (rec != nil) != last {
				t.Fatalf("frame %d, unit %d of %d: record %v", au.Frame, i, len(units), rec)
			}
			if rec != nil {
				recs = append(recs, *rec)
			}
		}
	}
	return recs
}

func msns(from, to int64) (list []int64) {
	for ; from <= to; from++ {
		list = append(list, from)
	}
	return list
}

func event(c markers.Clock, id string, first, last int64) markers.Marker {
	return markers.Marker{ID: id, Channel: "main", Kind: markers.KindScheduled, Text: "Marker " + id,
		Frame: first, LastFrame: last, ScheduledFrame: first}
}

func readFile(t testing.TB, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// read parses the media playlist with an independent reader, strictly, and checks what must hold of every playlist at
// every moment: each file that it names is there in full, and gaps name none.
func read(t testing.TB, dir string) *m3u8.MediaPlaylist {
	t.Helper()
	p, kind, err := m3u8.DecodeFrom(strings.NewReader(readFile(t, dir, MediaPlaylist)), true)
	if err != nil || kind != m3u8.MEDIA {
		t.Fatalf("read playlist: kind %v, %v", kind, err)
	}
	media := p.(*m3u8.MediaPlaylist)
	for i, s := range segments(media) {
		if want := TS.SegmentFile(int64(media.SeqNo) + int64(i)); s.URI != want {
			t.Fatalf("entry %d: URI %q, want %q", i, s.URI, want)
		}
		info, err := os.Stat(filepath.Join(dir, s.URI))
		switch {
		case s.Gap:
		case err != nil:
			t.Fatalf("playlist names a file that is not there: %v", err)
		case info.Size() == 0 || info.Size()%188 != 0:
			t.Fatalf("%s has %d bytes", s.URI, info.Size())
		}
	}
	return media
}

// segments are the playlist's entries: the reader's own slice may have spare ones.
func segments(p *m3u8.MediaPlaylist) []*m3u8.MediaSegment { return p.Segments[:p.Count()] }

// shape draws a playlist: its first media and discontinuity sequence number, then S for a segment and G for a gap,
// each after a | where there is a discontinuity, and a . for the end.
func shape(t testing.TB, dir string) string {
	p := read(t, dir)
	b := fmt.Sprintf("%d/%d ", p.SeqNo, p.DiscontinuitySeq)
	for _, s := range segments(p) {
		if s.Discontinuity {
			b += "|"
		}
		if s.Gap {
			b += "G"
		} else {
			b += "S"
		}
	}
	if p.Closed {
		b += "."
	}
	return b
}

// files lists the directory's names in order, segments by their number alone.
func files(t testing.TB, dir string) string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range list {
		if msn, ok := SegmentNumber(f.Name()); ok {
			names = append(names, fmt.Sprint(msn))
		} else {
			names = append(names, f.Name())
		}
	}
	return strings.Join(names, " ")
}

func lines(s string) []string { return strings.Split(s, "\n") }

// at is line i, or a word for that there is none.
func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}
