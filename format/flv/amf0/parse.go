package amf0

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// Parse reads values up to the end of b. The result does not refer to b.
//
// It is lenient where nothing can be mistaken: strings need not be UTF-8, the count of an ECMA array is not trusted and
// its end may be missing at the end of b, a typed object (2.18) becomes an Object without its class's name, an XML
// document (2.17) a string, and unsupported (2.15) Undefined. References (2.9), AMF3 (2.19) and reserved types are errors,
// as are objects nested more than 32 deep, and more than 2^20 values.
//
// Errors have the offset in bytes of the value, length or text that can't be read, and wrap io.ErrUnexpectedEOF where the data is too
// short. The values before it are returned with it, and of an object or array what is before it. Trailing bytes that are no value are therefore an error that a caller may choose to
// pass over.
func Parse(b []byte) ([]any, error) {
	p := parser{b: b}
	var values []any
	for p.at < len(b) {
		v, err := p.value(0)
		if err == nil || hasParts(v) {
			values = append(values, v)
		}
		if err != nil {
			return values, fmt.Errorf("read AMF0: at byte %d: %w", p.at, err)
		}
	}
	return values, nil
}

// hasParts reports whether a value is an object or array that is not empty.
func hasParts(v any) bool {
	switch v := v.(type) {
	case Object:
		return len(v) > 0
	case Array:
		return len(v) > 0
	case Strict:
		return len(v) > 0
	}
	return false
}

// parser reads from b at the offset at, which stays at the item that could not be read when a method fails.
type parser struct {
	b      []byte
	at     int
	values int // how many were begun
}

// take returns the next n bytes and moves past them.
func (p *parser) take(n int) ([]byte, error) {
	if n > len(p.b)-p.at {
		return nil, fmt.Errorf("%d bytes are needed and %d left: %w", n, len(p.b)-p.at, io.ErrUnexpectedEOF)
	}
	p.at += n
	return p.b[p.at-n : p.at], nil
}

func (p *parser) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("objects are nested more than %d deep", maxDepth)
	}
	if p.values++; p.values > maxValues {
		return nil, fmt.Errorf("more than %d values", maxValues)
	}
	mark, err := p.take(1)
	if err != nil {
		return nil, err
	}
	switch mark[0] {
	case markNumber:
		return p.number()
	case markBoolean:
		v, err := p.take(1)
		if err != nil {
			return nil, err
		}
		return v[0] != 0, nil
	case markString:
		return p.text(2)
	case markLongString, markXML:
		return p.text(4)
	case markNull:
		return nil, nil
	case markUndefined, markUnsupported:
		return Undefined{}, nil
	case markDate:
		return p.date()
	case markObject:
		v, err := p.properties(depth, math.MaxInt)
		return Object(v), err
	case markTyped:
		if _, err := p.text(2); err != nil {
			return nil, err
		}
		v, err := p.properties(depth, math.MaxInt)
		return Object(v), err
	case markArray:
		n, err := p.length(4)
		if err != nil {
			return nil, err
		}
		v, err := p.properties(depth, n)
		return Array(v), err
	case markStrict:
		return p.strict(depth)
	}
	p.at--
	return nil, unreadable(mark[0])
}

// unreadable states why a value with this marker isn't read.
func unreadable(mark byte) error {
	switch mark {
	case markReference:
		return errors.New("references are not supported")
	case markAMF3:
		return errors.New("AMF3 is not supported")
	case markObjectEnd:
		return errors.New("an object ends that did not begin")
	}
	return fmt.Errorf("unknown type 0x%02x", mark)
}

func (p *parser) number() (float64, error) {
	b, err := p.take(8)
	if err != nil {
		return 0, err
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
}

// length reads an unsigned integer of 2 or 4 bytes.
func (p *parser) length(size int) (int, error) {
	b, err := p.take(size)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, c := range b {
		n = n<<8 | int(c)
	}
	return n, nil
}

// text reads a string whose length has 2 or 4 bytes.
func (p *parser) text(size int) (string, error) {
	n, err := p.length(size)
	if err != nil {
		return "", err
	}
	b, err := p.take(n)
	return string(b), err
}

func (p *parser) date() (any, error) {
	ms, err := p.number()
	if err != nil {
		return nil, err
	}
	if !(math.Abs(ms) <= maxDate) { // nor for NaN
		p.at -= 8
		return nil, fmt.Errorf("date %v is out of range", ms)
	}
	if _, err := p.take(2); err != nil { // the time zone has no meaning (2.13)
		return nil, err
	}
	return Date{time.UnixMilli(int64(ms)).UTC()}, nil
}

// properties reads names and values up to the end of the object, or to the end of the data once there were count.
func (p *parser) properties(depth, count int) ([]Property, error) {
	var out []Property
	for {
		if p.at == len(p.b) && len(out) >= count {
			return out, nil
		}
		name, err := p.text(2)
		if err != nil {
			return out, err
		}
		if name == "" && p.at < len(p.b) && p.b[p.at] == markObjectEnd {
			p.at++
			return out, nil
		}
		v, err := p.value(depth + 1)
		if err == nil || hasParts(v) {
			out = append(out, Property{name, v})
		}
		if err != nil {
			return out, err
		}
	}
}

func (p *parser) strict(depth int) (any, error) {
	n, err := p.length(4)
	if err != nil {
		return nil, err
	}
	if n > len(p.b)-p.at { // each has a byte at least
		p.at -= 4
		return nil, fmt.Errorf("strict array of %d in %d bytes: %w", n, len(p.b)-p.at, io.ErrUnexpectedEOF)
	}
	var out Strict
	for range n {
		v, err := p.value(depth + 1)
		if err == nil || hasParts(v) {
			out = append(out, v)
		}
		if err != nil {
			return out, err
		}
	}
	return out, nil
}
