package analyzer

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

func appendTime(b []byte, t time.Time) []byte {
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

func appendOptional(b []byte, v *int64) []byte {
	if v == nil {
		return append(b, "null"...)
	}
	return strconv.AppendInt(b, *v, 10)
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

// appendMembers appends a list as a JSON object. Of entries with one name the last counts.
func appendMembers[T any](b []byte, list []T, name func(T) string, value func([]byte, T) []byte) []byte {
	last := make(map[string]int, len(list))
	for i, e := range list {
		last[name(e)] = i
	}
	b = append(b, '{')
	for i, e := range list {
		if last[name(e)] != i {
			continue
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = value(append(appendText(b, name(e)), ':'), e)
	}
	return append(b, '}')
}
