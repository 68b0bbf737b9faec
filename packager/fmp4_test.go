package packager

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	other "github.com/Eyevinn/mp4ff/mp4"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/format/mp4"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

// genOf is when a frame was produced in these tests: some milliseconds before its nominal time, and no whole ones.
func genOf(c markers.Clock, n int64) time.Time {
	return c.UTC(n).Add(-40*time.Millisecond - time.Duration(n%1000)*1001*time.Nanosecond)
}

// both publishes real H.264 in both containers.
func both(t *testing.T, dir string, rate media.FrameRate, perSegment, slot, slots int64, bframes int) (units []stream.Unit, recs []markers.SegmentRecord) {
	t.Helper()
	ch := testChannel(rate, perSegment)
	c := ch.Clock()
	o := testOptions(dir, ch, 20)
	o.Containers = []Container{TS, FMP4}
	w := mustNew(t, o)
	for _, au := range encode(t, c, c.FirstFrame(slot), slots*perSegment, bframes) {
		u := stream.Unit{Unit: au, Record: markers.FrameRecord{Frame: au.Frame, GenNS: genOf(c, au.Frame).UnixNano()}}
		if n := c.Offset(au.Frame); n == 7 || n == 20 {
			u.Markers = []markers.Marker{event(c, fmt.Sprint("main-e", au.Frame), au.Frame, au.Frame+n)}
		}
		rec, err := w.Write(u)
		if err != nil {
			t.Fatal(err)
		}
		if rec != nil {
			recs = append(recs, *rec)
		}
		units = append(units, u)
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return units, recs
}

// boxes is what testdata/boxes.mjs prints.
type boxes struct {
	Codec     string
	Timescale int64
	Edits     bool
	Samples   []struct {
		PTS, DTS, Duration int64
		Key                bool
	}
	Events []struct {
		Scheme, Data                          string
		ID, PTS, Duration, Version, Timescale int64
	}
	Times []struct{ Flags, Seconds, Fraction, PTS int64 }
}

// TestFMP4 has four readers take the fragmented MP4 apart: all times are those of the ledger, to the tick, the pictures those
// of the MPEG-TS, and the events and producer times what they were made of.
func TestFMP4(t *testing.T) {
	t.Parallel()
	type shape struct {
		rate    media.FrameRate
		bframes int
		wrap    bool
	}
	shapes := []shape{{ntsc, 2, false}, {pal, 3, true}, {media.FrameRate{Num: 60000, Den: 1001}, 0, false}}
	if !testing.Short() {
		shapes = nil
		for _, rate := range []media.FrameRate{{Num: 24000, Den: 1001}, pal, ntsc, {Num: 30, Den: 1}, {Num: 60000, Den: 1001}} {
			for _, b := range []int{0, 2, 3} {
				shapes = append(shapes, shape{rate, b, false}, shape{rate, b, true})
			}
		}
	}
	for _, s := range shapes {
		t.Run(fmt.Sprintf("%v-%d-%v", s.rate, s.bframes, s.wrap), func(t *testing.T) {
			t.Parallel()
			perSegment := 2 * s.rate.Base()
			slot := int64(3)
			if s.wrap {
				n, _ := s.rate.FrameAtTicks(1<<33 - markers.PTSOrigin)
				slot = n/perSegment - 1
			}
			dir := t.TempDir()
			units, recs := both(t, dir, s.rate, perSegment, slot, 3, s.bframes)
			c := testChannel(s.rate, perSegment).Clock()
			names := []string{filepath.Join(dir, recs[0].Also.Init)}
			for _, r := range recs {
				names = append(names, filepath.Join(dir, r.Also.URI))
			}
			checkBoxes(t, c, units, recs, names)
			checkOther(t, units, names)
			checkOurs(t, c, units, names)

			var want []probed
			for _, u := range slices.SortedFunc(slices.Values(units), func(a, b stream.Unit) int { return int(a.PTS - b.PTS) }) {
				want = append(want, probed{u.PTS & media.PTSMask, u.Key})
			}
			if got := probe(t, filepath.Join(dir, "master-fmp4.m3u8")); !slices.Equal(got, want) {
				t.Errorf("ffprobe reads %d frames %v, want %d %v", len(got), got[:min(3, len(got))], len(want), want[:3])
			}
			if a, b := pictures(t, filepath.Join(dir, MediaPlaylist)), pictures(t, filepath.Join(dir, "index-fmp4.m3u8")); !slices.Equal(a, b) || len(a) != len(units) {
				t.Errorf("%d pictures in MPEG-TS and %d in fragmented MP4 are not the same", len(a), len(b))
			}
		})
	}
}

// pictures are the MD5 sums of the decoded pictures.
func pictures(t *testing.T, path string) (sums []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	out := run(ctx, t, "ffmpeg", "-v", "error", "-i", path, "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "-")
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			sums = append(sums, line[strings.LastIndex(line, ",")+1:])
		}
	}
	return sums
}

