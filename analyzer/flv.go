package analyzer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/flv/amf0"
	"github.com/refstream/refstream/format/rtmp"
	"github.com/refstream/refstream/media"
)

const ticksPerMilli = media.TicksPerSecond / 1000

// maxReasons bounds the memory for why tags can't be read: some reasons name numbers of the tag.
const maxReasons = 1000

// tagReader makes units and scripts of FLV tags, of a file or of RTMP.
type tagReader struct {
	x     *extractor
	demux *flv.Demuxer
	sets  [][]byte // of the last sequence header, until they were needed
	// failed counts the tags that can't be read, by why.
	failed map[string]int
}

func newTagReader(x *extractor) *tagReader {
	return &tagReader{x: x, demux: flv.NewDemuxer(), failed: map[string]int{}}
}

func (r *tagReader) tag(t flv.Tag, offset int64) {
	x := r.x
	if x.debug {
		x.o.Logger.Debug("tag", "stream", x.url, "offset", offset, "type", int(t.Type), "ms", t.Time, "bytes", len(t.Body))
	}
	if t.Type == flv.Script {
		x.script(t.Body, r.demux.Ticks(t.Time), offset)
		return
	}
	r.header(t)
	au, ok, err := r.demux.Unit(t)
	if err != nil {
		if au, ok = r.annexB(t); !ok {
			r.reportDamage(errors.Unwrap(err), offset)
		}
	}
	if ok {
		x.unit(au, offset)
	}
}

// reportDamage notes that a tag can't be read; of those for the same reason, the second, fourth, eighth and so on show that it goes on.
func (r *tagReader) reportDamage(why error, offset int64) {
	if len(r.failed) == maxReasons {
		clear(r.failed)
	}
	r.failed[why.Error()]++
	switch n := r.failed[why.Error()]; {
	case n == 1:
		r.x.note(NoteDamaged, why, "the tag at byte %d can't be read and is left out", offset)
	case n&(n-1) == 0:
		r.x.note(NoteDamaged, why, "%d tags can't be read and are left out, up to byte %d", n, offset)
	}
}

// annexB reads a video tag whose NAL units have start codes, which is against the format (E.4.3.1) but happens.
func (r *tagReader) annexB(t flv.Tag) (au media.Unit, ok bool) {
	v, err := flv.ParseVideo(t.Body)
	if err != nil || v.Codec != media.H264 || v.Packet != flv.AVCNALUnits || !startsWithCode(v.Data) {
		return au, false
	}
	au = media.Unit{Frame: -1, DTS: r.demux.Ticks(t.Time), NALs: slices.Concat(r.sets, h264.SplitAnnexB(v.Data))}
	r.sets = nil
	au.PTS = au.DTS + int64(v.Composition)*ticksPerMilli
	au.Key = h264.Key(au.NALs)
	return au, len(au.NALs) > 0
}

// startsWithCode reports whether b begins as a byte stream does (H.264, Annex B).
func startsWithCode(b []byte) bool {
	return bytes.HasPrefix(b, []byte{0, 0, 1}) || bytes.HasPrefix(b, []byte{0, 0, 0, 1})
}

// header keeps the parameter sets of a sequence header for units that the demuxer can't read; others get them from it.
func (r *tagReader) header(t flv.Tag) {
	v, err := flv.ParseVideo(t.Body)
	if err != nil || v.Codec != media.H264 || v.Packet != flv.AVCSequenceHeader {
		return
	}
	if startsWithCode(v.Data) {
		r.sets = h264.SplitAnnexB(v.Data)
	} else if c, err := h264.ParseAVCConfig(v.Data); err == nil {
		r.sets = c.Sets()
	}
}

// readFLV reads an FLV file to its end, which is no error. begin must have been called.
func (x *extractor) readFLV(ctx context.Context, r *bufio.Reader) error {
	const header, previousSize = 9, 4
	offset := int64(header + previousSize)
	if head, err := r.Peek(header); err == nil {
		offset = int64(binary.BigEndian.Uint32(head[5:])) + previousSize
	}
	reader, tags := flv.NewReader(r), newTagReader(x)
	return x.each(ctx, func() error {
		t, err := reader.Next()
		if err == nil {
			tags.tag(t, offset)
			offset += int64(t.Size())
		}
		return err
	})
}

// play passes on the tags until each returns an error or the stream ends, which is none.
func (s *source) play(ctx context.Context, begun func(), each func(flv.Tag) error) error {
	w := input.NewWatchdog(ctx, s.o.Stall)
	defer w.Close()
	address, err := rtmp.ParseTarget(s.t.Text)
	if err != nil {
		return err
	}
	c, err := s.o.dial(w.Ctx, "tcp", address.Address())
	if err != nil {
		return fmt.Errorf("open stream: %w", w.Explain(err))
	}
	p, err := rtmp.Play(w.Ctx, c, address)
	if err != nil {
		return fmt.Errorf("play stream: %w", w.Explain(err))
	}
	defer p.Close()
	begun()
	for {
		w.Waiting()
		t, err := p.Next(w.Ctx)
		w.Working()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("play stream: %w", w.Explain(err))
		}
		if err := each(t); err != nil {
			return err
		}
	}
}

