package gaps

import (
	"fmt"
	"strings"
	"time"

	"github.com/refstream/refstream/internal/redact"
)

// maxText bounds a text of the stream's in a message.
const maxText = 200

// seconds writes a time in seconds, to the millisecond.
func seconds(d time.Duration) string {
	ms := d.Round(time.Millisecond).Milliseconds()
	sign := ""
	if ms < 0 {
		sign, ms = "-", -ms
	}
	return fmt.Sprintf("%s%d.%03d s", sign, ms/1000, ms%1000)
}

// plural is n with a noun.
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// segmentRange names segments by their numbers, both of them included.
func segmentRange(first, last int64) string {
	if first == last {
		return fmt.Sprintf("segment %d", first)
	}
	return fmt.Sprintf("segments %d to %d", first, last)
}

// printable is a harmless text that is not too long.
func printable(s string) string {
	if s = redact.Unseen(s); len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}
