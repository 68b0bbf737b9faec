package hlsclient

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/internal/pause"
)

const (
	// shortestReload keeps a playlist with no or a wrong target duration from being requested without end.
	shortestReload = 200 * time.Millisecond
	fastestReload  = 10 * time.Millisecond // the lower limit for Client.Reload
)

type follower struct {
	r       *reading
	at      location
	stream  *Stream
	imports map[string]string // variables of the multivariant playlist

	loads     int64
	last      *loading // reported last
	progress  progress
	numbering int64 // counts how often that of the segments began anew
}

type loading struct {
	exchange *Exchange
	text     []byte
	playlist *m3u8.Playlist
	from     location
	defined  map[string]string
	held     int64 // bytes of the memory for all, besides those of the exchange
}

func (f *follower) request() request {
	return request{resource: ResourcePlaylist, stream: f.stream, at: f.at, msn: -1, limit: m3u8.MaxText}
}

// loadFirst loads the playlist for the first time, with retries; attempt is the last. The error is fatal if ctx is done.
func (f *follower) loadFirst(ctx context.Context) (l *loading, attempt int, err error) {
	e, got, from, err := f.r.fetch(ctx, f.request())
	if err != nil {
		return nil, 0, err
	}
	if e.Err == nil {
		l, err = f.parse(e, got.data, from)
	} else {
		err = fmt.Errorf("read HLS: %w", e.Err)
	}
	if err != nil {
		f.r.release(e)
	}
	return l, e.Attempt, err
}

// load loads the playlist once more. failure is why that failed, which was reported; err is fatal.
func (f *follower) load(ctx context.Context, attempt int) (l *loading, failure, err error) {
	e, got, from, err := f.r.fetchOnce(ctx, f.request(), attempt)
	if err != nil {
		return nil, nil, err
	}
	if failure = e.Err; failure == nil {
		l, failure = f.parse(e, got.data, from)
	}
	if failure == nil {
		failure = f.checkKind(l)
	}
	if failure == nil && f.r.c.Follow && f.emptied(l) {
		failure = fmt.Errorf("read HLS: %s: the playlist is complete and empty, after one with segments", f.at.redacted())
	}
	if failure != nil {
		f.drop(l)
		f.r.release(e)
		return nil, failure, f.r.trouble(f.stream, failure)
	}
	return l, nil, nil
}

// checkKind reports that a playlist is of another kind than it should be.
func (f *follower) checkKind(l *loading) error {
	switch media := l.playlist.Media != nil; {
	case media && f.stream == nil:
		return fmt.Errorf("parse playlist %s: it was one of variants and is a media playlist now", f.at.redacted())
	case !media && f.stream != nil:
		return fmt.Errorf("parse playlist %s: it should be a media playlist and is one of variants", f.at.redacted())
	}
	return nil
}

// parse reads a playlist, or takes what was read of the last one where that had the same text.
func (f *follower) parse(e *Exchange, text []byte, from location) (*loading, error) {
	manifest := f.r.c.DASH && m3u8.IsManifest(text)
	if !manifest && f.sameText(text) && (!bytes.Contains(text, []byte("QUERYPARAM")) || f.last.from.String() == from.String()) {
		l := &loading{e, text, f.last.playlist, from, f.last.defined, f.last.held}
		f.last.held = 0
		return l, nil
	}
	r := f.r
	r.parsing.Lock()
	defer r.parsing.Unlock()
	held := int64(len(text)) // what is read of it has its text once more
	if !r.memory.take(held, 0) {
		return nil, fmt.Errorf("read HLS: %s: %w", f.at.redacted(), errNoRoom)
	}
	var p *m3u8.Playlist
	var err error
	if manifest {
		p, err = f.manifest(text)
	} else {
		p, err = m3u8.Parser{Imports: f.imports, Query: from.query(), Memory: r.memory.left.Load()}.Parse(text)
	}
	if err != nil {
		r.memory.give(held)
		return nil, fmt.Errorf("read HLS: %s: %w", f.at.redacted(), err)
	}
	read := p.Memory()
	r.memory.use(read)
	return &loading{e, text, p, from, p.Defined, held + read}, nil
}

// drop frees the memory of a loading, except that of its exchange.
func (f *follower) drop(l *loading) {
	if l == nil {
		return
	}
	f.r.memory.give(l.held)
	l.held = 0
}

// emptied reports a playlist that some servers give for a moment, while they switch from one programme to the next.
func (f *follower) emptied(l *loading) bool {
	m := l.playlist.Media
	return m != nil && m.End && len(m.Segments) == 0 && f.last != nil && f.last.playlist.Media != nil && len(f.last.playlist.Media.Segments) > 0
}

func (f *follower) sameText(data []byte) bool {
	return f.last != nil && bytes.Equal(f.last.text, data)
}

func (f *follower) take(l *loading) *Version {
	v := &Version{
		Stream: f.stream, Number: f.loads, Exchange: l.exchange, Text: l.text, Playlist: l.playlist, Changed: !f.sameText(l.text),
	}
	if f.last != nil && f.r.c.DASH { // segments of a template become available without a change of its text
		v.Changed = v.Changed || end(f.last.playlist) != end(l.playlist)
	}
	f.loads++
	f.forget()
	f.last = l
	return v
}

