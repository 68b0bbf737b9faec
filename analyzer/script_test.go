package analyzer

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/flv/amf0"
)

// tagsOf is the tags of an FLV file.
func tagsOf(tb testing.TB, path string) []flv.Tag {
	tb.Helper()
	var out []flv.Tag
	for r := flv.NewReader(bytes.NewReader(readFile(tb, path))); ; {
		t, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, t)
	}
}

// writeFLV writes an FLV file.
func writeFLV(tb testing.TB, tags []flv.Tag) string {
	tb.Helper()
	b := flv.FileHeader(false)
	for _, t := range tags {
		b = flv.AppendTag(b, t)
	}
	path := filepath.Join(tb.TempDir(), "made.flv")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// scripts are script tags of all kinds with the records that they make.
func scripts(tb testing.TB) ([]flv.Tag, []Record) {
	tb.Helper()
	object := func(p ...amf0.Property) amf0.Object { return p }
	at := time.Date(2026, 1, 31, 11, 0, 0, 40e6, time.UTC)
	fi := object(amf0.Property{Name: "sd", Value: "31-01-2026"}, amf0.Property{Name: "st", Value: "12:00:00.040"},
		amf0.Property{Name: "tc", Value: "12:00:00;02"}, amf0.Property{Name: "tz", Value: "+01:00"})
	cases := []struct {
		values []any
		source Source
		utc    *time.Time
		tc     string
		extra  string
	}{
		{[]any{"onFI", fi}, OnFI, &at, "12:00:00;02", `{"sd":"31-01-2026","st":"12:00:00.040","tc":"12:00:00;02","tz":"+01:00"}`},
		{[]any{"@setDataFrame", "onFI", amf0.Array(fi)}, OnFI, &at, "12:00:00;02", `{"sd":"31-01-2026","st":"12:00:00.040","tc":"12:00:00;02","tz":"+01:00"}`},
		{[]any{"onFI", object(amf0.Property{Name: "tc", Value: "1:2"}, amf0.Property{Name: "d", Value: amf0.Date{Time: at}})}, OnFI, &at, "", `{"tc":"1:2","d":"2026-01-31T11:00:00.04Z"}`},
		{[]any{"onCuePoint", object(amf0.Property{Name: "name", Value: "goal"}, amf0.Property{Name: "time", Value: 1.5})}, OnCuePoint, nil, "", `{"name":"goal","time":1.5}`},
		{[]any{"onTextData", object(amf0.Property{Name: "text", Value: "tor <1>\n"})}, OnTextData, nil, "", `{"text":"tor \u003c1\u003e\n"}`},
		{[]any{"onTextData", 1.0, "x"}, OnTextData, nil, "", `{"values":[1,"x"]}`},
		{[]any{"onMetaData", amf0.Array{{Name: "duration", Value: math.NaN()}, {Name: "width", Value: 640.0}, {Name: "width", Value: 1e300},
			{Name: "k", Value: amf0.Strict{true, nil, amf0.Undefined{}, object()}}}}, OnMetaData, nil, "",
			`{"duration":null,"width":1e+300,"k":[true,null,null,{}]}`},
		{[]any{"onStatus", object()}, "", nil, "", ""},
	}
	var tags []flv.Tag
	var records []Record
	for i, c := range cases {
		body, err := amf0.Append(nil, c.values...)
		if err != nil {
			tb.Fatal(err)
		}
		tags = append(tags, flv.Tag{Type: flv.Script, Time: uint32(40 * i), Body: body})
		if c.source != "" {
			pts := int64(40 * i * 90)
			records = append(records, Record{Source: c.source, UTC: c.utc, Timecode: c.tc, Extra: []byte(c.extra), PTS: &pts})
		}
	}
	return tags, records
}

// compareScripts compares the records of scripts with those that are wanted.
func compareScripts(t *testing.T, r *result, want []Record) {
	t.Helper()
	var got []Record
	for _, rec := range r.records {
		switch rec.Source {
		case OnFI, OnCuePoint, OnTextData, OnMetaData:
			got = append(got, rec)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d records of scripts, want %d: %+v", len(got), len(want), got)
	}
	for i, w := range want {
		g := got[i]
		if g.Source != w.Source || g.Timecode != w.Timecode || string(g.Extra) != string(w.Extra) || *g.PTS != *w.PTS ||
			(g.UTC == nil) != (w.UTC == nil) || w.UTC != nil && !g.UTC.Equal(*w.UTC) || g.Unit != -1 || g.DTS != nil {
			t.Errorf("script %d: %s %s %v %s, want %s %s %v %s", i, g.Source, g.Timecode, g.UTC, g.Extra, w.Source, w.Timecode, w.UTC, w.Extra)
		}
	}
}

func TestScripts(t *testing.T) {
	tags, want := scripts(t)
	video := tagsOf(t, encode(t, "a.flv", "1", "-bf", "0"))
	path := writeFLV(t, append(tags, video[1:]...)) // without ffmpeg's own onMetaData
	r := analyze(t, path)
	compareScripts(t, r, want)
	if len(r.units) != 25 {
		t.Errorf("%d units", len(r.units))
	}
	// What ffmpeg writes is known, and ffprobe finds the tags in the same places.
	own := analyze(t, writeFLV(t, video)).of(OnMetaData)
	if len(own) != 1 || !bytes.Contains(own[0].Extra, []byte(`"width":320,"height":180`)) || own[0].Offset != 13 {
		t.Errorf("%d of ffmpeg's onMetaData: %+v", len(own), own)
	}
}

// TestStartCodesInFLV reads tags with start codes in place of lengths.
func TestStartCodesInFLV(t *testing.T) {
	path := encode(t, "a.flv", "1", "-bf", "2", "-x264-params", "pic-struct=1:b-adapt=0")
	want := analyze(t, path)
	var tags []flv.Tag
	for _, tag := range tagsOf(t, path) {
		if tag.Type == flv.Video && tag.Body[1] == byte(flv.AVCNALUnits) {
			v, err := flv.ParseVideo(tag.Body)
			if err != nil {
				t.Fatal(err)
			}
			nals, err := h264.SplitLengths(v.Data, 4)
			if err != nil {
				t.Fatal(err)
			}
			v.Data = nil
			for _, nal := range nals {
				v.Data = append(append(v.Data, 0, 0, 0, 1), nal...)
			}
			tag.Body = v.Append(nil)
		}
		tags = append(tags, tag)
	}
	got := analyze(t, writeFLV(t, tags))
	if len(got.units) != len(want.units) || len(got.of(PicTiming)) != len(want.of(PicTiming)) || len(got.of(PicTiming)) == 0 {
		t.Fatalf("%d units and %d records, want %d and %d: %v", len(got.units), len(got.of(PicTiming)), len(want.units),
			len(want.of(PicTiming)), got.notes)
	}
	for i := range got.units {
		if g, w := got.units[i], want.units[i]; g.PTS != w.PTS || g.DTS != w.DTS || g.Key != w.Key {
			t.Errorf("unit %d is %+v, want %+v", i, g, w)
		}
	}
}
