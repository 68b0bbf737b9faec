package delivery

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// TidyRange takes out of a request a Range that is to be ignored (RFC 9110, 14.2): one in a unit other than bytes, and one that
// can't be read. net/http refuses both. What it leaves has the form that net/http takes.
func TidyRange(r *http.Request) {
	list := r.Header.Values("Range")
	if len(list) == 0 {
		return
	}
	if tidy, ok := parseRange(list[0]); ok && len(list) == 1 {
		r.Header.Set("Range", tidy)
	} else {
		r.Header.Del("Range")
	}
}

// parseRange reads ranges of bytes (RFC 9110, 14.1.2) and writes them with numbers that fit an int64.
func parseRange(text string) (tidy string, ok bool) {
	unit, list, _ := strings.Cut(text, "=")
	if !strings.EqualFold(unit, "bytes") {
		return "", false
	}
	const beyond int64 = 1e18 - 1 // is behind the end of every file
	var out []string
	for element := range strings.SplitSeq(list, ",") {
		if element = strings.Trim(element, " \t"); element == "" {
			continue // RFC 9110, 5.6.1.2
		}
		first, last, dash := strings.Cut(element, "-")
		if !dash || strings.Trim(first+last, "0123456789") != "" || first+last == "" {
			return "", false
		}
		from, _ := strconv.ParseInt(first, 10, 64) // of digits alone: what doesn't fit becomes the largest number
		to, _ := strconv.ParseInt(last, 10, 64)
		from, to = min(from, beyond), min(to, beyond)
		switch {
		case first == "" && to == 0: // no bytes: nothing satisfies that
			element = fmt.Sprintf("%d-", beyond)
		case first == "":
			element = fmt.Sprintf("-%d", to)
		case last == "":
			element = fmt.Sprintf("%d-", from)
		case to < from:
			return "", false
		default:
			element = fmt.Sprintf("%d-%d", from, to)
		}
		out = append(out, element)
	}
	return "bytes=" + strings.Join(out, ","), len(out) > 0
}
