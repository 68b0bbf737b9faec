package markers

import (
	"errors"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/refstream/refstream/media"
)

// MaxFrame is the largest frame number: 126 years at 240 frames/s, which is as long as a stream's clock runs. Times that are
// computed from it at a slow rate are the latest that there are (media.FrameRate).
const MaxFrame = 4_000_000_000 * media.MaxRate

// Limits of an event that somebody triggers.
const (
	// MaxEventSeconds is how long it may be, unless the channel's scheduled events are longer.
	MaxEventSeconds = 600
	// MaxText is the length of its text in characters: what fits a line of a table and of a playlist.
	MaxText = 120
)

// CheckText refuses a triggered event's text where it would break a line, wherever that is shown.
func CheckText(text string) error {
	if !utf8.ValidString(text) {
		return errors.New("text is not valid UTF-8")
	}
	if n := utf8.RuneCountInString(text); n > MaxText {
		return fmt.Errorf("text has %d characters: at most %d are allowed", n, MaxText)
	}
	for _, r := range text {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return fmt.Errorf("text holds the control character %U", r)
		}
	}
	return nil
}

// checkFrames refuses frame numbers that are out of range or go back.
func checkFrames(frames ...int64) error {
	before := int64(0)
	for _, n := range frames {
		switch {
		case n < 0 || n > MaxFrame:
			return fmt.Errorf("frame %d is not in 0 to %d", n, int64(MaxFrame))
		case n < before:
			return fmt.Errorf("it ends with frame %d, before frame %d", n, before)
		}
		before = n
	}
	return nil
}

func wireTime(t time.Time) time.Time { return t.Round(0).UTC() }
