// Package quietlog bounds logs, so that no cause of a line can fill the disk: of each sort a few lines are written at once, then
// fewer and fewer, each with the number of those before it that were left out.
package quietlog

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// maxSorts bounds the memory for sorts of lines: more than a program has. All beyond share one.
const maxSorts = 256

// leftOut is the attribute with the number of lines of the same sort since the last one that was written.
const leftOut = "more_since"

// Options state how much is written.
type Options struct {
	// Burst is how many lines of a sort may follow each other at once.
	Burst int
	// Quiet is the first distance between further ones. It doubles with each, up to 60 times as much; after 10 times as much
	// without any, a burst is written again.
	Quiet time.Duration
	// Now is the clock; only differences count.
	Now func() time.Time
}

// Handler is a slog.Handler in front of another one, which gets what is written. Lines of one level and message are of one sort;
// numbers in the message make no difference. Debug lines are never left out: who turns them on wants them all.
type Handler struct {
	next  slog.Handler
	sorts *sorts
}

// New makes a Handler in front of next.
func New(next slog.Handler, o Options) *Handler {
	return &Handler{next, &sorts{o: o, known: map[sortKey]*sort{}}}
}

// Enabled reports what next does.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle passes a line on, or counts it.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelInfo {
		return h.next.Handle(ctx, r)
	}
	before, due := h.sorts.due(r)
	if !due {
		return nil
	}
	if before > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int64(leftOut, before))
	}
	return h.next.Handle(ctx, r)
}

// WithAttrs is a Handler with more attributes; what it lets through counts for h too.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{h.next.WithAttrs(attrs), h.sorts}
}

// WithGroup is a Handler with a group; what it lets through counts for h too.
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{h.next.WithGroup(name), h.sorts}
}

// Flush writes the numbers of lines that were left out and not accounted for yet.
func (h *Handler) Flush() {
	for _, r := range h.sorts.flush() {
		_ = h.next.Handle(context.Background(), r) // a log that can't be written has nobody to complain to
	}
}

type sortKey struct {
	level   slog.Level
	message string // without digits
}

// sort is what is known of the lines of a sort.
type sort struct {
	Pace
	level   slog.Level
	message string
	leftOut int64 // since the last line
}

// sorts are in the order in which they first came.
type sorts struct {
	o Options

	mu    sync.Mutex
	known map[sortKey]*sort
	order []*sort
}

// due reports whether a line is written, and how many of its sort were left out before it.
func (s *sorts) due(r slog.Record) (before int64, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.of(r)
	if !of.Due(s.o.Now()) {
		of.leftOut++
		return 0, false
	}
	before, of.leftOut = of.leftOut, 0
	return before, true
}

func (s *sorts) of(r slog.Record) *sort {
	key := sortKey{r.Level, strings.Map(withoutDigits, r.Message)}
	if len(s.known) >= maxSorts && s.known[key] == nil {
		key = sortKey{}
	}
	of := s.known[key]
	if of == nil {
		of = &sort{Pace: Pace{Burst: s.o.Burst, Quiet: s.o.Quiet}, level: r.Level, message: r.Message}
		s.known[key] = of
		s.order = append(s.order, of)
	}
	return of
}

func withoutDigits(r rune) rune {
	if r >= '0' && r <= '9' {
		return -1
	}
	return r
}

func (s *sorts) flush() (list []slog.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, of := range s.order {
		if of.leftOut > 0 {
			r := slog.NewRecord(s.o.Now(), of.level, of.message, 0)
			r.AddAttrs(slog.Int64(leftOut, of.leftOut))
			list, of.leftOut = append(list, r), 0
		}
	}
	return list
}

const (
	// slowest is how many times the first distance between further lines the last is: an hour for a minute.
	slowest = 60
	// Calm is how many times that distance nothing must happen for all to be new again.
	Calm = 10
)

// Pace decides when something may be logged: a few times at once, then at distances that double. It belongs to one goroutine.
type Pace struct {
	// Burst is how many lines may follow each other at once, Quiet the first distance between lines after that.
	Burst int
	Quiet time.Duration

	happened time.Time     // when there was last something to log
	lines    int           // logged since things were calm
	last     time.Time     // when the last of them was
	wait     time.Duration // from there to the next, after a burst
}

// Due takes note that there is something to log, and reports whether to log it, which is then taken to be done.
func (p *Pace) Due(now time.Time) bool {
	if p.lines == 0 || now.Sub(p.happened) >= Calm*p.Quiet {
		p.lines, p.wait = 0, p.Quiet
	}
	p.happened = now
	if p.lines >= p.Burst {
		if now.Sub(p.last) < p.wait {
			return false
		}
		p.wait = min(2*p.wait, slowest*p.Quiet)
	}
	p.last = now
	p.lines++
	return true
}

// Left is the time until what is not due becomes so.
func (p *Pace) Left(now time.Time) time.Duration { return p.wait - now.Sub(p.last) }