// eventsOf are the markers in the order of the stream.
func eventsOf(units []stream.Unit) (list []markers.Marker) {
	for _, u := range units {
		list = append(list, u.Markers...)
	}
	return list
}

// checkBoxes reads with mp4box.js.
func checkBoxes(t *testing.T, c markers.Clock, units []stream.Unit, recs []markers.SegmentRecord, names []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	var got boxes
	if err := json.Unmarshal(run(ctx, t, "node", append([]string{"testdata/boxes.mjs"}, names...)...), &got); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(got.Codec, "avc1.64") || got.Timescale != 90000 || got.Edits || len(got.Samples) != len(units) {
		t.Fatalf("mp4box.js: %s, timescale %d, edits %v, %d samples, want %d", got.Codec, got.Timescale, got.Edits, len(got.Samples), len(units))
	}
	for i, s := range got.Samples {
		u := units[i]
		if s.PTS != u.PTS || s.Key != u.Key || max(s.DTS-u.DTS, u.DTS-s.DTS) > 1 {
			t.Fatalf("mp4box.js: sample %d: %+v, want PTS %d, DTS %d, key %v", i, s, u.PTS, u.DTS, u.Key)
		}
		if i+1 < len(got.Samples) && s.DTS+s.Duration != got.Samples[i+1].DTS {
			t.Fatalf("mp4box.js: sample %d lasts from %d for %d, the next is at %d", i, s.DTS, s.Duration, got.Samples[i+1].DTS)
		}
	}
	events := eventsOf(units)
	if len(got.Events) != len(events) || len(got.Times) != len(recs) {
		t.Fatalf("mp4box.js: %d events and %d times, want %d and %d", len(got.Events), len(got.Times), len(events), len(recs))
	}
	for i, m := range events {
		if e := got.Events[i]; e.Version != 1 || e.Timescale != 90000 || e.Scheme != "https://aomedia.org/emsg/ID3" ||
			e.PTS != c.PTS(m.Frame) || e.Duration != c.PTS(m.LastFrame+1)-c.PTS(m.Frame) || e.Data != hex.EncodeToString(annotate.ID3(m)[0].Tag) || e.ID != m.Frame&0xFFFFFFFF {
			t.Errorf("mp4box.js: event %d: %+v", i, e)
		}
	}
	for i, r := range recs {
		gen := genOf(c, r.FirstFrame)
		want := uint64(gen.Unix()+2208988800)<<32 | uint64(gen.Nanosecond())<<32/1e9
		if p := got.Times[i]; p.Flags != 24 || p.PTS != c.PTS(r.FirstFrame) || uint64(p.Seconds)<<32|uint64(p.Fraction) != want {
			t.Errorf("mp4box.js: producer time %d: %+v, want %x", i, p, want)
		}
	}
}

// checkOther reads with mp4ff: what stands in the boxes as it is.
func checkOther(t *testing.T, units []stream.Unit, names []string) {
	t.Helper()
	var all bytes.Buffer
	for _, name := range names {
		all.WriteString(readFile(t, "", name))
	}
	file, err := other.DecodeFile(&all)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, seg := range file.Segments {
		for _, f := range seg.Fragments {
			samples, err := f.GetFullSamples(file.Init.Moov.Mvex.Trex)
			if err != nil || f.Moof.Traf.Tfdt.Version != 1 || max(int64(f.Moof.Traf.Tfdt.BaseMediaDecodeTime())-units[at].DTS, units[at].DTS-int64(f.Moof.Traf.Tfdt.BaseMediaDecodeTime())) > 1 {
				t.Fatalf("mp4ff: fragment at unit %d: %v, %+v", at, err, f.Moof.Traf.Tfdt)
			}
			for _, s := range samples {
				if s.PresentationTime() != units[at].PTS || s.IsSync() != units[at].Key {
					t.Fatalf("mp4ff: unit %d at %d, want %d", at, s.PresentationTime(), units[at].PTS)
				}
				at++
			}
		}
	}
	if at != len(units) {
		t.Errorf("mp4ff: %d units, want %d", at, len(units))
	}
}

// checkOurs reads with our own reader, as analyze does.
func checkOurs(t *testing.T, c markers.Clock, units []stream.Unit, names []string) {
	t.Helper()
	at, events, want := 0, 0, eventsOf(units)
	for _, name := range names[1:] {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r := mp4.NewSegmentReader([]byte(readFile(t, "", names[0])), f)
		r.HandleEvents(func(e mp4.Event) {
			frames, err := id3.Parse(e.Data)
			if err != nil {
				t.Fatal(err)
			}
			m, ok, err := annotate.MarkerOfID3(frames)
			if !ok || err != nil || m.ID != want[events].ID || e.PTS != c.PTS(m.Frame) {
				t.Errorf("event %+v: %+v, %v", e, m, err)
			}
			events++
		})
		r.HandleProducerTimes(func(p mp4.ProducerTime) {
			if n := units[at].Frame; !p.UTC.Equal(genOf(c, n)) || p.PTS != units[at].PTS || p.Flags != 24 {
				t.Errorf("producer time %+v, want %v", p, genOf(c, n))
			}
		})
		for {
			u, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil || u.PTS != units[at].PTS || u.Key != units[at].Key {
				t.Fatalf("unit %d: PTS %d, key %v, %v; want %d", at, u.PTS, u.Key, err, units[at].PTS)
			}
			at++
		}
	}
	if at != len(units) || events != len(want) {
		t.Errorf("%d units and %d events, want %d and %d", at, events, len(units), len(want))
	}
}

