package amf0

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Append appends the values to b, one after the other, and returns the extended slice. Besides the types that Parse
// returns it takes int, int64 and uint32, which become numbers.
//
// A string of more than 65535 bytes becomes a long string, a date loses what is finer than a millisecond. It is an
// error, and b is returned as it was, if a value is of another type, a property's name is longer than 65535 bytes, an
// integer is beyond 2^53, where a number isn't exact any more, or objects are nested more than 32 deep. Errors name the
// value by its place, counted from 0.
func Append(b []byte, values ...any) ([]byte, error) {
	out := b
	for i, v := range values {
		var err error
		if out, err = appendValue(out, v, 0); err != nil {
			return b, fmt.Errorf("write AMF0: value %d: %w", i, err)
		}
	}
	return out, nil
}

func appendValue(b []byte, value any, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("objects are nested more than %d deep", maxDepth)
	}
	switch v := value.(type) {
	case nil:
		return append(b, markNull), nil
	case Undefined:
		return append(b, markUndefined), nil
	case bool:
		if v {
			return append(b, markBoolean, 1), nil
		}
		return append(b, markBoolean, 0), nil
	case float64:
		return appendNumber(b, v), nil
	case int:
		return appendInteger(b, int64(v))
	case int64:
		return appendInteger(b, v)
	case uint32:
		return appendNumber(b, float64(v)), nil
	case string:
		return appendString(b, v)
	case Date:
		b = binary.BigEndian.AppendUint64(append(b, markDate), math.Float64bits(float64(v.UnixMilli())))
		return append(b, 0, 0), nil // the time zone is reserved and 0 (2.13)
	case Object:
		return appendProperties(append(b, markObject), v, depth)
	case Array:
		return appendProperties(binary.BigEndian.AppendUint32(append(b, markArray), uint32(len(v))), v, depth)
	case Strict:
		return appendStrict(b, v, depth)
	}
	return nil, fmt.Errorf("type %T has no form in AMF0", value)
}

func appendNumber(b []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, markNumber), math.Float64bits(v))
}

func appendInteger(b []byte, v int64) ([]byte, error) {
	if v > maxInteger || v < -maxInteger {
		return nil, fmt.Errorf("integer %d is not exact as a number", v)
	}
	return appendNumber(b, float64(v)), nil
}

func appendString(b []byte, s string) ([]byte, error) {
	switch {
	case len(s) <= maxShort:
		b = binary.BigEndian.AppendUint16(append(b, markString), uint16(len(s)))
	case uint64(len(s)) <= math.MaxUint32:
		b = binary.BigEndian.AppendUint32(append(b, markLongString), uint32(len(s)))
	default:
		return nil, errors.New("string is longer than 2^32-1 bytes")
	}
	return append(b, s...), nil
}

func appendProperties(b []byte, properties []Property, depth int) ([]byte, error) {
	for _, p := range properties {
		if len(p.Name) > maxShort {
			return nil, fmt.Errorf("a property's name has %d bytes, more than %d", len(p.Name), maxShort)
		}
		b = binary.BigEndian.AppendUint16(b, uint16(len(p.Name)))
		b = append(b, p.Name...)
		var err error
		if b, err = appendValue(b, p.Value, depth+1); err != nil {
			return nil, fmt.Errorf("property %.40q: %w", p.Name, err)
		}
	}
	return append(b, 0, 0, markObjectEnd), nil
}

func appendStrict(b []byte, values Strict, depth int) ([]byte, error) {
	b = binary.BigEndian.AppendUint32(append(b, markStrict), uint32(len(values)))
	for i, v := range values {
		var err error
		if b, err = appendValue(b, v, depth+1); err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return b, nil
}
