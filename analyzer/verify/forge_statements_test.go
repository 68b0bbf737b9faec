package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/flv/amf0"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

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
	f.unit = func(au *media.Unit) {
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
			if at := verifytest.Channel().Clock().PTS(frame); au.PTS > at+45 || au.PTS < at-45 {
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
			other.ID, other.Frame, other.PTS = "main-e77", m.Frame-20, verifytest.Channel().Clock().PTS(m.Frame-20)
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

// forgeScript forges a script of FLV: the second onFI, the only cue point, or the description.
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
	var o amf0.Object
	list, isArray := whole[1].(amf0.Array)
	if o = slices.Clone(amf0.Object(list)); !isArray {
		o = slices.Clone(whole[1].(amf0.Object))
	}
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
	if isArray {
		return []any{whole[0], amf0.Array(o)}
	}
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
