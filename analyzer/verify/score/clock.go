package score

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// Clock is the clock of detections.
type Clock string

// The clocks. Whatever the clock, instants are compared in nanoseconds from the epoch.
const (
	Time  Clock = "time"     // HLS time: decimal seconds from the epoch, or HH:MM:SS.mmm
	Frame Clock = "frame"    // frame number
	PTS   Clock = "pts"      // 90 kHz ticks, not wrapped
	UTC   Clock = "utc"      // nominal UTC (RFC 3339)
	Gen   Clock = "gen_time" // when the generator produced the frame (RFC 3339)
)

// Clocks lists all clocks. Where a detection names several instants, the first of these counts.
func Clocks() []Clock { return []Clock{Time, Frame, PTS, UTC, Gen} }

// ParseClock reads a clock's name; the empty one is Time.
func ParseClock(s string) (Clock, error) {
	if s == "" {
		return Time, nil
	}
	if slices.Contains(Clocks(), Clock(s)) {
		return Clock(s), nil
	}
	return "", fmt.Errorf("clock %q is not one of %s", s, clockNames())
}

func clockNames() string {
	var names []string
	for _, c := range Clocks() {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}

// of is the start of a marker's event on the clock.
func (c Clock) of(m markers.Marker) media.Seconds {
	if c == Gen {
		return m.GenSeconds
	}
	return m.Time
}

// Parse reads an instant as text, in seconds from the epoch of ch.
func (c Clock) Parse(s string, ch markers.Channel) (media.Seconds, error) {
	switch c {
	case UTC, Gen:
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return 0, fmt.Errorf("%.40q is not an instant such as 2026-01-31T12:00:00.5Z", s)
		}
		// Sub saturates, and what it saturates to is out of range.
		return checkInstant(media.Seconds(t.Sub(ch.Epoch)), s)
	case Frame, PTS:
		v, err := decimal(s, 0)
		if err != nil {
			return 0, err
		}
		if c == Frame {
			return checkInstant(media.Seconds(ch.Rate.Nanos(v)), s)
		}
		return checkInstant(media.NearestSeconds(v-ch.PTSOrigin), s)
	default:
		v, err := seconds(s)
		if err != nil {
			return 0, err
		}
		return checkInstant(media.Seconds(v), s)
	}
}

// seconds reads decimal seconds, MM:SS or HH:MM:SS with or without a fraction, in nanoseconds.
func seconds(s string) (int64, error) {
	parts := strings.Split(s, ":")
	if len(parts) > 3 || len(parts) > 1 && strings.Contains(s, ";") {
		return 0, fmt.Errorf("%.40q is a timecode with frames: give frame numbers on the clock frame, or HH:MM:SS.mmm", s)
	}
	v, err := decimal(parts[len(parts)-1], 9)
	for i, unit := len(parts)-2, int64(60e9); i >= 0 && err == nil; i, unit = i-1, unit*60 {
		var whole int64
		whole, err = decimal(parts[i], 0)
		if err != nil || v < 0 || v >= unit || whole < 0 || whole > int64(maxInstant)/unit {
			return 0, fmt.Errorf("%.40q is not a time such as 00:01:12.500", s)
		}
		v += whole * unit
	}
	return v, err
}

func checkInstant(t media.Seconds, s string) (media.Seconds, error) {
	if t < -maxInstant || t > maxInstant {
		return 0, fmt.Errorf("%.40q is out of range", s)
	}
	return t, nil
}

// maxDecimal bounds the text of a number: far above what a double prints as.
const maxDecimal = 64

// decimal reads a decimal number times 10^places (media.ParseDecimal). Digits beyond that are dropped where places is not
// 0, and are an error where it is. Half of the numbers that there are leaves room for differences.
func decimal(s string, places int) (int64, error) {
	v, exact, err := media.ParseDecimal(s, places)
	if err != nil || len(s) > maxDecimal || v > 1<<62 || v < -1<<62 {
		return 0, fmt.Errorf("%.40q is not a number in range", s)
	}
	if places == 0 && !exact {
		return 0, fmt.Errorf("%.40q is not a whole number", s)
	}
	return v, nil
}