// TestContainers changes the containers from run to run: what is there stays in the playlists of its container, and what is
// not is a gap there; files that no playlist can name are removed.
func TestContainers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var recs []markers.SegmentRecord
	next := int64(0)
	step := func(containers ...Container) {
		o := testOptions(dir, testChannel(pal, 50), 8)
		o.Containers, o.Segments = containers, recs
		w := mustNew(t, o)
		recs = append(recs, put(t, w, next, next+1)...)
		next += 2
	}
	shapes := func(want ...string) {
		t.Helper()
		for i, name := range []string{MediaPlaylist, "index-fmp4.m3u8", "index-ts.m3u8"} {
			got := ""
			for _, l := range lines(readOptional(dir, name)) {
				switch {
				case l == "#EXT-X-GAP":
					got += "G"
				case strings.HasPrefix(l, "#EXT-X-MAP"):
					got += "M"
				case strings.HasPrefix(l, "#EXTINF"):
					got += "S"
				}
			}
			if got != want[i] {
				t.Errorf("%s is %s, want %s", name, got, want[i])
			}
		}
	}
	step(TS)
	shapes("SS", "", "")
	step(TS, FMP4)
	shapes("SSSS", "GSGSMSS", "")
	step(FMP4) // gaps at the front are left out
	shapes("MSSSS", "", "")
	step(FMP4, TS)
	shapes("GSGSMSSSSSS", "", "SSSSGSGSSS")
	if got := files(t, dir); strings.Count(got, "init-") != 1 || recs[2].Also.Init == "" || recs[4].Init != recs[2].Also.Init || recs[0].Init != "" {
		t.Errorf("files %s, records %+v", got, recs)
	}
}

func readOptional(dir, name string) string {
	b, _ := os.ReadFile(filepath.Join(dir, name))
	return string(b)
}

// TestContainerFails loses a slot in all containers where its file can't be written in one.
func TestContainerFails(t *testing.T) {
	t.Parallel()
	for _, part := range []string{".ts", ".m4s", initPrefix} {
		dir := t.TempDir()
		o := testOptions(dir, testChannel(pal, 50), 5)
		o.Containers = []Container{TS, FMP4}
		w, d := faultyWriter(t, o)
		if part != initPrefix {
			put(t, w, 0)
		}
		d.write = fail(part)
		_, lost := putFailing(t, w, 1)
		d.write = nil
		put(t, w, 2)
		if lost == nil || strings.Contains(files(t, dir), "1 ") && part != initPrefix {
			t.Errorf("%s: %v, %s", part, lost, files(t, dir))
		}
		for _, name := range []string{MediaPlaylist, "index-fmp4.m3u8"} {
			if text := readFile(t, dir, name); part != initPrefix && strings.Count(text, "#EXT-X-GAP") != 1 || strings.Count(text, "#EXT-X-MAP") > 1 {
				t.Errorf("%s: %s", part, text)
			}
		}
	}
}

// TestNewParameterSets begins a segment with other parameter sets: it has an initialization section of its own, and the old
// one is removed with the last segment that needs it.
func TestNewParameterSets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := testOptions(dir, testChannel(pal, 50), 5)
	o.Containers = []Container{FMP4}
	w := mustNew(t, o)
	put(t, w, 0, 1)
	w.Abandon()
	for msn := int64(2); msn < 20; msn++ {
		putOtherSets(t, w, msn)
		if n := strings.Count(files(t, dir), initPrefix); n != 2 && msn < 7 || n != 1 && msn > 13 {
			t.Errorf("after slot %d there are %d initialization sections", msn, n)
		}
		if n := strings.Count(readFile(t, dir, MediaPlaylist), "#EXT-X-MAP"); n != 2 && msn < 6 || n != 1 && msn > 7 {
			t.Errorf("after slot %d the playlist has %d EXT-X-MAP", msn, n)
		}
	}
}

// putOtherSets writes a slot with other parameter sets than put.
func putOtherSets(t *testing.T, w *Writer, msn int64) {
	t.Helper()
	for _, au := range slot(w.clock, msn) {
		if au.Key {
			au.NALs = slices.Clone(au.NALs)
			au.NALs[1] = []byte{0x68, 0xEF, 0x8F, 0xCB, 0x80}
			au.Track = h264.Track(nil, au.NALs)
		}
		if _, err := w.Write(stream.Unit{Unit: au}); err != nil {
			t.Fatal(err)
		}
	}
}
