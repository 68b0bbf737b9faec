package delivery

import (
	"net/http"
	"strings"
)

// TidyRange takes out of a request a Range that is to be ignored (RFC 9110, 14.2): one in a unit other than bytes, and one that
// can't be read. net/http refuses both. What it leaves has the form that net/http takes.
func TidyRange(r *http.Request) {
	list := r.Header.Values("Range")
	if len(list) == 0 {
		return
	}
	tidy, ok := "", false
	if len(list) == 1 {
		tidy, ok = parseRange(list[0])
	}
	if !ok {
		r.Header.Del("Range")
		return
	}
	r.Header.Set("Range", tidy)
}

// parseRange reads ranges of bytes (RFC 9110, 14.1.2) and writes them with numbers that fit an int64.
func parseRange(text string) (tidy string, ok bool) {
	const unit = "bytes="
	if len(text) < len(unit) || !strings.EqualFold(text[:len(unit)], unit) {
		return "", false
	}
	var out []string
	for element := range strings.SplitSeq(text[len(unit):], ",") {
		if element = strings.Trim(element, " \t"); element == "" {
			continue // RFC 9110, 5.6.1.2
		}
		first, last, dash := strings.Cut(element, "-")
		if !dash || strings.Trim(first+last, "0123456789") != "" || first+last == "" {
			return "", false
		}
		first, last = fitting(first), fitting(last)
		switch {
		case first == "" && last == "0":
			first, last = beyond, "" // no bytes: nothing satisfies that
		case first != "" && last != "" && (len(last) < len(first) || len(last) == len(first) && last < first):
			return "", false
		}
		out = append(out, first+"-"+last)
	}
	return unit + strings.Join(out, ","), len(out) > 0
}

// beyond is behind the end of every file.
const beyond = "999999999999999999"

// fitting is a number of digits alone without leading zeros, no larger than beyond; empty stays empty.
func fitting(digits string) string {
	if digits == "" {
		return ""
	}
	if digits = strings.TrimLeft(digits, "0"); digits == "" {
		return "0"
	}
	if len(digits) > len(beyond) {
		return beyond
	}
	return digits
}
