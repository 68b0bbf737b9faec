package packager

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

// tracked is a channel with sound and a second rendition of pictures.
func tracked(rate media.FrameRate, frames int64) markers.Channel {
	c := testChannel(rate, frames)
	c.Audio, c.Ladder = true, []markers.Rendition{{Name: "640x360", Width: 640, Height: 360, Bitrate: 500_000}}
	return c
}

func trackedOptions(dir string, c markers.Channel, window int64, containers ...Container) Options {
	o := testOptions(dir, c, window)
	o.Containers = containers
	return o
}

// soundUnits are the units of sound that begin in the slots from first to last.
func soundUnits(t testing.TB, c markers.Clock, first, last int64) (list []media.Unit) {
	t.Helper()
	track, err := aac.Config{ObjectType: aac.LC, SampleRate: media.SampleRate, Channels: 2}.Track()
	if err != nil {
		t.Fatal(err)
	}
	track.Rendition = markers.SoundRendition
	from, to := c.Rate.Sample(c.FirstFrame(first)), c.Rate.Sample(c.FirstFrame(last+1))
	for n := (from + 1023) / 1024 * 1024; n < to; n += 1024 {
		list = append(list, media.Unit{Track: track, Frame: n, PTS: 48000 + n, DTS: 48000 + n, Key: true, Sound: []byte(fmt.Sprintf("sound %08d", n))})
	}
	return list
}

// ofRung are units as another rendition's.
func ofRung(units []media.Unit, name string) (list []media.Unit) {
	for _, u := range units {
		track := media.Track{Codec: media.H264, Timescale: 90000, Rendition: name}
		if u.Track != nil {
			track = *u.Track
			track.Rendition = name
		}
		u.Track = &track
		list = append(list, u)
	}
	return list
}

// merge puts units of several tracks in one order, by decoding time and then by track.
func merge(tracks ...[]media.Unit) []media.Unit {
	all := slices.Concat(tracks...)
	ticks := func(u media.Unit) int64 {
		if u.Codec() == media.AAC {
			return media.MulDivFloor(u.DTS, 90000, 48000)
		}
		return u.DTS
	}
	slices.SortStableFunc(all, func(a, b media.Unit) int { return cmp.Compare(ticks(a), ticks(b)) })
	return all
}

// trackedSlots are the units of slots of a tracked channel. The second rendition is coded in another order than the first, without
// pictures ahead of their turn, so that it ends a slot after the first has begun the next one.
func trackedSlots(t testing.TB, c markers.Clock, first, last int64) []media.Unit {
	t.Helper()
	var a, b []media.Unit
	for msn := first; msn <= last; msn++ {
		a = append(a, slot(c, msn)...)
		b = append(b, second(c, c.FirstFrame(msn), c.FirstFrame(msn+1)-1)...)
	}
	return merge(a, b, soundUnits(t, c, first, last))
}

// second are the frames first to last of the second rendition.
func second(c markers.Clock, first, last int64) (list []media.Unit) {
	for n := first; n <= last; n++ {
		u := unit(c, n, 100)
		u.DTS = u.PTS
		list = append(list, u)
	}
	return ofRung(list, "640x360")
}

