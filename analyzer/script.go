package analyzer

import (
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/flv/amf0"
	"github.com/refstream/refstream/media"
)

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
		x.o.Logger.LogAttrs(context.Background(), slog.LevelDebug, "script tag", slog.String("stream", x.url),
			slog.Int64("offset", offset), slog.Int64("pts", pts), slog.String("name", name), slog.Int("bytes", len(body)))
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
			length := m.LastPTS - m.PTS
			r.Duration = &length
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
