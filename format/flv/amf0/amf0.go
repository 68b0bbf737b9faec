// Package amf0 reads and writes AMF0 (Action Message Format, Adobe, 2007), the values in FLV script tags and RTMP commands.
//
// Values are Go's: float64, bool, string, Object, Array, Strict, Date, nil for null, and Undefined.
package amf0

import "time"

// Property is a name and its value.
type Property struct {
	Name  string
	Value any
}

// Object is an anonymous object, its properties in the order they have on the wire (2.5).
type Object []Property

// Array is an ECMA array (2.10).
type Array []Property

// Strict is a strict array (2.12).
type Strict []any

// Date is a point in time, to the millisecond (2.13).
type Date struct{ time.Time }

// Undefined is the value undefined (2.8).
type Undefined struct{}

// Type markers (2.1).
const (
	markNumber      = 0x00
	markBoolean     = 0x01
	markString      = 0x02
	markObject      = 0x03
	markNull        = 0x05
	markUndefined   = 0x06
	markReference   = 0x07
	markArray       = 0x08
	markObjectEnd   = 0x09
	markStrict      = 0x0A
	markDate        = 0x0B
	markLongString  = 0x0C
	markUnsupported = 0x0D
	markXML         = 0x0F
	markTyped       = 0x10
	markAMF3        = 0x11
)

const (
	// maxDepth is how many objects and arrays may be in one another. Metadata and commands need three; the rest is
	// room. Without a limit a small message could use up the stack.
	maxDepth = 32
	// maxValues bounds how many values Parse makes, because one byte of input can make 16 of memory and a tag has up to
	// 16 MiB. The longest metadata met, an index of all key frames, has two values for each.
	maxValues = 1 << 20
	// maxShort is the longest string whose length fits 16 bits (2.4).
	maxShort = 1<<16 - 1
	// maxInteger is the largest integer up to which a float64 holds every one.
	maxInteger = 1 << 53
	// maxDate is the furthest that a date may lie from 1970, in milliseconds: 100 million days (ECMA-262, 21.4.1.1).
	maxDate = 864e13
)

// Get is the value of the property of that name, and whether there is one; where a name is there twice, the last counts,
// as it does where objects are assigned to.
func (o Object) Get(name string) (any, bool) { return get(o, name) }

// Get is the value of the property of that name, as Object's.
func (a Array) Get(name string) (any, bool) { return get(a, name) }

func get(properties []Property, name string) (any, bool) {
	for i := len(properties) - 1; i >= 0; i-- {
		if properties[i].Name == name {
			return properties[i].Value, true
		}
	}
	return nil, false
}
