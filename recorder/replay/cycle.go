package replay

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"
)

// cycle describes how a playlist is continued from pass to pass of a loop: segment last, the end of its last version, is followed
// by the segment after first, the end of its first version.
type cycle struct {
	first, last int64 // media sequence numbers
	// perPass and discontinuities are what media and discontinuity sequence numbers grow by in each pass.
	perPass, discontinuities int64
	tail                     *text // the last version
	// came is the time between the first new segment and the last, lastLong the last one's duration, dates what dates grow by; 0
	// without dates.
	came, lastLong, dates time.Duration
	plain                 bool // the numbering of the recording jumps, so that nothing can be joined to it: each pass is as recorded
}

const (
	// settled is how many of the last versions are checked for the one that ends last: inconsistent servers sometimes send older
	// ones.
	settled     = 4
	looked      = 10_000                 // how many of the first versions are checked for the first that has a new segment
	leastPeriod = 100 * time.Millisecond // the shortest pass
)

// cycles finds out how the playlists are continued.
func (s *Server) cycles(ctx context.Context) error {
	s.loops = map[*resource]*cycle{}
	moves := false
	for _, r := range s.index.playlists {
		c, err := s.cycle(ctx, r)
		if err != nil {
			return err
		}
		if c == nil {
			continue
		}
		s.loops[r] = c
		if c.plain {
			moves = true
			s.o.Logger.Warn("replay: the numbering of the recorded playlist is not continued: it jumps at each pass", "path", r.path)
		}
		if c.perPass > 0 && s.period == 0 {
			moves = true
			if s.period, err = s.contentOf(ctx, r, c); err != nil {
				return err
			}
			s.datePeriod = s.period
			if c.dates > 0 {
				s.datePeriod = c.dates
			}
		}
	}
	if !moves {
		return errors.New("replay: there is nothing to loop: no playlist changed while it was recorded, or all are VOD; " +
			"replay it without the loop, and loop in the player")
	}
	if s.period == 0 {
		s.period, s.datePeriod = s.index.timeline.Length, s.index.timeline.Length
	}
	s.datePeriod = s.datePeriod.Round(time.Millisecond)
	return nil
}

// contentOf is the duration of the segments that were new in the recording, and of a pass, so that a player neither stalls nor
// falls behind. If not all are known it is the time in which they appeared, plus the last one.
func (s *Server) contentOf(ctx context.Context, r *resource, c *cycle) (time.Duration, error) {
	took := c.came + c.lastLong
	var sum time.Duration
	seen := map[int64]bool{}
	for id := range r.ids {
		for g, err := range s.session.Segments(ctx, id) {
			if err != nil {
				return 0, err
			}
			if g.MSN > c.first && g.MSN <= c.last && !seen[g.MSN] {
				seen[g.MSN] = true
				sum += g.Duration
			}
		}
	}
	if (sum-took).Abs() > s.index.timeline.Length/2 || sum <= 0 {
		sum = took
	}
	return max(sum, leastPeriod), nil
}

// cycle finds out how one playlist is continued; nil for one that is no media playlist.
func (s *Server) cycle(ctx context.Context, r *resource) (*cycle, error) {
	var failed error
	// Versions that can't be parsed are served unchanged and not used.
	read := func(o *outcome) *text {
		b, base, err := s.textOf(ctx, o)
		if err != nil {
			failed = err
			return nil
		}
		return parseText(string(b), base)
	}
	var begin, next *text
	var came time.Duration
	n := 0
	r.versions(false, func(o *outcome) bool {
		switch t := read(o); {
		case failed != nil:
			return false
		case t == nil:
		case begin == nil:
			begin = t
		case t.last() > begin.last():
			next, came = t, o.began
			return false
		}
		n++
		return n < looked
	})
	if failed != nil || begin == nil {
		return nil, failed
	}
	c := &cycle{first: begin.last(), tail: begin}
	n = 0
	r.versions(true, func(o *outcome) bool {
		if t := read(o); t != nil {
			if ahead := t.last() - c.tail.last(); n == 0 || ahead > 0 && ahead <= int64(len(c.tail.blocks)) {
				c.tail, c.came = t, o.began
			}
			n++
		}
		return failed == nil && n < settled
	})
	c.last = c.tail.last()
	if c.last <= c.first || next == nil {
		c.plain = c.last < c.first
		return c, failed
	}
	c.perPass, c.came = c.last-c.first, max(c.came-came, 0)
	old, end := begin.blocks[len(begin.blocks)-1], c.tail.blocks[len(c.tail.blocks)-1]
	c.lastLong = end.long
	if !old.date.IsZero() && !end.date.IsZero() {
		c.dates = end.date.Add(end.long).Sub(old.date.Add(old.long))
	}
	// The number at the joint, a discontinuity, is that of the next segment, or one more.
	joint := next.blocks[next.after(c.first)]
	c.discontinuities = end.discontinuity - joint.discontinuity + 1
	c.discontinuities = max(c.discontinuities, 1) // servers that don't count them
	return c, failed
}

// compose makes a pass's version of a playlist of the recorded one, its lines, and of the passes before.
func (c *cycle) compose(raw string, lines []line, base *url.URL, pass int64) []line {
	now := parseText(raw, base)
	if now == nil {
		return lines
	}
	if c.perPass == 0 && !c.plain {
		return lines // it doesn't change
	}
	if pass == 0 || c.plain {
		return slices.DeleteFunc(lines, func(l line) bool { name, _ := l.tag(); return slices.Contains(endlessTags, name) })
	}
	// From the end: what is new in this pass, then what the passes before added, as much as the recorded version has, or the last
	// one if the playlist grew in the recording.
	parts := []stretch{{now, now.after(c.first), pass}}
	missing := max(len(now.blocks), len(c.tail.blocks)) - len(parts[0].blocks())
	for p := pass - 1; missing > 0 && p >= 0; p-- {
		from := 0
		if p > 0 {
			from = c.tail.after(c.first)
		}
		complete := p > 0 && c.tail.blocks[0].msn <= c.first+1
		n := min(missing, len(c.tail.blocks)-from)
		parts = append(parts, stretch{c.tail, len(c.tail.blocks) - n, p})
		if missing -= n; !complete {
			break
		}
	}
	return c.write(parts)
}
