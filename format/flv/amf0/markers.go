package amf0

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
	// maxDepth is how many objects and arrays may stand in one another. Metadata and commands need three; the rest is
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
