package live

import "time"

const (
	// burst is how many lines may follow each other at once: absent, there, lost, there again.
	burst = 4
	// slowest is how many times the first distance between further lines the last is: an hour for a minute.
	slowest = 60
	// calm is how many times that distance nothing must happen for all to be new again.
	calm = 10
)

// pace says when something may be told: a few times at once, then fewer and fewer.
type pace struct {
	quiet time.Duration // the first distance between lines after a burst

	happened time.Time     // when there was last something to tell
	lines    int           // told since things were calm
	last     time.Time     // when the last of them was
	wait     time.Duration // from there to the next, after a burst
}

// due takes note that there is something to tell, and says whether to tell it, which is then taken to be done.
func (p *pace) due(now time.Time) bool {
	if p.lines == 0 || now.Sub(p.happened) >= calm*p.quiet {
		p.lines, p.wait = 0, p.quiet
	}
	p.happened = now
	if p.lines >= burst {
		if now.Sub(p.last) < p.wait {
			return false
		}
		p.wait = min(2*p.wait, slowest*p.quiet)
	}
	p.last = now
	p.lines++
	return true
}

// left is the time until what is not due becomes so.
func (p *pace) left(now time.Time) time.Duration { return p.wait - now.Sub(p.last) }
