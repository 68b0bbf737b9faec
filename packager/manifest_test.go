package packager

import (
	"encoding/base64"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	dash "github.com/Eyevinn/dash-mpd/mpd"
	other "github.com/Eyevinn/mp4ff/mp4"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/format/mpd"
	"github.com/refstream/refstream/internal/dashtest"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

// readMPD reads the manifest of a directory, its only Representation's template, and its text.
func readMPD(t *testing.T, dir string) (*dash.MPD, *dash.SegmentTemplateType, string) {
	t.Helper()
	text := readFile(t, dir, Manifest)
	dashtest.Check(t, []byte(text))
	m, err := mpd.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Periods) != 1 || len(m.Periods[0].AdaptationSets) != 1 || len(m.Periods[0].AdaptationSets[0].Representations) != 1 {
		t.Fatalf("not one Period of one AdaptationSet of one Representation: %s", text)
	}
	return m, m.Periods[0].AdaptationSets[0].Representations[0].SegmentTemplate, text
}

// listed is a segment by its manifest.
type listed struct {
	number     int64
	start, end int64
	gap        bool
}

func listSegments(s *dash.SegmentTemplateType) (list []listed) {
	number, at := int64(*s.StartNumber), int64(0)
	for _, e := range s.SegmentTimeline.S {
		if e.T != nil {
			at = int64(*e.T)
		}
		for range e.R + 1 {
			l := listed{number, at, at + int64(e.D), false}
			if s.FailoverContent != nil {
				l.gap = slices.ContainsFunc(s.FailoverContent.FCS, func(f *dash.FCS) bool { return int64(f.T) == at && f.D == e.D })
			}
			list = append(list, l)
			number, at = number+1, l.end
		}
	}
	return list
}

// TestManifest publishes at rates whose frames are and are not whole ticks, with a gap, a restart and a discontinuity: each segment of
// the manifest has the number and the very times of the grid, availabilityStartTime never changes, and publishTime changes when, and
// only when, something else does.
func TestManifest(t *testing.T) {
	t.Parallel()
	for _, s := range []struct {
		rate       media.FrameRate
		perSegment int64
	}{{pal, 50}, {ntsc, 60}, {media.FrameRate{Num: 24000, Den: 1001}, 47}, {media.FrameRate{Num: 37, Den: 1}, 55}, {media.FrameRate{Num: 60000, Den: 1001}, 119}} {
		t.Run(s.rate.String(), func(t *testing.T) {
			t.Parallel()
			dir, ch := t.TempDir(), testChannel(s.rate, s.perSegment)
			c := ch.Clock()
			o := testOptions(dir, ch, 12)
			o.Containers, o.DASH = []Container{TS, FMP4}, &DASH{BaseURL: "../../hls/main/", TimeURL: "../../time"}
			const base = 1_000_000
			var recs []markers.SegmentRecord
			var last, start string
			var published time.Time
			look := func(first, newest int64, gaps ...int64) {
				t.Helper()
				m, template, text := readMPD(t, dir)
				at, err := mpd.ParseDateTime(m.PublishTime)
				if err != nil {
					t.Fatal(err)
				}
				bare := strings.Replace(text, string(m.PublishTime), "", 1)
				if changed := bare != last; changed != at.After(published) || at.Before(published) {
					t.Errorf("publishTime %v after %v, and the rest changed: %v", at, published, changed)
				}
				if last, published = bare, at; start == "" {
					start = string(m.AvailabilityStartTime)
				}
				if begin, err := mpd.ParseDateTime(m.AvailabilityStartTime); err != nil || string(m.AvailabilityStartTime) != start || !begin.Add(time.Second).Equal(ch.Epoch) {
					t.Errorf("availabilityStartTime %s, %v", m.AvailabilityStartTime, err)
				}
				if offset := template.PresentationTimeOffset; offset != nil && *offset != 0 || *template.Timescale != 90000 {
					t.Errorf("%s", text)
				}
				sameAsPlaylist(t, dir, text, "", "index-fmp4.m3u8")
				list := listSegments(template)
				if list[0].number != base+first || list[len(list)-1].number != base+newest {
					t.Errorf("segments %d to %d, want %d to %d", list[0].number-base, list[len(list)-1].number-base, first, newest)
				}
				for i, l := range list {
					want := listed{list[0].number + int64(i), c.PTS(c.FirstFrame(l.number)), c.PTS(c.FirstFrame(l.number + 1)), slices.Contains(gaps, l.number-base)}
					if l != want {
						t.Errorf("segment %+v, want %+v", l, want)
					}
					if there := (directory{path: dir}).has(FMP4.SegmentFile(l.number)); there == l.gap {
						t.Errorf("segment %d is a gap: %v, and its file is there: %v", l.number-base, l.gap, there)
					}
				}
			}
			w := mustNew(t, o)
			for i := range int64(5) {
				recs = append(recs, put(t, w, base+i)...)
				look(0, i)
			}
			if err := w.writePlaylists(); err != nil { // nothing new
				t.Fatal(err)
			}
			look(0, 4)
			w.Abandon()
			recs = append(recs, put(t, w, base+6)...)
			look(0, 6, 5)
			if _, err := w.Close(); err != nil {
				t.Fatal(err)
			}
			look(0, 6, 5)
			if m, _, text := readMPD(t, dir); m.MinimumUpdatePeriod != nil || m.MediaPresentationDuration == nil {
				t.Errorf("the manifest of a stream that has ended: %s", text)
			}
			o.Segments = recs
			w = mustNew(t, o) // what is there is live again before the first segment
			look(0, 6, 5)
			if m, _, text := readMPD(t, dir); m.MinimumUpdatePeriod == nil || m.MediaPresentationDuration != nil {
				t.Errorf("the manifest of a stream that is live again: %s", text)
			}
			put(t, w, base+9)
			look(0, 9, 5, 7, 8)
			put(t, w, base+17)
			look(6, 17, 7, 8, 10, 11, 12, 13, 14, 15, 16)
		})
	}
}

