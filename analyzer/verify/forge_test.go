package verify

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
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
	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/h264"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/outputs/flv"
	"github.com/refstream/refstream/outputs/flv/amf0"
	"github.com/refstream/refstream/outputs/ts"
)

// forger rewrites a stream, in what its parsers take out of the bytes. Each function may be nil.
type forger struct {
	unit     func(*media.AccessUnit)
	marker   func(markers.Marker) []markers.Marker // timed ID3
	script   func(name string, args []any) [][]any // of FLV: what stands in its place
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
	r.HandleID3(func(tag ts.TimedID3) {
		m, _, err := tag.Marker()
		list := []markers.Marker{m}
		if f.marker != nil {
			list = f.marker(m)
		}
		errs = append(errs, err)
		for _, m := range list {
			errs = append(errs, w.WriteMarker(m))
		}
	})
	begun := false
	for n := 0; f.last == 0 || n < f.last; n++ {
		au, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if !begun {
			begun = true
			// Tags in front of the first unit came with it.
			before := bytes.Clone(out.Bytes())
			out.Reset()
			errs = append(errs, w.WriteTables())
			out.Write(before)
		} else if n%10 == 0 { // 0.33 s
			errs = append(errs, w.WriteTables())
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
	au := media.AccessUnit{DTS: int64(tag.Time) * 90}
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
	if carrier == "hls" {
		segments, err := filepath.Glob(filepath.Join(filepath.Dir(from), "seg*.ts"))
		if err != nil || len(segments) == 0 {
			t.Fatalf("%d segments, %v", len(segments), err)
		}
		names = append(names, segments...)
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

// Ways of forging a statement.
const (
	opField  = "field"
	opRemove = "remove"
	opDouble = "double"
	opAdd    = "add"
)

// changed is another value of the same kind.
func changed(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n + 1
		}
		f, _ := v.Float64()
		return f + 1
	case float64:
		return v + 1
	case bool:
		return !v
	case string:
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return t.Add(3 * time.Millisecond).Format(time.RFC3339Nano)
		}
		return v + "x"
	}
	return "main-e99"
}

// changeJSON changes the member at a path of names with points between them.
func changeJSON(t *testing.T, text []byte, path string) []byte {
	t.Helper()
	var v map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	in := v
	names := strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		in, _ = in[name].(map[string]any)
	}
	last := names[len(names)-1]
	if _, ok := in[last]; !ok {
		t.Fatalf("no member %s in %s", path, text)
	}
	in[last] = changed(in[last])
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// seiSource says what a message states, empty for what is none of ours.
func seiSource(m h264.SEIMessage) analyzer.Source {
	switch {
	case m.Type == h264.SEIPicTiming:
		return analyzer.PicTiming
	case m.Type != h264.SEIUserDataUnregistered:
		return ""
	case bytes.HasPrefix(m.Payload, []byte(h264.UUIDMISBTime)):
		return analyzer.MISBTime
	case bytes.HasPrefix(m.Payload, []byte(annotate.RecordUUID)):
		return analyzer.FrameRecord
	}
	return ""
}

// forgeSEI forges the statement of a source in the unit of a frame.
func forgeSEI(t *testing.T, c *clip, source analyzer.Source, op, name string, frame int64) *forger {
	done := false
	var other []byte // the statement of another frame
	f := &forger{}
	f.unit = func(au *media.AccessUnit) {
		for i, nal := range au.NALs {
			if h264.TypeOf(nal) != h264.NALSEI {
				continue
			}
			list, err := h264.ParseSEI(nal)
			if err != nil {
				t.Fatal(err)
			}
			k := slices.IndexFunc(list, func(m h264.SEIMessage) bool { return seiSource(m) == source })
			if k < 0 {
				continue
			}
			// FLV's time stamps are in milliseconds.
			if at := testChannel().Clock().PTS(frame); au.PTS > at+45 || au.PTS < at-45 {
				other = bytes.Clone(list[k].Payload)
				continue
			}
			done = true
			switch m := list[k]; op {
			case opRemove:
				list = slices.Delete(list, k, k+1)
			case opDouble:
				list = slices.Insert(list, k, m)
			case opAdd:
				list = append(list, h264.SEIMessage{Type: m.Type, Payload: other})
			default:
				list[k].Payload = forgePayload(t, c, source, name, m.Payload)
			}
			au.NALs = slices.Clone(au.NALs)
			au.NALs[i] = h264.AppendSEI(nil, list)
		}
	}
	t.Cleanup(func() {
		if !done && !t.Failed() {
			t.Errorf("%s %s: nothing was forged", source, name)
		}
	})
	return f
}

// forgePayload changes a field of a message.
func forgePayload(t *testing.T, c *clip, source analyzer.Source, name string, payload []byte) []byte {
	t.Helper()
	switch source {
	case analyzer.FrameRecord:
		return append([]byte(annotate.RecordUUID), changeJSON(t, payload[len(annotate.RecordUUID):], name)...)
	case analyzer.MISBTime:
		s, _ := h264.ParseMISBTime(payload)
		bits := map[string]uint8{"status": 0x01, "locked": 0x80, "discontinuity": 0x40, "reverse": 0x20}
		if s.Status ^= bits[name]; name == "us" {
			s.Micros++
		}
		return s.Append(nil)
	}
	p, err := h264.ParsePicTiming(payload, c.sps)
	if err != nil {
		t.Fatal(err)
	}
	s := &p.Timestamps[0]
	change, ok := map[string]func(){
		"clock_timestamp_flag": func() { *s = h264.ClockTimestamp{} }, "cnt_dropped_flag": func() { s.CntDropped = !s.CntDropped },
		"counting_type": func() { s.CountingType ^= 4 }, "ct_type": func() { s.ScanType++ },
		"discontinuity_flag": func() { s.Discontinuity = !s.Discontinuity }, "full_timestamp_flag": func() { s.Full = !s.Full },
		"hours_value": func() { s.Hours++ }, "minutes_value": func() { s.Minutes++ }, "seconds_value": func() { s.Seconds++ },
		"n_frames": func() { s.Frames++ }, "nuit_field_based_flag": func() { s.FieldBased = !s.FieldBased },
		"pic_struct": func() { p.PicStruct++ }, "time_offset": func() { s.TimeOffset++ },
	}[name]
	if !ok {
		t.Fatalf("pic_timing has no %s", name)
	}
	change()
	b, err := p.Append(nil, c.sps)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// forgeID3 forges the timed ID3 of the marker.
func forgeID3(t *testing.T, op, name string) *forger {
	switch name {
	case "id":
		return &forger{bytes: func(b []byte) []byte { return bytes.Replace(b, []byte("TXXX"), []byte("TXXY"), 1) }}
	case "description":
		return &forger{bytes: func(b []byte) []byte { return bytes.Replace(b, []byte("refstream\x00{"), []byte("refstreaM\x00{"), 1) }}
	}
	return &forger{marker: func(m markers.Marker) []markers.Marker {
		switch op {
		case opRemove:
			return nil
		case opDouble:
			return []markers.Marker{m, m}
		case opAdd:
			other := m
			other.ID, other.Frame, other.PTS = "main-e77", m.Frame-20, testChannel().Clock().PTS(m.Frame-20)
			return []markers.Marker{m, other}
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var forged markers.Marker
		if err := json.Unmarshal(changeJSON(t, b, strings.TrimPrefix(name, "marker.")), &forged); err != nil {
			t.Fatal(err)
		}
		return []markers.Marker{forged}
	}}
}

// forgeScript forges a script of FLV: the second onFI, or the only cue point.
func forgeScript(t *testing.T, script, op, name string) *forger {
	seen := 0
	return &forger{script: func(is string, args []any) [][]any {
		whole := append([]any{is}, args...)
		if op == opAdd && script == "onFI" && is == "onCuePoint" { // for a frame that needs none
			return [][]any{whole}
		}
		if is != script {
			return [][]any{whole}
		}
		if seen++; script == "onFI" && seen != 2 {
			return [][]any{whole}
		}
		switch op {
		case opRemove:
			return nil
		case opDouble:
			return [][]any{whole, whole}
		}
		return [][]any{forgeProperties(t, op, name, whole)}
	}}
}

func forgeProperties(t *testing.T, op, name string, whole []any) []any {
	t.Helper()
	o := slices.Clone(whole[1].(amf0.Object))
	at := func(o amf0.Object, name string) int {
		i := slices.IndexFunc(o, func(p amf0.Property) bool { return p.Name == name })
		if i < 0 {
			t.Fatalf("no property %s", name)
		}
		return i
	}
	in := o
	if whole[0] == "onCuePoint" && !slices.Contains([]string{"name", "time", "type"}, name) {
		k := at(o, "parameters")
		in = slices.Clone(o[k].Value.(amf0.Object))
		o[k].Value = in
	}
	if path, ok := strings.CutPrefix(name, "marker."); ok {
		k := at(in, "marker")
		in[k].Value = string(changeJSON(t, []byte(in[k].Value.(string)), path))
		return []any{whole[0], o}
	}
	k := at(in, name)
	in[k].Value = changed(in[k].Value)
	return []any{whole[0], o}
}

// forgePlaylist forges the lines of a playlist that begin so: that of the number given, or all that there is.
func forgePlaylist(t *testing.T, tag string, number int, edit func(line string) []string) *forger {
	return &forger{playlist: func(text string) string {
		var out []string
		seen := 0
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, tag) {
				if seen++; seen == number {
					out = append(out, edit(line)...)
					continue
				}
			}
			out = append(out, line)
		}
		if seen < number {
			t.Fatalf("the playlist has %d lines of %s", seen, tag)
		}
		return strings.Join(out, "")
	}}
}

// forgeRange forges the date range.
func forgeRange(t *testing.T, op, name string, want fields) *forger {
	return forgePlaylist(t, "#EXT-X-DATERANGE", 1, func(line string) []string {
		switch op {
		case opRemove:
			return nil
		case opDouble:
			return []string{line, strings.Replace(line, "Marker 1", "Marker 9", 1)}
		case opAdd:
			other := strings.Replace(line, `ID="main-e1"`, `ID="main-e77"`, 1)
			return []string{line, strings.Replace(other, "FRAME=83", "FRAME=63", 1)}
		}
		i := slices.IndexFunc(want, func(f field) bool { return f.name == name })
		var v any = want[i].text
		if !strings.Contains(line, name+`="`) {
			v = json.Number(want[i].text)
		}
		for _, quote := range []string{"", `"`} {
			old := name + "=" + quote + want[i].text + quote
			if k := strings.Index(line, old); k > 0 && (line[k-1] == ',' || line[k-1] == ':') {
				return []string{line[:k] + name + "=" + quote + fmt.Sprint(changed(v)) + quote + line[k+len(old):]}
			}
		}
		t.Fatalf("no %s in %s", name, line)
		return nil
	})
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
	k := &checker{channel: testChannel(), clock: testChannel().Clock(), truth: c.truth}
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
	all, ops := []string{"hls", "ts", "flv"}, []string{opRemove, opDouble, opAdd}
	for source, want := range map[analyzer.Source]fields{
		analyzer.FrameRecord: k.recordClaim(frame), analyzer.MISBTime: k.misbClaim(frame), analyzer.PicTiming: k.timingClaim(frame, 1, 60),
	} {
		each(all, source, want, ops, func(t *testing.T, op, name string) *forger { return forgeSEI(t, c, source, op, name, frame) })
	}
	each([]string{"hls", "ts"}, analyzer.ID3, id3Claim(m), ops, forgeID3)
	each([]string{"flv"}, analyzer.OnFI, k.fiClaim(30), ops[:2], func(t *testing.T, op, name string) *forger { return forgeScript(t, "onFI", op, name) })
	each([]string{"flv"}, analyzer.OnCuePoint, cueClaim(m), ops[:2], func(t *testing.T, op, name string) *forger {
		return forgeScript(t, "onCuePoint", op, name)
	})
	each([]string{"hls"}, analyzer.DateRange, k.rangeClaim(m), ops, func(t *testing.T, op, name string) *forger {
		return forgeRange(t, op, name, k.rangeClaim(m))
	})
	for number := 2; number <= clipFrames/30-1; number++ {
		date := func(edit func(string) []string) func(*testing.T) *forger {
			return func(t *testing.T) *forger { return forgePlaylist(t, "#EXT-X-PROGRAM-DATE-TIME", number, edit) }
		}
		list = append(list,
			forgery{"hls", analyzer.ProgramDateTime, opRemove, "", date(func(string) []string { return nil }), false},
			forgery{"hls", analyzer.ProgramDateTime, opField, "program_date_time", date(func(s string) []string {
				return []string{strings.Replace(s, ".000Z", ".040Z", 1)}
			}), false},
			forgery{"hls", "hls.extinf", opField, "EXTINF", func(t *testing.T) *forger {
				return forgePlaylist(t, "#EXTINF", number, func(string) []string { return []string{"#EXTINF:1.04,\n"} })
			}, false})
	}
	for _, carrier := range all {
		tick := int64(1)
		if carrier == "flv" {
			tick = 90
		}
		move := func(pts, dts int64) func(*testing.T) *forger {
			return func(*testing.T) *forger {
				n := 0
				return &forger{unit: func(au *media.AccessUnit) {
					if au.PTS > 120000 {
						if n++; n == 3 { // with room between DTS and PTS
							au.PTS, au.DTS = au.PTS+pts, au.DTS+dts
						}
					}
				}}
			}
		}
		list = append(list, forgery{carrier, clockDTS, opField, "dts", move(0, -tick), false}, forgery{carrier, clockPTS, opField, "pts", move(tick, tick), true})
	}
	return list
}

// named says whether a finding names what was forged.
func (f forgery) named(found Finding) bool {
	clocks := strings.Split(found.Clock, ",")
	if !slices.ContainsFunc(clocks, func(s string) bool { return strings.HasPrefix(s, string(f.source)) }) || found.Allowed {
		return false
	}
	switch f.op {
	case opRemove:
		return slices.Contains([]Kind{ClockGaps, ClockGone, Unannounced}, found.Kind)
	case opDouble:
		return found.Kind == Doubled
	case opAdd:
		return found.Kind == Doubled || found.Kind == Added || found.Kind == Misreported
	}
	return found.Field == f.field
}

// Whatever field of whatever statement is forged on whatever carrier, verify finds it and names it; what is not forged is
// true, also where it was rewritten.
func TestForgeries(t *testing.T) {
	t.Parallel()
	c := newClip(t)
	for carrier, path := range c.paths {
		for _, p := range []string{path, (&forger{unit: func(*media.AccessUnit) {}}).forge(t, c, carrier)} {
			if r := c.judge(t, carrier, p); r.Verdict != True || len(r.Findings) > 0 {
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
			var r *Report
			if f.again {
				var err error
				if r, err = Run(t.Context(), path, given{testChannel(), c.truth}, Options{Now: time.Now}); err != nil {
					t.Fatal(err)
				}
			} else {
				r = c.judge(t, f.carrier, path)
			}
			if r.Verdict != NotTrue || !slices.ContainsFunc(r.Findings, f.named) {
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

func textsOf(r *Report) (list []string) {
	for _, f := range r.Findings {
		list = append(list, string(f.Kind)+": "+f.Text)
	}
	return list
}
