package flv

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/format/flv/amf0"
	"github.com/refstream/refstream/media"
)

const (
	nameFI       = "onFI"
	nameCuePoint = "onCuePoint"
	nameMetaData = "onMetaData"
	nameSetFrame = "@setDataFrame" // around metadata on its way to an RTMP server
)

// FI is an onFI message: what time it is at its tag's time. Each text is empty where the message doesn't have it.
// onFI is a convention of Adobe's Flash Media Live Encoder, which no standard describes.
type FI struct {
	// Date is the property sd, "dd-mm-yyyy", Clock is st, "hh:mm:ss.mmm": the time of day in Zone, which is tz, "+hh:mm".
	Date, Clock, Zone string
	// Timecode is the property tc, "hh:mm:ss:ff", or "hh:mm:ss:fff" at more than 100 frames/s.
	Timecode string
}

// NewFI makes the message for a frame: the time at which it was generated, which is cut to milliseconds, in UTC, and its
// timecode.
func NewFI(generated time.Time, timecode string) FI {
	t := generated.UTC()
	return FI{Date: t.Format("02-01-2006"), Clock: t.Format("15:04:05.000"), Zone: "+00:00", Timecode: timecode}
}

// Values is the script that the message is.
func (f FI) Values() []any {
	return []any{nameFI, amf0.Object{
		{Name: "sd", Value: f.Date}, {Name: "st", Value: f.Clock}, {Name: "tc", Value: f.Timecode}, {Name: "tz", Value: f.Zone},
	}}
}

// ParseFI reads the values of a script tag, which may be wrapped in @setDataFrame; the properties may be those of an
// object or of an ECMA array, and any may be missing or not a text. ok is false when it isn't an onFI at all.
func ParseFI(values []any) (f FI, ok bool) {
	name, args := unwrapScript(values)
	if name != nameFI {
		return FI{}, false
	}
	get := propertiesOf(args)
	f.Date, f.Clock, f.Zone, f.Timecode = text(get, "sd"), text(get, "st"), text(get, "tz"), text(get, "tc")
	return f, true
}

// Time is the time that the message states. Without a zone it is taken as UTC; a year of two digits is in this century. ok
// is false where date or clock are missing or can't be read.
func (f FI) Time() (t time.Time, ok bool) {
	date, okDate := numbers(f.Date, "-/.", 3)
	clock, frac, _ := strings.Cut(f.Clock, ".")
	hms, okClock := numbers(clock, ":", 3)
	nanos, okFrac := fraction(frac)
	zone, okZone := zoneOf(f.Zone)
	if !okDate || !okClock || !okFrac || !okZone {
		return time.Time{}, false
	}
	day, month, year := date[0], date[1], date[2]
	if year < 100 {
		year += 2000
	}
	t = time.Date(year, time.Month(month), day, hms[0], hms[1], hms[2], nanos, zone)
	// time.Date accepts any numbers and counts on: a 31st of June, or 25:00, is not what was said.
	if t.Day() != day || int(t.Month()) != month || t.Hour() != hms[0] || t.Minute() != hms[1] || t.Second() != hms[2] {
		return time.Time{}, false
	}
	return t, true
}

// FrameTimecode is the timecode of the frame, drop-frame where a semicolon or a point is before the frames. ok is
// false where it is missing or can't be read.
func (f FI) FrameTimecode() (tc media.Timecode, ok bool) {
	n, ok := numbers(f.Timecode, ":;.", 4)
	if !ok || n[0] > 23 || n[1] > 59 || n[2] > 59 || n[3] > 999 {
		return media.Timecode{}, false
	}
	return media.Timecode{
		Hours: n[0], Minutes: n[1], Seconds: n[2], Frames: n[3], Drop: strings.ContainsAny(f.Timecode, ";."),
		Wide: len(f.Timecode)-strings.LastIndexAny(f.Timecode, ":;.")-1 == 3,
	}, true
}

// numbers reads so many unsigned numbers of up to four digits between separators.
func numbers(s, separators string, count int) ([]int, bool) {
	var out []int
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		n, err := strconv.ParseUint(word, 10, 16)
		if err != nil || len(word) > 4 || len(out) == count {
			return nil, false
		}
		out = append(out, int(n))
	}
	return out, len(out) == count
}

// fraction reads decimals of a second, which may be none, as nanoseconds.
func fraction(s string) (nanos int, ok bool) {
	if s == "" {
		return 0, true
	}
	if len(s) > 9 {
		s = s[:9]
	}
	n, err := strconv.ParseUint(s+strings.Repeat("0", 9-len(s)), 10, 32)
	return int(n), err == nil
}

// zoneOf reads "+hh:mm", "-hhmm", "Z" or nothing.
func zoneOf(s string) (*time.Location, bool) {
	switch s {
	case "", "Z", "UTC", "GMT":
		return time.UTC, true
	}
	digits := strings.Replace(s[1:], ":", "", 1)
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || len(digits) != 4 || n/100 > 14 || n%100 > 59 || s[0] != '+' && s[0] != '-' {
		return nil, false
	}
	seconds := int(n/100*3600 + n%100*60)
	if s[0] == '-' {
		seconds = -seconds
	}
	if seconds == 0 {
		return time.UTC, true
	}
	return time.FixedZone(fmt.Sprintf("UTC%s", s), seconds), true
}