// sameAsPlaylist compares a Representation, by the reader of those of others, with the playlist of the same segments.
func sameAsPlaylist(t *testing.T, dir, text, representation, name string) {
	t.Helper()
	read, numbered, err := mpd.Reader{Representation: representation}.Read([]byte(text))
	if err != nil || !numbered || read.Media == nil {
		t.Fatalf("%+v, %v", read, err)
	}
	playlist, err := m3u8.Parse(strings.NewReader(readFile(t, dir, name)))
	if err != nil || playlist.Media.End != read.Media.End {
		t.Fatalf("end %v, %v", read.Media.End, err)
	}
	want := playlist.Media.Segments
	for len(want) > 0 && want[0].Gap { // a manifest begins with a segment
		want = want[1:]
	}
	if len(want) != len(read.Media.Segments) {
		t.Fatalf("%d segments, the playlist has %d", len(read.Media.Segments), len(want))
	}
	tick := time.Second / 90000
	if strings.Contains(name, markers.SoundRendition) {
		tick = time.Second * 1024 / media.SampleRate // sound is cut at its units
	}
	for i, s := range read.Media.Segments {
		w := want[i]
		if s.URI != "../../hls/main/"+w.URI || s.MSN != w.MSN || s.Gap != w.Gap || s.ProgramDateTime.Sub(w.ProgramDateTime).Abs() > tick ||
			time.Duration(s.Duration-w.Duration).Abs() > tick || !s.Gap && s.Map.URI != "../../hls/main/"+w.Map.URI {
			t.Errorf("segment %+v, in the playlist %+v", s, w)
		}
	}
}

// TestManifestEvents compares the events of the manifest with those that the segments carry.
func TestManifestEvents(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := testOptions(dir, testChannel(ntsc, 60), 12)
	o.Containers, o.DASH = []Container{FMP4}, &DASH{}
	w := mustNew(t, o)
	m := event(w.clock, "main-e70", 70, 130)
	m.PTS = w.clock.PTS(70)
	w.addMarker(m)
	put(t, w, 0, 1, 2)
	got, _, text := readMPD(t, dir)
	streams := got.Periods[0].EventStreams
	if len(streams) != 1 || len(streams[0].Events) != 1 {
		t.Fatal(text)
	}
	e := streams[0].Events[0]
	tag, err := base64.StdEncoding.DecodeString(strings.TrimSpace(e.Value))
	if err != nil {
		t.Fatal(err)
	}
	frames, err := id3.Parse(tag)
	if err != nil {
		t.Fatal(err)
	}
	read, ok, err := annotate.MarkerOfID3(frames)
	if !ok || err != nil || read.ID != m.ID || int64(e.PresentationTime) != m.PTS || *e.Id != 70 || int64(e.Duration) != w.clock.PTS(131)-m.PTS {
		t.Errorf("%+v: %+v, %v", e, read, err)
	}
}

