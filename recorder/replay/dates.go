package replay

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

const (
	// leastDecimals is how many decimals a date has at least after it was moved by milliseconds, mostDecimals what Go reads.
	leastDecimals = 3
	mostDecimals  = 9
)

// moveDate moves a date with time (RFC 8216bis, 4.4.4.6) by whole milliseconds. It keeps the zone, the notation and the number of
// decimals, but has three where needed. ok is false for other texts.
func moveDate(text string, by time.Duration) (moved string, ok bool) {
	if len(text) < len("2006-01-02T15:04:05") {
		return "", false
	}
	clock := text[:10] + "T" + text[11:]
	rest := clock[len("2006-01-02T15:04:05"):]
	decimals := 0
	if strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, ",") {
		decimals = len(rest) - 1 - len(strings.TrimLeft(rest[1:], "0123456789"))
		clock = clock[:19] + "." + rest[1:]
		rest = rest[1+decimals:]
	}
	t, err := time.Parse("2006-01-02T15:04:05", clock[:len(clock)-len(rest)])
	if err != nil || strings.Trim(rest, "+-:zZ0123456789") != "" {
		return "", false
	}
	if t = t.Add(by); t.Year() < 0 || t.Year() > 9999 {
		return "", false
	}
	digits := min(decimals, mostDecimals)
	if by%time.Second != 0 {
		digits = max(digits, leastDecimals)
	}
	out := t.Format("2006-01-02") + text[10:11] + t.Format("15:04:05")
	if digits > 0 {
		out += t.Format("." + strings.Repeat("0", digits))
	}
	return out + rest, true
}

// shift is by how much dates are moved: the same at all times after the clock has started.
func (s *Server) shift() time.Duration {
	if s.edge.IsZero() {
		return 0
	}
	began := s.clock.began()
	if began.IsZero() {
		began = s.o.Now()
	}
	return began.Sub(s.edge).Round(time.Millisecond)
}

// findEdge is the end of the playlists at a time of the recording: the latest, by their dates; zero where none has any.
func (s *Server) findEdge(ctx context.Context, at time.Duration) (time.Time, error) {
	var edge time.Time
	for _, r := range s.index.playlists {
		var o *outcome // the last loading of it by then, or else the first
		r.versions(false, func(v *outcome) bool {
			if o != nil && v.began > at {
				return false
			}
			o = v
			return true
		})
		if o == nil {
			continue
		}
		b, _, err := s.textOf(ctx, o)
		if err != nil {
			return edge, err
		}
		if t, ok := edgeOf(b); ok && t.After(edge) {
			edge = t
		}
	}
	return edge, nil
}

// edgeOf is when a media playlist ends.
func edgeOf(b []byte) (time.Time, bool) {
	p, err := m3u8.Parse(bytes.NewReader(b))
	if err != nil || p.Media == nil {
		return time.Time{}, false
	}
	dates := p.Media.DateTimes()
	last := len(dates) - 1
	if last < 0 || dates[last].IsZero() {
		return time.Time{}, false
	}
	return dates[last].Add(time.Duration(p.Media.Segments[last].Duration)), true
}
