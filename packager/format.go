package packager

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/refstream/refstream/markers"
)

// appendTime appends an ISO 8601 time in UTC: milliseconds where they are exact, else nanoseconds.
func appendTime(dst []byte, t time.Time) []byte {
	if t.Nanosecond()%int(time.Millisecond) == 0 {
		return t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	}
	return t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000000Z")
}

// duration is the length of n frames, rounded to the nearest nanosecond: exact wherever nine decimals can say it.
// n is at most what an hour has, and so times both parts of the rate fits.
func duration(n int64, c markers.Clock) markers.Seconds {
	const nanos = 1_000_000_000
	return markers.Seconds((2*n*c.Rate.Den*nanos + c.Rate.Num) / (2 * c.Rate.Num))
}

// quote makes a quoted-string (RFC 8216, 4.2). It can't hold quotes and line ends, a playlist no control characters,
// and "{$" would begin a variable reference, on which a player gives up the playlist (RFC 8216bis, 4.3). These, and
// the percent sign, are percent-encoded, so that the text can be had back; bytes that are not UTF-8 become U+FFFD.
func quote(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s { // yields U+FFFD for what is not UTF-8
		if r >= ' ' && r < 0x7F && r != '"' && r != '%' && r != '{' || r >= 0xA0 {
			b.WriteRune(r)
			continue
		}
		for _, c := range utf8.AppendRune(nil, r) {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	b.WriteByte('"')
	return b.String()
}