// TestManifestVOD has ffprobe read the manifest of a clip that begins late, and its reader of HLS the same segments.
func TestManifestVOD(t *testing.T) {
	t.Parallel()
	dir, ch := t.TempDir(), testChannel(media.FrameRate{Num: 24000, Den: 1001}, 47)
	c := ch.Clock()
	o := testOptions(dir, ch, 0)
	o.Containers, o.DASH = []Container{FMP4}, &DASH{}
	w := mustNew(t, o)
	units := encode(t, c, c.FirstFrame(1000), 3*47+20, 2)
	for _, au := range units {
		if _, err := w.Write(stream.Unit{Unit: au}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	m, template, text := readMPD(t, dir)
	list := listSegments(template)
	last := units[0].Frame + int64(len(units))
	if m.PublishTime != "" || m.GetType() != dash.STATIC_TYPE || len(list) != 4 || list[3].end != c.PTS(last) || int64(*template.PresentationTimeOffset) != list[0].start ||
		time.Duration(*m.MediaPresentationDuration).Milliseconds() != (list[3].end-list[0].start+89)/90 {
		t.Error(text)
	}
	var want []probed
	for _, u := range slices.SortedFunc(slices.Values(units), func(a, b media.Unit) int { return int(a.PTS - b.PTS) }) {
		want = append(want, probed{u.PTS & media.PTSMask, u.Key})
	}
	if got := probe(t, filepath.Join(dir, Manifest)); !slices.Equal(got, want) {
		t.Errorf("ffprobe reads %d frames %v, want %d %v", len(got), got[:min(3, len(got))], len(want), want[:3])
	}
}

// TestManifestNewParameterSets begins the manifest where its initialization section does.
func TestManifestNewParameterSets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := testOptions(dir, testChannel(pal, 50), 12)
	o.Containers, o.DASH = []Container{FMP4}, &DASH{}
	w := mustNew(t, o)
	put(t, w, 0, 1)
	_, old, _ := readMPD(t, dir)
	w.Abandon()
	putOtherSets(t, w, 3)
	_, now, text := readMPD(t, dir)
	if list := listSegments(now); len(list) != 1 || list[0].number != 3 || now.Initialization == old.Initialization {
		t.Error(text)
	}
	if _, err := New(Options{Dir: t.TempDir(), Channel: testChannel(pal, 50), Window: 12, DASH: &DASH{}, Now: time.Now}); err == nil || !strings.Contains(err.Error(), "fmp4") {
		t.Errorf("DASH without fragmented MP4: %v", err)
	}
	o.DASH = nil
	mustNew(t, o)
	if strings.Contains(files(t, dir), Manifest) {
		t.Error("the manifest of an earlier run is left")
	}
}

// TestManifestNumbers refuses a segment whose number DASH has no room for.
func TestManifestNumbers(t *testing.T) {
	t.Parallel()
	o := testOptions(t.TempDir(), testChannel(media.FrameRate{Num: 240, Den: 1}, 1), 5000)
	o.Containers, o.DASH = []Container{FMP4}, &DASH{}
	w := mustNew(t, o)
	_, err := w.Write(stream.Unit{Unit: unit(w.clock, 1<<32, 500)})
	if err == nil || !strings.Contains(err.Error(), strconv.Itoa(1<<32)) || !strings.Contains(err.Error(), "32 bits") {
		t.Errorf("error %v", err)
	}
}

// TestManifestTracks compares the manifest of a channel with a ladder and sound with the playlist of each rendition, across a gap and a
// restart, and its times of sound with those in the files.
func TestManifestTracks(t *testing.T) {
	t.Parallel()
	for _, rate := range []media.FrameRate{pal, ntsc, {Num: 24000, Den: 1001}} {
		dir, ch := t.TempDir(), tracked(rate, 50)
		o := trackedOptions(dir, ch, 12, TS, FMP4)
		o.DASH = &DASH{BaseURL: "../../hls/main/"}
		look := func(slots int) {
			t.Helper()
			text := readFile(t, dir, Manifest)
			dashtest.Check(t, []byte(text))
			m, err := mpd.Parse([]byte(text))
			if err != nil || len(m.Periods[0].AdaptationSets) != 2 {
				t.Fatalf("%v: %s", err, text)
			}
			for i, rendition := range []string{"", "640x360", markers.SoundRendition} {
				sameAsPlaylist(t, dir, text, strconv.Itoa(i), playlistFile(MediaPlaylist, rendition, FMP4, false))
			}
			list := listSegments(m.Periods[0].AdaptationSets[1].Representations[0].SegmentTemplate)
			for i, l := range list {
				if l.gap {
					continue
				}
				file, err := other.DecodeFile(strings.NewReader(readFile(t, dir, FMP4.RenditionFile(markers.SoundRendition, l.number))))
				if err != nil {
					t.Fatal(err)
				}
				traf := file.Segments[0].Fragments[0].Moof.Traf
				at, length := int64(traf.Tfdt.BaseMediaDecodeTime()), int64(len(traf.Trun.Samples))*1024
				if l.start != at || l.end != at+length {
					t.Errorf("%v: segment %d of %d, sound from %d to %d, in the file from %d to %d", rate, i, len(list), l.start, l.end, at, at+length)
				}
			}
			if len(list) != slots {
				t.Errorf("%v: %d segments of sound, want %d", rate, len(list), slots)
			}
		}
		w := mustNew(t, o)
		recs, errs := writeAll(w, trackedSlots(t, w.clock, 3, 5))
		look(3)
		w.Abandon()
		more, others := writeAll(w, trackedSlots(t, w.clock, 7, 7))
		look(5)
		if o.Segments = slices.Concat(recs, more); len(errs)+len(others) > 0 {
			t.Fatal(errs, others)
		}
		mustNew(t, o)
		look(5)
	}
}
