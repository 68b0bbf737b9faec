package analyzer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/flv/amf0"
	"github.com/refstream/refstream/media"
)

// checked is options and a handler that want each record to be sound.
func checked(t *testing.T) (Options, func(Record) error) {
	return Options{Now: time.Now}, func(r Record) error {
		line := r.AppendJSON(nil)
		want, err := json.Marshal(r)
		if err != nil {
			t.Fatalf("%+v has no JSON: %v", r, err)
		}
		if !bytes.Equal(line, want) {
			t.Fatalf("record written as\n%s\nby the library as\n%s", line, want)
		}
		if bytes.ContainsAny(line, "\r\n") {
			t.Fatalf("record is on several lines: %q", line)
		}
		return nil
	}
}

// FuzzStream reads bytes as whatever they seem to be, and as each kind of stream.
func FuzzStream(f *testing.F) {
	for _, name := range []string{"a.ts", "a.flv"} {
		b := readFile(f, encode(f, name, "0.2", "-bf", "2", "-x264-params", "nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900:b-adapt=0"))
		f.Add(b[:4000]) // long ones take long to be varied
	}
	f.Add([]byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"))
	f.Add([]byte("\x00\x00\x00\x18ftypisom"))
	f.Add([]byte("#EXTM3U\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, handle := checked(t)
		o, err := o.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		x := newExtractor("fuzz", o, handle)
		x.begin(tsWrap, nil, "")
		_ = x.readTS(t.Context(), bytes.NewReader(b))
		x.begin(flvWrap, nil, "")
		_ = x.readFLV(t.Context(), bufio.NewReader(bytes.NewReader(b)))
	})
}

// FuzzUnit reads SEI and parameter sets that may be anything.
func FuzzUnit(f *testing.F) {
	units := unitsOf(f, encode(f, "a.ts", "0.2", "-x264-params", "nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900"))
	for _, au := range units {
		f.Add(h264.AppendAnnexB(nil, au.NALs), au.PTS, []byte{1, 2, 3})
	}
	misb := h264.MISBTime{Status: 1, Micros: 1 << 50}.Append(nil)
	f.Add(h264.AppendSEI([]byte{0, 0, 1}, []h264.SEIMessage{{Type: 5, Payload: misb}}), int64(1)<<62, misb)
	f.Add([]byte{0, 0, 1, 6, 1, 0, 0x80}, int64(-1)<<63, []byte("\x00\x01\x00x\x00"))
	f.Fuzz(func(t *testing.T, b []byte, pts int64, data []byte) {
		o, handle := checked(t)
		o, err := o.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		x := newExtractor("fuzz", o, handle)
		x.begin(tsWrap, nil, "")
		if nals := h264.SplitAnnexB(b); len(nals) > 0 {
			x.unit(media.Unit{PTS: pts, DTS: pts, NALs: nals}, 0)
			x.unit(media.Unit{PTS: pts + 3600, DTS: pts, NALs: nals}, -1)
		}
		x.obs(&moment{}, data)
		x.millicast(&moment{}, data)
		x.frameRecord(&moment{}, data)
		x.id3(data, pts, 0)
	})
}

// FuzzScript reads scripts that may be anything.
func FuzzScript(f *testing.F) {
	for _, name := range []string{scriptFI, scriptCuePoint, scriptMetaData, scriptTextData, "@setDataFrame"} {
		b, err := amf0.Append(nil, name, amf0.Object{
			{Name: "sd", Value: "31-01-2026"}, {Name: "st", Value: "12:00:00.123"}, {Name: "tc", Value: "12:00:00;03"},
			{Name: "d", Value: amf0.Date{Time: time.UnixMilli(1)}}, {Name: "a", Value: amf0.Strict{1.5, nil, true}},
		})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, uint32(5))
	}
	f.Fuzz(func(t *testing.T, b []byte, ms uint32) {
		o, handle := checked(t)
		o, err := o.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		x := newExtractor("fuzz", o, handle)
		x.begin(flvWrap, nil, "")
		newTagReader(x).tag(flv.Tag{Type: flv.Script, Time: ms, Body: b}, 0)
	})
}
