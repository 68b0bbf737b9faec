// Package mpd writes and reads manifests of MPEG-DASH: the media presentation description of ISO/IEC 23009-1, 5. Elements and
// attributes are those of dash-mpd, which keeps the order of the schema but for one.
package mpd

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/Eyevinn/dash-mpd/mpd"
)

// ContentType is the media type of manifests (ISO/IEC 23009-1, C.1).
const ContentType = "application/dash+xml"

// The schemes of UTCTiming whose address answers with a time in the form of ISO 8601 (5.8.5.7).
const (
	HTTPISO     = "urn:mpeg:dash:utc:http-iso:2014"
	HTTPXSDate  = "urn:mpeg:dash:utc:http-xsdate:2014"
	timeDecimal = "2006-01-02T15:04:05.999999999Z07:00"
)

// misplaced is FailoverContent as dash-mpd writes it: behind SegmentTimeline, where the schema has it before.
var misplaced = regexp.MustCompile(`( *<SegmentTimeline>\s*(?:<S [^>]*></S>\s*)*</SegmentTimeline>\n)( *<FailoverContent [^>]*>\s*(?:<FCS [^>]*></FCS>\s*)*</FailoverContent>\n)`)

// Append appends a manifest as text.
func Append(dst []byte, m *mpd.MPD) ([]byte, error) {
	var b bytes.Buffer
	if _, err := m.Write(&b, " ", true); err != nil {
		return dst, fmt.Errorf("write manifest: %w", err)
	}
	dst = append(dst, misplaced.ReplaceAll(b.Bytes(), []byte("$2$1"))...)
	return append(dst, '\n'), nil
}

// Parse reads a manifest as it is.
func Parse(text []byte) (*mpd.MPD, error) {
	m, err := mpd.MPDFromBytes(calendarDuration(text))
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if len(m.Periods) == 0 {
		return nil, errors.New("read manifest: it has no Period")
	}
	return m, nil
}

// calendarDuration shortens durations that begin with no years and no months, which some write and dash-mpd does not read.
func calendarDuration(text []byte) []byte {
	return bytes.ReplaceAll(text, []byte(`"P0Y0M`), []byte(`"P`))
}

// DateTime is an instant as an attribute, in UTC.
func DateTime(t time.Time) mpd.DateTime { return mpd.DateTime(t.UTC().Format(timeDecimal)) }

// ParseDateTime reads an instant, zero where there is none. One without a zone is UTC, as the standard has it.
func ParseDateTime(v mpd.DateTime) (time.Time, error) {
	if v == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, string(v))
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05.999999999", string(v))
	}
	if err != nil {
		return t, fmt.Errorf("%q is no time such as 2026-01-31T12:00:00Z", string(v))
	}
	return t.UTC(), nil
}

// Duration is a length of time as an attribute, which has milliseconds: rounded up.
func Duration(d time.Duration) *mpd.Duration {
	return new(mpd.Duration((d + time.Millisecond - 1).Truncate(time.Millisecond)))
}
