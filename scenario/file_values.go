package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"
)

// scalar reads a value by a function, whose error names what to write.
func (p *parser) scalar(name string, read func(text string) error) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.ScalarNode {
			return p.f.problem(n.Line, "%s is not a single value", name)
		}
		if err := read(n.Value); err != nil {
			return p.f.problem(n.Line, "%s: %v", name, err)
		}
		return nil
	}
}

// length reads a length of time above zero.
func (p *parser) length(name string, to *int64, most time.Duration) func(*yaml.Node) error {
	return p.scalar(name, func(text string) error {
		v, err := parseTime(text)
		if err != nil || v <= 0 || v > int64(most) {
			return fmt.Errorf("%.40q is not possible: use a time such as 12s or 00:01:00, at most %s", text, most)
		}
		*to = v
		return nil
	})
}

// whole reads a whole number from least on.
func (p *parser) whole(name string, to *int64, least int64) func(*yaml.Node) error {
	return p.scalar(name, func(text string) error {
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil || v < least || v > maxWhole {
			return fmt.Errorf("%.40q is not possible: use a whole number from %d to %d", text, least, int64(maxWhole))
		}
		*to = v
		return nil
	})
}

// point reads the time of a fault.
func (p *parser) point(n *yaml.Node) (at point, err error) {
	if n.Kind == yaml.ScalarNode {
		if at.n, err = parseTime(n.Value); err != nil || at.n < 0 || at.n > int64(maxRepeat) {
			err = p.f.problem(n.Line, "at: %.40q is not possible: use a time from the epoch such as 90s or 00:01:30, at most %s, "+
				"{frame: N}, {msn: N} or {utc: 2026-01-02T03:04:05Z}", n.Value, maxRepeat)
		}
		return at, err
	}
	set := 0
	one := func(k pointKind, read func(*yaml.Node) error) func(*yaml.Node) error {
		return func(n *yaml.Node) error {
			at.kind = k
			set++
			return read(n)
		}
	}
	err = p.keys(n, "at", map[string]func(*yaml.Node) error{
		"frame": one(atFrame, p.whole("frame", &at.n, 0)), "msn": one(atMSN, p.whole("msn", &at.n, 0)),
		"utc": one(atUTC, p.scalar("utc", func(text string) (err error) {
			if at.utc, err = time.Parse(time.RFC3339, text); err != nil {
				err = fmt.Errorf("%.40q is not possible: use a time such as 2026-01-02T03:04:05Z", text)
			}
			return err
		})),
	})
	if err == nil && set != 1 {
		err = p.f.problem(n.Line, "at: there are %d times: use one of frame, msn and utc", set)
	}
	return at, err
}

// span reads the length of a fault.
func (p *parser) span(n *yaml.Node) (s Span, err error) {
	if n.Kind == yaml.ScalarNode {
		err = p.length("for", &s.Nanos, maxRepeat)(n)
		return s, err
	}
	err = p.keys(n, "for", map[string]func(*yaml.Node) error{
		"frames": p.whole("frames", &s.Frames, 1), "segments": p.whole("segments", &s.Segments, 1),
		"requests": p.whole("requests", &s.Requests, 1),
	})
	if set := min(s.Frames, 1) + min(s.Segments, 1) + min(s.Requests, 1); err == nil && set != 1 {
		err = p.f.problem(n.Line, "for: there are %d lengths: use one of frames, segments and requests", set)
	}
	return s, err
}

// resource reads what a fault of requests is done to.
func (p *parser) resource(n *yaml.Node) (r Resource, err error) {
	err = p.keys(n, "on", map[string]func(*yaml.Node) error{
		"kind": p.scalar("kind", func(text string) error {
			if r = Resource(text); !slices.Contains(Resources(), r) {
				return fmt.Errorf("%.40q is not known: use one of %s", text, Resources())
			}
			return nil
		}),
	})
	if err == nil && r == "" {
		err = p.f.problem(n.Line, "on: it is empty: write {kind: segment}")
	}
	return r, err
}