func (f *follower) forget() {
	if f.last != nil {
		f.drop(f.last)
		f.r.release(f.last.exchange)
	}
}

func (f *follower) report(v *Version) error {
	if f.r.h.Version == nil {
		return nil
	}
	return f.r.report(func() error { return f.r.h.Version(v) })
}

// follow reads the playlist's segments, until its end.
func (f *follower) follow(l *loading) error {
	q := newQueue(f.stream)
	var wg sync.WaitGroup
	wg.Go(func() { f.r.fetchSegments(q) })
	err := f.loadAgain(l, q)
	q.close()
	wg.Wait()
	f.forget()
	if f.r.ctx.Err() != nil {
		return f.r.ctx.Err()
	}
	return err
}

// loadAgain takes the first version and all that follow.
func (f *follower) loadAgain(l *loading, q *queue) error {
	for {
		changed, err := f.version(l, q)
		if err != nil || l.playlist.Media.End {
			return err
		}
		if l, err = f.next(l, f.delay(l.playlist.Media, changed)); err != nil {
			return err
		}
	}
}

// next loads the next version, delay after the start of the last loading (6.3.4), and retries until it succeeds.
func (f *follower) next(last *loading, delay time.Duration) (*loading, error) {
	c, ctx := f.r.c, f.r.ctx
	began, failing := last.exchange.Began, time.Time{}
	for attempt := 1; ; attempt++ {
		if err := pause.For(ctx, delay-c.Now().Sub(began)); err != nil {
			return nil, err
		}
		began = c.Now()
		l, failure, err := f.load(ctx, attempt)
		if err != nil || failure == nil {
			return l, err
		}
		if attempt == 1 {
			failing = began
		}
		if c.GiveUp > 0 && c.Now().Sub(failing) >= c.GiveUp {
			return nil, fmt.Errorf("read HLS: no playlist for %v: %w", c.GiveUp, failure)
		}
		delay = c.pause(attempt + 1)
		if c.Reload != nil {
			delay = min(delay, f.delay(last.playlist.Media, false))
		}
	}
}

// delay is how long to wait from one loading to the next (6.3.4).
func (f *follower) delay(m *m3u8.Media, changed bool) time.Duration {
	if f.r.c.Reload != nil {
		return max(f.r.c.Reload(m, changed), fastestReload)
	}
	d := time.Duration(m.TargetDuration)
	if !changed {
		d /= 2
	}
	return max(d, shortestReload)
}

// version handles a media playlist that was loaded: reports it, and queues its new segments.
func (f *follower) version(l *loading, q *queue) (changed bool, err error) {
	first := f.loads == 0
	v := f.take(l)
	m := l.playlist.Media
	switch {
	case first:
		v.New = f.progress.begin(m, f.r.c.Behind)
	case v.Changed:
		v.New = f.progress.next(m, v)
	}
	if err := f.report(v); err != nil || v.Stale || !v.Changed {
		return v.Changed, err
	}
	if v.Restarted {
		f.numbering++
	}
	jobs := make([]job, 0, len(v.New))
	dates := m.DateTimes()
	var own owner
	for _, i := range v.New {
		jobs = append(jobs, job{own.copyOf(&m.Segments[i]), l.from, v.Number, f.numbering, dates[i]})
	}
	now := listing{numbering: f.numbering, first: f.progress.first, listed: f.progress.listed}
	f.r.memory.use(q.put(jobs, now, max(waiting, len(m.Segments))))
	return v.Changed, nil
}

// older counts successive versions that look older than an earlier one.
type older struct {
	end   int64 // of the last, 0 before any
	moves int   // how often they advanced
}

const (
	// restartMoves is how often versions that look older must advance in a row to count as a restarted stream. A server that
	// alternates between two copies of a playlist sends the newer one in between.
	restartMoves = 2
	// restartMovesNear is the same where they overlap the last version: a copy that lags a few segments has caught up by then.
	restartMovesNear = 3
	dateTimeSlack    = time.Second // the least difference between two dates that makes them those of different segments
)

// compare counts the segments with known numbers, and those of them that are the same; contradicted reports a date that is
// another segment's.
func (p *progress) compare(m *m3u8.Media) (shared, same int, contradicted bool) {
	slack := max(time.Duration(m.TargetDuration), dateTimeSlack)
	for i := range m.Segments {
		s := &m.Segments[i]
		k, ok := p.known[s.MSN]
		if !ok {
			continue
		}
		shared++
		if !k.same(s) {
			continue
		}
		same++
		if !k.at.IsZero() && !s.ProgramDateTime.IsZero() && s.ProgramDateTime.Sub(k.at).Abs() > slack {
			contradicted = true
		}
	}
	return shared, same, contradicted
}

// goesOn takes a version that looks older, and reports whether enough of them advanced: the stream was restarted.
func (p *progress) goesOn(first, end int64) bool {
	o := &p.older
	switch {
	case o.end == 0 || end < o.end:
		*o = older{end: end}
	case end > o.end:
		o.end = end
		o.moves++
	}
	enough := restartMoves
	if end > p.first && first < p.end {
		enough = restartMovesNear
	}
	return o.moves >= enough
}
