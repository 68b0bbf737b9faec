package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/refstream/refstream/markers"
)

// Plural counts things; forms are the singular and, where it is not made with an s, the plural.
func Plural(n int64, forms ...string) string {
	one, many := forms[0], forms[0]+"s"
	if len(forms) > 1 {
		many = forms[1]
	}
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Brief is a time rounded to the millisecond, or to the microsecond where that would leave nothing of it.
func Brief(t markers.Seconds) string {
	unit := markers.Seconds(time.Millisecond)
	if max(t, -t) < 10*unit {
		unit = markers.Seconds(time.Microsecond)
	}
	half := unit / 2
	if t < 0 {
		half = -half
	}
	return ((t + half) / unit * unit).String()
}

// IsAre is the verb for so many.
func IsAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// Names lists the first of the places by their markers, or else by their frames.
func Names(places []Place) string {
	const few = 5
	var names []string
	for _, p := range places[:min(len(places), few)] {
		text := fmt.Sprintf("frame %d (%s s)", p.First, p.Time)
		if p.Marker != "" {
			text = fmt.Sprintf("%s at frame %d (%s s)", p.Marker, p.First, p.Time)
		}
		names = append(names, text)
	}
	if len(places) > few {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}
