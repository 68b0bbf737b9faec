package verify

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/flv/amf0"
	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/format/mp4"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// forger rewrites a stream, in what its parsers take out of the bytes. Each function may be nil.
type forger struct {
	unit     func(*media.Unit)
	marker   func(markers.Marker) []markers.Marker // timed ID3
	script   func(name string, args []any) [][]any // of FLV: what stands in its place
	produced func(time.Time) []time.Time           // of fragmented MP4
	playlist func(string) string
	bytes    func([]byte) []byte // the finished transport stream
	last     int                 // where it is not 0, so many units of a transport stream are kept
}

// transport rewrites a transport stream.
func (f *forger) transport(t *testing.T, in []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, r := ts.NewWriter(&out), ts.NewReader(bytes.NewReader(in))
	var errs []error
	r.HandleID3(func(tag id3.Timed) {
		frames, err := id3.Parse(tag.Tag)
		m, _, err2 := annotate.MarkerOfID3(frames)
		list := []markers.Marker{m}
		if f.marker != nil {
			list = f.marker(m)
		}
		errs = append(errs, err, err2)
		w.WriteID3(annotate.ID3(list...)...)
	})
	for n := 0; f.last == 0 || n < f.last; n++ {
		au, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if f.unit != nil {
			f.unit(&au)
		}
		errs = append(errs, err, w.WriteUnit(au))
		if errors.Join(errs...) != nil {
			break
		}
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if f.bytes != nil {
		return f.bytes(out.Bytes())
	}
	return out.Bytes()
}

// fragmented rewrites a segment of fragmented MP4.
func (f *forger) fragmented(t *testing.T, init, in []byte) []byte {
	t.Helper()
	var s mp4.Segment
	s.Reset(0)
	r := mp4.NewSegmentReader(init, bytes.NewReader(in))
	var errs []error
	r.HandleEvents(func(e mp4.Event) {
		frames, err := id3.Parse(e.Data)
		m, _, err2 := annotate.MarkerOfID3(frames)
		errs = append(errs, err, err2)
		list := []markers.Marker{m}
		if f.marker != nil {
			list = f.marker(m)
		}
		for _, tag := range annotate.ID3(list...) {
			e.Data, e.PTS = tag.Tag, tag.PTS
			s.AddEvent(e)
		}
	})
	r.HandleProducerTimes(func(p mp4.ProducerTime) {
		list := []time.Time{p.UTC}
		if f.produced != nil {
			list = f.produced(p.UTC)
		}
		for _, utc := range list {
			s.SetProduced(utc)
		}
	})
	end := int64(0)
	for {
		u, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		end = max(end, u.PTS+u.Duration)
		if f.unit != nil {
			f.unit(&u.Unit)
		}
		if errs = append(errs, err, s.AddUnit(u.Unit)); errors.Join(errs...) != nil {
			break
		}
	}
	b, err := s.Append(nil, end)
	if err := errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
	if f.bytes != nil {
		return f.bytes(b)
	}
	return b
}

// tags rewrites an FLV file.
func (f *forger) tags(t *testing.T, in []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, r := flv.NewWriter(&out), flv.NewReader(bytes.NewReader(in))
	for {
		tag, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out.Bytes()
		}
		list := []flv.Tag{tag}
		switch {
		case err != nil:
		case tag.Type == flv.Script && f.script != nil:
			var name string
			var args []any
			if name, args, err = flv.ParseScript(tag.Body); err != nil {
				break
			}
			list = nil
			for _, values := range f.script(name, args) {
				body, e := amf0.Append(nil, values...)
				err = errors.Join(err, e)
				list = append(list, flv.Tag{Type: flv.Script, Time: tag.Time, Body: body})
			}
		case tag.Type == flv.Video && f.unit != nil:
			list[0], err = f.videoTag(tag)
		}
		if err := errors.Join(err, w.Write(list...)); err != nil {
			t.Fatal(err)
		}
	}
}

func (f *forger) videoTag(tag flv.Tag) (flv.Tag, error) {
	v, err := flv.ParseVideo(tag.Body)
	if err != nil || v.Packet != flv.AVCNALUnits {
		return tag, err
	}
	au := media.Unit{DTS: int64(tag.Time) * 90}
	au.PTS = au.DTS + int64(v.Composition)*90
	for b := v.Data; len(b) > 4; {
		n := 4 + int(binary.BigEndian.Uint32(b))
		au.NALs = append(au.NALs, b[4:n])
		b = b[n:]
	}
	f.unit(&au)
	v.Data, v.Composition = nil, int32((au.PTS-au.DTS)/90)
	for _, nal := range au.NALs {
		v.Data = append(binary.BigEndian.AppendUint32(v.Data, uint32(len(nal))), nal...)
	}
	tag.Time, tag.Body = uint32(au.DTS/90), v.Append(nil)
	return tag, nil
}

