package analyzer

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/format/flv/amf0"
)

// amfJSON is the values behind a script's name as a JSON object: the properties of the only value, if that is an object,
// else {"values": […]}.
func amfJSON(args []any) json.RawMessage {
	if len(args) == 1 {
		switch args[0].(type) {
		case amf0.Object, amf0.Array:
			return appendAMF(nil, args[0])
		}
	}
	return append(appendAMF([]byte(`{"values":`), amf0.Strict(args)), '}')
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

func appendProperties(b []byte, properties []amf0.Property) []byte {
	last := make(map[string]int, len(properties))
	for i, p := range properties {
		last[p.Name] = i
	}
	b = append(b, '{')
	for i, p := range properties {
		if last[p.Name] != i {
			continue
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = appendAMF(append(appendText(b, p.Name), ':'), p.Value)
	}
	return append(b, '}')
}

// appendNumber appends whole numbers without an exponent as long as a double has them exactly.
func appendNumber(b []byte, v float64) []byte {
	const exact = 1 << 53
	switch {
	case math.IsNaN(v), math.IsInf(v, 0):
		return append(b, "null"...)
	case v == math.Trunc(v) && math.Abs(v) <= exact:
		return strconv.AppendInt(b, int64(v), 10)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}

// appendText appends a JSON string; what isn't UTF-8 becomes U+FFFD.
func appendText(b []byte, s string) []byte {
	plain := true
	for i := range len(s) {
		c := s[i]
		plain = plain && c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
	}
	if plain { // nearly all are
		return append(append(append(b, '"'), s...), '"')
	}
	quoted, err := json.Marshal(strings.ToValidUTF8(s, "\uFFFD"))
	if err != nil {
		return append(b, `""`...) // not reached: any string can be marshalled
	}
	return append(b, quoted...)
}
