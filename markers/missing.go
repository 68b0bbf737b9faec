package markers

import (
	"fmt"
	"time"
)

// Reasons for frames that are missing.
const (
	ReasonSkipped = "skipped" // the machine could not keep up: whole segments were not rendered
	ReasonEncoder = "encoder" // the encoder ended before it gave the frames back
	ReasonDown    = "down"    // no generator was running
	ReasonPublish = "publish" // the frames left the encoder, but their segment could not be published in full
	ReasonLost    = "lost"    // the frames were published, and their file or records were gone at a later start
)

// MissingRecord states that the frames from Frame to LastFrame, inclusive, are not in the published segments, and why.
// Where the reason is ReasonPublish the frames may have a FrameRecord too: they left the encoder.
type MissingRecord struct {
	Frame     int64     `json:"frame"`
	LastFrame int64     `json:"last_frame"`
	Reason    string    `json:"reason"`
	Detail    string    `json:"detail,omitempty"`
	At        time.Time `json:"at"`
	// Generator is the Channel.Generator whose segments lack the frames.
	Generator string `json:"generator,omitempty"`
	// Place is set where the frames were found missing late, when the log held a record of later ones already: the
	// record's place in the log then, behind the newest: what was found out late is at its end, not with its frames.
	Place ID `json:"place,omitzero"`
}

// RecordID is the record's place in its log: that of its first frame, unless it was late.
func (r MissingRecord) RecordID() ID {
	if r.Place != (ID{}) {
		return r.Place
	}
	return ID{r.Frame, 1}
}

// Validate reports why no log can hold the record.
func (r MissingRecord) Validate() error {
	if id := (ID{r.Frame, 1}); r.Place != (ID{}) && r.Place.Compare(id) <= 0 {
		return fmt.Errorf("its place %s is not behind %s", r.Place, id)
	}
	return checkFrames(r.Frame, r.LastFrame)
}

func (r MissingRecord) generator() string { return r.Generator }

func (r MissingRecord) wire() Record {
	r.At = wireTime(r.At)
	return r
}

// Same reports whether o states the same of the same frames: that a generator lacks them, and why.
func (r MissingRecord) Same(o MissingRecord) bool {
	return r.Frame == o.Frame && r.LastFrame == o.LastFrame && r.Reason == o.Reason && r.Generator == o.Generator
}

func (r MissingRecord) same(o Record) bool {
	m, ok := o.(MissingRecord)
	return ok && r.Same(m)
}

func (r MissingRecord) after(newest ID) Record {
	r.Place = ID{newest.Frame, newest.Sub + 1}
	return r
}

// Late reports whether the frames were found missing when the log held a record of later ones already.
func (r MissingRecord) Late() bool { return r.Place != (ID{}) }
