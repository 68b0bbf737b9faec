package splice

import (
	"log/slog"
	"slices"
	"time"
)

// maxWaiting is how many connections wait here; the system holds as many more. A sender whose connection breaks again and again
// makes a few in a second.
const maxWaiting = 16

// muteLooks is how many looks on end must find a sender mute: at the first its first bytes may be on their way here.
const muteLooks = 2

// queue holds the connections that wait for the current one, in order. Their data waits, even after they closed.
type queue struct {
	times   times
	now     func() time.Time
	log     *slog.Logger
	waiting []*waiter
	mute    int // looks on end that found the current sender mute
	refused int // while the current sender was there
}

type waiter struct {
	*sender
	looks int // at it, since the current sender is there
	mute  int // looks on end that found nothing of it
}

func (q *queue) full() bool { return len(q.waiting) >= maxWaiting }

func (q *queue) add(s *sender) { q.waiting = append(q.waiting, &waiter{sender: s}) }

// next takes the first that has sent something, else the first, nil if there is none. The others' waiting time starts again.
func (q *queue) next() *sender {
	q.mute, q.refused = 0, 0
	if len(q.waiting) == 0 {
		return nil
	}
	first := max(slices.IndexFunc(q.waiting, func(w *waiter) bool { return w.spoke.Load() || w.over.Load() }), 0)
	s := q.waiting[first].sender
	q.waiting = slices.Delete(slices.Clone(q.waiting), first, first+1)
	for _, w := range q.waiting {
		w.looks = 0
	}
	return s
}

// look closes the current sender's connection if it must give way, and else those that have waited too long. It reports whether
// there are any left.
func (q *queue) look(current *sender) bool {
	limit := int(max(q.times.grace/q.times.look, 1))
	brought, late, open := false, false, []*waiter(nil)
	for _, w := range q.waiting {
		w.looks++
		spoke := w.spoke.Load()
		if !spoke && w.over.Load() { // somebody looked whether the port is open
			w.close()
			continue
		}
		if w.mute++; spoke {
			w.mute = 0
		}
		brought = brought || spoke
		late = late || w.looks >= limit
		open = append(open, w)
	}
	if len(open) >= maxWaiting {
		open = slices.DeleteFunc(open, q.makesRoom)
	}
	q.waiting = open
	if len(open) == 0 || current.dropped.Load() != nil {
		return len(open) > 0
	}
	if q.mute++; current.spoke.Load() {
		q.mute = 0
	}
	if (late || brought) && q.giveWay(current, brought, late) {
		return true
	}
	if q.mute > 0 && !q.full() { // who brings something first may stay
		return true
	}
	q.waiting = nil
	for _, w := range open {
		if w.looks < limit {
			q.waiting = append(q.waiting, w)
			continue
		}
		w.close()
		if q.refused++; q.refused&(q.refused-1) == 0 {
			q.log.Warn("a sender was turned away: there is another one", "sender", w.from, "recorded", current.from, "times", q.refused)
		}
	}
	return len(q.waiting) > 0
}

// makesRoom closes a connection that brings nothing, and reports whether it did: whoever connects behind it may have something.
func (q *queue) makesRoom(w *waiter) bool {
	if w.mute < muteLooks {
		return false
	}
	w.close()
	q.log.Warn("a connection that brings nothing is closed: others wait behind it", "sender", w.from)
	return true
}

// giveWay closes the current sender's connection if it brings nothing, and reports that. brought: another one has sent something.
// late: another one has waited long enough.
func (q *queue) giveWay(current *sender, brought, late bool) bool {
	var reason string
	switch silent := current.silent(q.now()); {
	case silent >= q.times.silence:
		reason = "nothing was received for " + silent.Round(time.Millisecond).String() + ", and another sender is there"
	case brought && q.mute >= muteLooks:
		reason = "it was silent from the start, and another sender has brought something"
	case brought && late && !current.streams.Load():
		reason = "it has brought no stream, and another sender has brought something"
	default:
		return false
	}
	q.log.Warn("a sender must give way to another", "sender", current.from, "reason", reason)
	current.drop(reason)
	return true
}

func (q *queue) close() {
	for _, w := range q.waiting {
		w.close()
	}
}