func (s *source) readRTMP(ctx context.Context, x *extractor) error {
	var tags *tagReader
	return s.play(ctx, func() {
		x.note(NoteConnected, nil, "reading %s", input.RTMP.Name())
		x.begin(flvWrap, nil, "")
		tags = newTagReader(x)
	}, func(t flv.Tag) error {
		tags.tag(t, -1)
		return x.err
	})
}

// Names of scripts that state a time.
const (
	scriptMetaData = "onMetaData"
	scriptTextData = "onTextData"
	scriptFI       = "onFI"
	scriptCuePoint = "onCuePoint"
)

// script takes the body of a script tag or data message. at is its time in ticks of this connection.
func (x *extractor) script(body []byte, at, offset int64) {
	if x.err != nil {
		return
	}
	x.now, x.at.offset = x.o.Now(), offset
	name, args, err := flv.ParseScript(body)
	pts := x.ticks(at)
	if x.debug {
		x.o.Logger.Debug("script tag", "stream", x.url, "offset", offset, "pts", pts, "name", name, "bytes", len(body))
	}
	if err != nil {
		x.note(NoteDamaged, err, "the script %q at %s s can't be read to its end", name, media.SecondsOf(pts))
	}
	if strings.EqualFold(name, scriptFI) { // some write onFi
		name = scriptFI
	}
	values := append([]any{name}, args...)
	switch name {
	case scriptFI:
		x.fi(pts, values, args)
	case scriptCuePoint:
		x.cuePoint(pts, values, args)
	case scriptMetaData:
		x.timedRecord(pts, Record{Source: OnMetaData, Extra: AMFJSON(args)})
	case scriptTextData:
		x.timedRecord(pts, Record{Source: OnTextData, Extra: AMFJSON(args)})
	}
}

func (x *extractor) fi(pts int64, values, args []any) {
	f, _ := flv.ParseFI(values)
	r := Record{Source: OnFI, Extra: AMFJSON(args)}
	if t, ok := f.Time(); ok {
		r.UTC = jsonTime(t.UTC())
	} else {
		list, _ := properties(args)
		for _, p := range list {
			if d, ok := p.Value.(amf0.Date); ok {
				r.UTC = jsonTime(d.UTC())
				break
			}
		}
	}
	if tc, ok := f.FrameTimecode(); ok {
		r.Timecode = tc.String()
	}
	x.timedRecord(pts, r)
}

// cuePoint takes an onCuePoint message: of ours the marker, of others what they say.
func (x *extractor) cuePoint(pts int64, values, args []any) {
	r := Record{Source: OnCuePoint, Extra: AMFJSON(args)}
	if c, ok := flv.ParseCuePoint(values); ok {
		if m, ok := annotate.MarkerOfCue(c); ok {
			r.Frame, r.UTC, r.Timecode = &m.Frame, jsonTime(m.UTC), m.Timecode
			r.Duration = new(m.LastPTS - m.PTS)
		}
	}
	x.timedRecord(pts, r)
}

// AMFJSON is the values behind a script's name as a JSON object: the properties of the only value, if that is an object,
// else {"values": […]}.
func AMFJSON(args []any) json.RawMessage {
	if list, ok := properties(args); ok && len(args) == 1 {
		return appendProperties(nil, list)
	}
	return append(appendAMF([]byte(`{"values":`), amf0.Strict(args)), '}')
}

// properties are those of the first value, where it is an object or an ECMA array.
func properties(args []any) (list []amf0.Property, ok bool) {
	if len(args) > 0 {
		switch v := args[0].(type) {
		case amf0.Object:
			return v, true
		case amf0.Array:
			return v, true
		}
	}
	return nil, false
}

// appendAMF appends a value as JSON. A property that stands twice counts once, with its last value. Numbers that JSON
// has none for become null, dates a text (RFC 3339).
func appendAMF(b []byte, v any) []byte {
	switch v := v.(type) {
	case float64:
		return appendNumber(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case string:
		return appendText(b, v)
	case amf0.Date:
		return appendText(b, v.UTC().Format(time.RFC3339Nano))
	case amf0.Object:
		return appendProperties(b, v)
	case amf0.Array:
		return appendProperties(b, v)
	case amf0.Strict:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendAMF(b, e)
		}
		return append(b, ']')
	}
	return append(b, "null"...)
}

func appendProperties(b []byte, list []amf0.Property) []byte {
	return appendMembers(b, list, func(p amf0.Property) string { return p.Name },
		func(b []byte, p amf0.Property) []byte { return appendAMF(b, p.Value) })
}