// forge writes the forged stream of a carrier and returns its path.
func (f *forger) forge(t *testing.T, c *clip, carrier string) string {
	t.Helper()
	dir := t.TempDir()
	from := c.paths[carrier]
	names := []string{from}
	var init []byte
	if pattern := map[string]string{"hls": "seg*.ts", "cmaf": "seg*.m4s"}[carrier]; pattern != "" {
		segments, err := filepath.Glob(filepath.Join(filepath.Dir(from), pattern))
		if err != nil || len(segments) == 0 {
			t.Fatalf("%d segments, %v", len(segments), err)
		}
		names = append(names, segments...)
	}
	if carrier == "cmaf" {
		sections, err := filepath.Glob(filepath.Join(filepath.Dir(from), "init-*.mp4"))
		if err != nil || len(sections) != 1 {
			t.Fatalf("initialization sections %q, %v", sections, err)
		}
		names = append(names, sections[0])
		if init, err = os.ReadFile(sections[0]); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		switch filepath.Ext(name) {
		case ".flv":
			b = f.tags(t, b)
		case ".ts":
			b = f.transport(t, b)
		case ".m4s":
			b = f.fragmented(t, init, b)
		case ".mp4":
		default:
			if f.playlist != nil {
				b = []byte(f.playlist(string(b)))
			}
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, filepath.Base(from))
}

// forgery is one forged stream: what verify has to name.
type forgery struct {
	carrier string
	source  analyzer.Source
	op      string
	field   string
	forger  func(t *testing.T) *forger
	// again says that the pictures are to be decoded again.
	again bool
}

// forgeries are made from the list of what the truth has each carrier say.
func forgeries(c *clip) (list []forgery) {
	k := &checker{channel: verifytest.Channel(), clock: verifytest.Channel().Clock(), truth: c.truth, in: c.decoded["flv"]}
	k.in.units = []unit{{unitsInTick: 1, timeScale: 60}}
	r := &analyzer.Record{}
	const frame = 43
	m := &c.truth.Markers[0]
	each := func(carriers []string, source analyzer.Source, want fields, ops []string, make func(t *testing.T, op, name string) *forger) {
		for _, carrier := range carriers {
			for _, f := range want {
				list = append(list, forgery{carrier, source, opField, f.name, func(t *testing.T) *forger { return make(t, opField, f.name) }, false})
			}
			for _, op := range ops {
				list = append(list, forgery{carrier, source, op, "", func(t *testing.T) *forger { return make(t, op, "") }, false})
			}
		}
	}
	all, ops := []string{"hls", "cmaf", "ts", "flv"}, []string{opRemove, opDouble, opAdd}
	for source, want := range map[analyzer.Source]fields{
		analyzer.FrameRecord: k.expectedRecord(r, frame), analyzer.MISBTime: k.expectedMISB(r, frame), analyzer.PicTiming: k.expectedTiming(r, frame),
	} {
		each(all, source, want, ops, func(t *testing.T, op, name string) *forger { return forgeSEI(t, c, source, op, name, frame) })
	}
	each([]string{"hls", "cmaf", "ts"}, analyzer.ID3, k.expectedMarker(analyzer.ID3, m), ops, forgeID3)
	each([]string{"flv"}, analyzer.OnFI, k.expectedFI(r, 30), ops[:2], func(t *testing.T, op, name string) *forger { return forgeScript(t, "onFI", op, name) })
	each([]string{"flv"}, analyzer.OnCuePoint, k.expectedMarker(analyzer.OnCuePoint, m), ops[:2], func(t *testing.T, op, name string) *forger {
		return forgeScript(t, "onCuePoint", op, name)
	})
	each([]string{"flv"}, analyzer.OnMetaData, k.expectedMetadata(), nil, func(t *testing.T, op, name string) *forger {
		return forgeScript(t, "onMetaData", op, name)
	})
	each([]string{"hls"}, analyzer.DateRange, k.expectedDateRange(m), ops, func(t *testing.T, op, name string) *forger {
		return forgeRange(t, op, name, k.expectedDateRange(m))
	})
	for number := 2; number <= clipFrames/30-1; number++ {
		date := func(edit func(string) []string) func(*testing.T) *forger {
			return func(t *testing.T) *forger { return forgePlaylist(t, "#EXT-X-PROGRAM-DATE-TIME", number, edit) }
		}
		length := func(edit func(string) []string) func(*testing.T) *forger {
			return func(t *testing.T) *forger { return forgePlaylist(t, "#EXTINF", number, edit) }
		}
		twice := func(s string) []string { return []string{s, s} }
		list = append(list,
			forgery{"hls", analyzer.ProgramDateTime, opDouble, "", date(twice), false},
			forgery{"hls", analyzer.ProgramDateTime, opDouble, "", date(func(s string) []string {
				return []string{strings.Replace(s, ".000Z", ".040Z", 1), s}
			}), false},
			forgery{"hls", report.LengthTag, opDouble, "", length(twice), false},
			forgery{"hls", report.DiscontinuityTag, opAdd, "", length(func(s string) []string { return []string{"#EXT-X-DISCONTINUITY\n", s} }), false},
			forgery{"hls", analyzer.ProgramDateTime, opRemove, "", date(func(string) []string { return nil }), false},
			forgery{"hls", analyzer.ProgramDateTime, opField, "program_date_time", date(func(s string) []string {
				return []string{strings.Replace(s, ".000Z", ".040Z", 1)}
			}), false},
			forgery{"hls", report.LengthTag, opField, "EXTINF", length(func(string) []string { return []string{"#EXTINF:1.04,\n"} }), false})
	}
	produced := func(edit func(time.Time) []time.Time) func(*testing.T) *forger {
		return func(*testing.T) *forger {
			n := 0
			return &forger{produced: func(utc time.Time) []time.Time {
				if n++; n != 2 {
					return []time.Time{utc}
				}
				return edit(utc)
			}}
		}
	}
	list = append(list,
		forgery{"cmaf", analyzer.ProducerTime, opRemove, "", produced(func(time.Time) []time.Time { return nil }), false},
		forgery{"cmaf", analyzer.ProducerTime, opField, "utc", produced(func(utc time.Time) []time.Time { return []time.Time{utc.Add(40 * time.Millisecond)} }), false})
	for _, carrier := range all {
		tick := int64(1)
		switch carrier {
		case "flv":
			tick = 90
		case "cmaf": // whose decoding times may be rounded by a tick in another way
			tick = 2
		}
		move := func(pts, dts int64) func(*testing.T) *forger {
			return func(*testing.T) *forger {
				n := 0
				return &forger{unit: func(au *media.Unit) {
					if au.PTS > 120000 {
						if n++; n == 3 { // with room between DTS and PTS
							au.PTS, au.DTS = au.PTS+pts, au.DTS+dts
						}
					}
				}}
			}
		}
		list = append(list, forgery{carrier, report.DTSClock, opField, "dts", move(0, -tick), false}, forgery{carrier, report.PTSClock, opField, "pts", move(tick, tick), true})
	}
	return list
}

// named says whether a finding names what was forged.
func (f forgery) named(found report.Finding) bool {
	clocks := strings.Split(found.Clock, ",")
	if !slices.ContainsFunc(clocks, func(s string) bool { return strings.HasPrefix(s, string(f.source)) }) || found.Allowed {
		return false
	}
	switch f.op {
	case opRemove:
		return slices.Contains([]report.Kind{report.ClockGaps, report.ClockGone, report.Unannounced}, found.Kind)
	case opDouble:
		return found.Kind == report.Doubled
	case opAdd:
		return found.Kind == report.Doubled || found.Kind == report.Added || found.Kind == report.Misreported
	}
	return found.Field == f.field
}

// Whatever field of whatever statement is forged on whatever carrier, verify finds it and names it; what is not forged is
// true, also where it was rewritten.
func TestForgeries(t *testing.T) {
	t.Parallel()
	c := newClip(t)
	for carrier, path := range c.paths {
		for _, p := range []string{path, (&forger{unit: func(*media.Unit) {}}).forge(t, c, carrier)} {
			if r := c.judge(t, carrier, p); r.Verdict != report.True || len(r.Findings) > 0 {
				t.Errorf("%s, untouched: %s: %v", carrier, r.Verdict, textsOf(r))
			}
		}
	}
	list := forgeries(c)
	counts := map[string]int{}
	for i, f := range list {
		if testing.Short() && i%3 != 0 {
			continue
		}
		counts[f.carrier]++
		t.Run(fmt.Sprintf("%s %s %s %s", f.carrier, f.source, f.op, f.field), func(t *testing.T) {
			path := f.forger(t).forge(t, c, f.carrier)
			var r *report.Report
			if f.again {
				var err error
				if r, err = Run(t.Context(), path, given{verifytest.Channel(), c.truth}, Options{Now: time.Now}); err != nil {
					t.Fatal(err)
				}
			} else {
				r = c.judge(t, f.carrier, path)
			}
			if r.Verdict != report.NotTrue || !slices.ContainsFunc(r.Findings, f.named) {
				t.Errorf("%s: %v", r.Verdict, textsOf(r))
			}
		})
	}
	if len(list) < 100 {
		t.Errorf("only %d forgeries", len(list))
	}
	for _, carrier := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%s: %d forged streams", carrier, counts[carrier])
	}
}

func textsOf(r *report.Report) (list []string) {
	for _, f := range r.Findings {
		list = append(list, string(f.Kind)+": "+f.Text)
	}
	return list
}
