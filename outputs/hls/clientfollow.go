package hls

import (
	"bytes"
	"fmt"
	"sync"
	"time"
)

const (
	// queued is how many segments may wait to be fetched before the playlist is not reloaded any more.
	queued = 1024
	// shortestReload keeps a playlist with no or a wrong target duration from being asked for without end.
	shortestReload = 200 * time.Millisecond
)

// follower loads one playlist again and again.
type follower struct {
	r       *reading
	at      location
	stream  *Stream
	imports map[string]string // variables of the multivariant playlist

	loads    int64
	last     []byte // the text at the last loading
	progress progress
}

// loading is a playlist that was loaded.
type loading struct {
	exchange *Exchange
	playlist *Playlist
	from     location
	defined  map[string]string
}

func (f *follower) request() request {
	return request{resource: ResourcePlaylist, stream: f.stream, at: f.at, msn: -1, limit: maxPlaylist}
}

// loadFirst loads the playlist for the first time.
func (f *follower) loadFirst() (*loading, error) {
	e, data, from, err := f.r.fetch(f.request())
	if err != nil {
		return nil, err
	}
	if e.Err != nil {
		return nil, fmt.Errorf("read HLS: %w", e.Err)
	}
	return f.parse(e, data, from)
}

// load loads the playlist once more. failure is why it did not come, which was told; err is fatal.
func (f *follower) load(attempt int) (l *loading, failure, err error) {
	e, data, from, err := f.r.fetchOnce(f.request(), attempt)
	if err != nil {
		return nil, nil, err
	}
	if failure = e.Err; failure == nil {
		l, failure = f.parse(e, data, from)
	}
	if failure == nil && l.playlist.Media == nil {
		failure = fmt.Errorf("parse playlist %s: it was a media playlist and is one of variants now", f.at.redacted())
	}
	if failure != nil {
		return nil, failure, f.r.trouble(f.stream, failure)
	}
	return l, nil, nil
}

func (f *follower) parse(e *Exchange, data []byte, from location) (*loading, error) {
	vars := variables{values: map[string]string{}, imports: f.imports, query: from.query()}
	p, err := parsePlaylist(data, vars)
	if err != nil {
		return nil, fmt.Errorf("read HLS: %s: %w", f.at.redacted(), err)
	}
	return &loading{e, p, from, vars.values}, nil
}

func (f *follower) tellMultivariant(l *loading) error {
	if f.r.h.Version == nil {
		return nil
	}
	return f.r.tell(func() error {
		return f.r.h.Version(&Version{Exchange: l.exchange, Playlist: l.playlist, Changed: true})
	})
}

// follow reads the playlist's segments, until its end.
func (f *follower) follow(l *loading) error {
	if l.playlist.Media == nil {
		return fmt.Errorf("read HLS: %s names variants again", f.at.redacted())
	}
	jobs := make(chan job, queued)
	var wg sync.WaitGroup
	wg.Go(func() { f.r.fetchSegments(f.stream, jobs) })
	err := f.loadAgain(l, jobs)
	close(jobs)
	wg.Wait()
	if f.r.ctx.Err() != nil {
		return f.r.ctx.Err()
	}
	return err
}

// loadAgain takes the first version and all that follow.
func (f *follower) loadAgain(l *loading, jobs chan<- job) error {
	for {
		changed, err := f.version(l, jobs)
		if err != nil || l.playlist.Media.End {
			return err
		}
		if l, err = f.next(l, f.delay(l.playlist.Media, changed)); err != nil {
			return err
		}
	}
}

// next loads the next version, so long after the loading of the last one began (6.3.4), and until it comes.
func (f *follower) next(last *loading, delay time.Duration) (*loading, error) {
	c := f.r.c
	began, failing := last.exchange.Began, time.Time{}
	for attempt := 1; ; attempt++ {
		if err := wait(f.r.ctx, delay-c.Now().Sub(began)); err != nil {
			return nil, err
		}
		began = c.Now()
		l, failure, err := f.load(attempt)
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
	}
}

// delay is how long to wait from one loading to the next (6.3.4).
func (f *follower) delay(m *Media, changed bool) time.Duration {
	if f.r.c.Reload > 0 {
		return f.r.c.Reload
	}
	d := time.Duration(m.TargetDuration)
	if !changed {
		d /= 2
	}
	return max(d, shortestReload)
}

// version takes a playlist that was loaded: tells of it, and has its new segments fetched.
func (f *follower) version(l *loading, jobs chan<- job) (changed bool, err error) {
	v := &Version{
		Stream: f.stream, Number: f.loads, Exchange: l.exchange, Playlist: l.playlist,
		Changed: f.loads == 0 || !bytes.Equal(f.last, l.exchange.Body),
	}
	f.loads++
	f.last = l.exchange.Body
	m := l.playlist.Media
	var take []int
	if v.Changed {
		if f.loads == 1 {
			take = f.progress.begin(m, f.r.c.Behind)
		} else {
			take = f.progress.next(m, v)
		}
	}
	if f.r.h.Version != nil {
		if err := f.r.tell(func() error { return f.r.h.Version(v) }); err != nil {
			return v.Changed, err
		}
	}
	for _, i := range take {
		select {
		case jobs <- job{m.Segments[i], l.from, v.Number}:
		case <-f.r.ctx.Done():
			return v.Changed, f.r.ctx.Err()
		}
	}
	return v.Changed, nil
}
