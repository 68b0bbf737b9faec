package markers

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/refstream/refstream/media"
)

// MaxDetections is how many detections a log keeps, the newest ones: some 30 MB of memory, and a quarter of an hour of a
// detector that fires 100 times a second by mistake.
const MaxDetections = 100_000

// Detection is what somebody's detector reports. It is a statement about the stream, not the truth: it is kept in a
// log of its own, and no part of the truth is computed from it.
type Detection struct {
	// Place is the record's place in its log, which is in the order in which detections came: Place.Frame is the stream's
	// newest frame by then. A log moves a record with an earlier place behind its newest.
	Place ID `json:"id,omitzero"`
	// Source names the detector: CheckSource.
	Source string `json:"source"`
	// Time and EndTime are on the HLS clock, in seconds from the epoch, and inclusive; equal where the detector named an instant.
	Time    media.Seconds `json:"time"`
	EndTime media.Seconds `json:"end_time"`
	// Frame and LastFrame are the frames that are shown at Time and EndTime.
	Frame     int64 `json:"frame"`
	LastFrame int64 `json:"last_frame"`
	// Confidence is a decimal number from 0 to 1 as the detector wrote it, or empty.
	Confidence json.Number `json:"confidence,omitempty"`
	Text       string      `json:"text,omitempty"`
	// Received is when it came, by the clock of the server that took it in.
	Received time.Time `json:"received"`
}

// RecordID is the record's place in its log.
func (d Detection) RecordID() ID { return d.Place }

func (d Detection) after(newest ID) Record {
	d.Place = ID{newest.Frame, newest.Sub + 1}
	return d
}

// Validate reports why no log can hold the record.
func (d Detection) Validate() error {
	if err := CheckSource(d.Source); err != nil {
		return err
	}
	if d.EndTime < d.Time || d.Time < 0 {
		return fmt.Errorf("it is from %s s to %s s", d.Time, d.EndTime)
	}
	if d.Confidence != "" {
		if err := CheckConfidence(string(d.Confidence)); err != nil {
			return err
		}
	}
	return errors.Join(checkFrames(d.Place.Frame), checkFrames(d.Frame, d.LastFrame), CheckText(d.Text))
}

// maxConfidence is the length of the longest confidence as text: more than a double prints as.
const maxConfidence = 32

// CheckConfidence refuses a text that is no decimal number from 0 to 1.
func CheckConfidence(s string) error {
	const one = 1_000_000_000
	v, _, err := media.ParseDecimal(s, 9)
	if err != nil || v < 0 || v > one || len(s) > maxConfidence {
		return fmt.Errorf("confidence %.40q is not a number from 0 to 1", s)
	}
	return nil
}

func (d Detection) wire() Record {
	d.Received = wireTime(d.Received)
	return d
}
