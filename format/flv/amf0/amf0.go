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
