package quietlog

import "time"

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