// writeAll writes units, and returns the records and the errors.
func writeAll(w *Writer, units []media.Unit) (recs []markers.SegmentRecord, errs []error) {
	for _, u := range units {
		rec, err := w.Write(stream.Unit{Unit: u})
		if rec != nil {
			recs = append(recs, *rec)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return recs, errs
}

// trackedPlaylists are the media playlists of a tracked channel, the first one the first.
func trackedPlaylists(containers ...Container) (names []string) {
	for i, c := range containers {
		for _, rendition := range []string{"", "640x360", markers.SoundRendition} {
			if rendition != markers.SoundRendition || c == FMP4 {
				names = append(names, playlistFile(MediaPlaylist, rendition, c, i == 0))
			}
		}
	}
	return names
}

// sameShape checks that playlists in a folder are the same but for the names of files, that every file they name is there, and
// returns the shape: S for a segment, G for a gap, | for a discontinuity, a . for the end.
func sameShape(t testing.TB, dir string, playlists ...string) (shape string) {
	t.Helper()
	var want []m3u8.MediaSegment
	for i, name := range playlists {
		p, err := m3u8.Parse(strings.NewReader(readOptional(dir, name)))
		if err != nil || p.Media == nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := ""
		for k := range p.Media.Segments {
			s := &p.Media.Segments[k]
			if msn, ok := SegmentNumber(s.URI); !ok || msn != s.MSN {
				t.Errorf("%s: segment %d is called %s", name, s.MSN, s.URI)
			}
			if info, err := os.Stat(filepath.Join(dir, s.URI)); (err == nil && info.Size() > 0) == s.Gap {
				t.Errorf("%s: %s, gap %v: %v", name, s.URI, s.Gap, err)
			}
			if s.Discontinuity {
				got += "|"
			}
			got += map[bool]string{false: "S", true: "G"}[s.Gap]
			s.URI, s.Line, s.Map = "", 0, nil
		}
		if p.Media.End {
			got += "."
		}
		if i == 0 {
			want, shape = p.Media.Segments, got
		}
		if got != shape || !reflect.DeepEqual(p.Media.Segments, want) {
			t.Errorf("%s is %s, %+v, and the first playlist %s, %+v", name, got, p.Media.Segments, shape, want)
		}
	}
	return shape
}

// TestTracksFiles names what is published.
func TestTracksFiles(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		containers []Container
		want       string
	}{
		{[]Container{TS}, "index-640x360.m3u8 index.m3u8 master.m3u8 7 7"},
		{[]Container{FMP4}, "index-640x360.m3u8 index-audio.m3u8 index.m3u8 init init master.m3u8 7 7 7"},
		{[]Container{TS, FMP4}, "index-640x360-fmp4.m3u8 index-640x360.m3u8 index-audio-fmp4.m3u8 index-fmp4.m3u8 index.m3u8 init init master-fmp4.m3u8 master.m3u8 7 7 7 7 7"},
	} {
		dir := t.TempDir()
		w := mustNew(t, trackedOptions(dir, tracked(ntsc, 60), 5, tc.containers...))
		recs, errs := writeAll(w, trackedSlots(t, w.clock, 7, 7))
		if len(errs) > 0 || len(recs) != 1 {
			t.Fatalf("%d records, %v", len(recs), errs)
		}
		var names []string
		for name := range strings.FieldsSeq(files(t, dir)) {
			if strings.HasPrefix(name, initPrefix) {
				name = "init"
			}
			names = append(names, name)
		}
		if got := strings.Join(names, " "); got != tc.want {
			t.Errorf("%v: files %s, want %s", tc.containers, got, tc.want)
		}
		if got := sameShape(t, dir, trackedPlaylists(tc.containers...)...); got != "S" {
			t.Error(got)
		}
		for _, f := range recs[0].Files() {
			if got := int64(len(readFile(t, dir, f.URI))); got != f.Bytes || got == 0 {
				t.Errorf("%s has %d bytes, its record %d", f.URI, got, f.Bytes)
			}
		}
	}
}

// TestTracksIncomplete loses, doubles and spoils units: the slot is a gap in all playlists, and the others are whole.
func TestTracksIncomplete(t *testing.T) {
	t.Parallel()
	c := tracked(ntsc, 60).Clock()
	kinds := map[string]func(u media.Unit) bool{
		"first":  func(u media.Unit) bool { return u.Codec() == media.H264 && u.Track.Rendition == "" },
		"second": func(u media.Unit) bool { return u.Codec() == media.H264 && u.Track.Rendition != "" },
		"sound":  func(u media.Unit) bool { return u.Codec() == media.AAC },
	}
	units := trackedSlots(t, c, 7, 10)
	for i := range units {
		if units[i].Track == nil {
			units[i].Track = &media.Track{Timescale: 90000}
		}
	}
	inSlot := func(u media.Unit) bool {
		if u.Codec() == media.AAC {
			return u.Frame >= c.Rate.Sample(c.FirstFrame(8)) && u.Frame < c.Rate.Sample(c.FirstFrame(9))
		}
		return c.MSN(u.Frame) == 8
	}
	changes := map[string]func(list []media.Unit, i int) []media.Unit{
		"lost":    func(list []media.Unit, i int) []media.Unit { return slices.Delete(list, i, i+1) },
		"doubled": func(list []media.Unit, i int) []media.Unit { return slices.Insert(list, i, list[i]) },
		"late":    func(list []media.Unit, i int) []media.Unit { list[i].PTS++; return list },
		"swapped": func(list []media.Unit, i int) []media.Unit {
			for k := i + 1; k < len(list); k++ {
				if list[k].Track.Rendition == list[i].Track.Rendition {
					list[i], list[k] = list[k], list[i]
					break
				}
			}
			return list
		},
	}
	for kind, is := range kinds {
		var of []int
		for i, u := range units {
			if is(u) && inSlot(u) {
				of = append(of, i)
			}
		}
		for what, change := range changes {
			for place, i := range map[string]int{"first": of[0], "middle": of[len(of)/2], "last": of[len(of)-1]} {
				name := fmt.Sprintf("%s unit of %s %s", place, kind, what)
				wantShape, wantLost := "SGSS.", 1
				switch {
				case place == "last" && what == "swapped": // with one of the next slot: two are lost
					continue
				case place == "last" && what == "doubled" && kind == "sound": // the slot has been published by then
					wantShape, wantLost = "SSSS.", 0
				}
				dir := t.TempDir()
				w := mustNew(t, trackedOptions(dir, tracked(ntsc, 60), 5, TS, FMP4))
				recs, errs := writeAll(w, change(slices.Clone(units), i))
				lost := 0
				for _, err := range errs {
					var p *PublishError
					if errors.As(err, &p) {
						lost++
						if p.MSN != 8 || p.First != c.FirstFrame(8) {
							t.Errorf("%s: %+v", name, p)
						}
					} else if !errors.Is(err, ErrUnit) {
						t.Errorf("%s: %v", name, err)
					}
				}
				if _, err := w.Close(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if shape := sameShape(t, dir, trackedPlaylists(TS, FMP4)...); shape != wantShape || len(recs) != strings.Count(shape, "S") || lost != wantLost {
					t.Errorf("%s: %s, %d records, %d lost: %v", name, shape, len(recs), lost, errs)
				}
				if list := " " + files(t, dir) + " "; strings.Contains(list, " 8 ") != (wantLost == 0) {
					t.Errorf("%s: files %s", name, list)
				}
			}
		}
	}
}
