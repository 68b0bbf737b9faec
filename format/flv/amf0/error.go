package amf0

import "fmt"

// Error says where data can't be read as AMF0.
type Error struct {
	// Offset is in bytes from the start of the data: of the value, length or text that can't be read.
	Offset int
	// Err is the cause; it wraps io.ErrUnexpectedEOF where the data is too short.
	Err error
}

// Error gives the position and the cause.
func (e *Error) Error() string { return fmt.Sprintf("read AMF0: at byte %d: %v", e.Offset, e.Err) }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }
