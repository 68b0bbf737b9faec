// Package faults holds what the layers of labelled faults share. Each layer is a package of its own: a rewrite of the
// clean stream that reports what it changed, frame by frame. What a layer does is a pure function of the plan and of what it is
// given, so that two machines make the same faulty stream of the same clean one.
package faults

import (
	"crypto/sha256"
	"encoding/hex"
)

// Change is what a layer did to one frame for one fault.
type Change struct {
	// Fault is the key of the fault in its plan.
	Fault string
	// Frame is the frame whose picture, unit, packets or playlist entry was changed.
	Frame int64
	// Clean and Altered are the SHA-256 of the bytes before and after, in hexadecimal; Altered is that of no bytes where all are gone.
	Clean, Altered string
	// Spoiled is the last frame, in presentation order, that a decoder shows wrongly because of it, Frame itself where there is no other.
	Spoiled int64
	// Earlier is how many frames before Frame, in presentation order, may be shown wrongly too: those that are decoded after it.
	Earlier int64
	// NotDone is why nothing was changed where the fault was planned; empty where something was.
	NotDone string
}

// Report takes the changes of a layer, in the order in which they are made. It is called by the goroutine that rewrites.
type Report func(Change)

// Hash is the SHA-256 of bytes in hexadecimal.
func Hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
