package analyzer

import "time"

// NoteKind says what a Note is about.
type NoteKind string

// The kinds of notes.
const (
	NoteConnected  NoteKind = "connected"  // the stream is being read
	NoteEnded      NoteKind = "ended"      // the stream came to its end
	NoteLost       NoteKind = "lost"       // it broke off or can't be had, and is asked for again
	NoteStalled    NoteKind = "stalled"    // nothing new has come for too long
	NoteResumed    NoteKind = "resumed"    // after NoteStalled or NoteLost: units come again
	NoteParameters NoteKind = "parameters" // the coding changed: size, profile, frame rate
	NoteRestart    NoteKind = "restart"    // the generator was started anew: frame records count another run
	NoteJump       NoteKind = "jump"       // time stamps do not go on where they were
	NoteMissing    NoteKind = "missing"    // a segment is a gap, can't be had, or is gone from the playlist unread
	NoteDamaged    NoteKind = "damaged"    // a part can't be read and was left out
)

// Note says what happened to a stream, for people to read.
type Note struct {
	StreamURL string
	// At is the wall clock when it was noticed.
	At   time.Time
	Kind NoteKind
	// Text says what and where in one line.
	Text string
	// Err is the cause, nil where there is none.
	Err error
}
