package gaps

import (
	"errors"
	"time"
)

// defaultTolerance is about three pictures, or five frames of AAC: what encoders differ by where one track begins before
// another.
const defaultTolerance = 100 * time.Millisecond

// Options say what is looked for. The zero value is all, with the usual limits.
type Options struct {
	// Threshold is how far neighbouring versions may be apart; 0 for one and a half target durations of theirs.
	Threshold time.Duration
	// Playlist picks those that are looked at: by URL, by path or the end of one, by name, or by id. Empty is all.
	Playlist string
	// Tolerance is how far EXTINF may be from the time stamps, and EXT-X-PROGRAM-DATE-TIME from the sum of those before it;
	// 0 for 100 ms.
	Tolerance time.Duration
	// Lateness is how long after it was first asked for a segment may be there; 0 for its duration and a target duration.
	Lateness time.Duration
	// Show adds to the report the two versions of the playlist around each finding, whole.
	Show bool
}

func (o *Options) validate() error {
	if min(o.Threshold, o.Tolerance, o.Lateness) < 0 {
		return errors.New("find gaps: the threshold, tolerance or lateness is negative: give 0 for the default")
	}
	if o.Tolerance == 0 {
		o.Tolerance = defaultTolerance
	}
	return nil
}
