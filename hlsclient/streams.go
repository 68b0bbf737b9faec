package hlsclient

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/internal/pause"
)

// streams are the playlists that are read of a multivariant playlist. Those that fail are retried as long as one is read.
type streams struct {
	r *reading
	// ctx ends when none is read any more.
	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu      sync.Mutex
	known   map[string]bool // what is read, by each name that it is known by
	leftOut int             // how many of a version were not, as they are too many: the most so far
	count   int             // of those
	read    int             // that are read, or requested the first time
	whole   bool            // one was read to its end
	errs    []error         // why each of the others could not be, by number
}

func (r *reading) choose(m *m3u8.Multivariant) []Stream {
	if r.c.Choose == nil {
		return HighestVariant(m)
	}
	return r.c.Choose(m)
}

// readStreams reads the playlists that are chosen of a multivariant playlist, all at once.
func (r *reading) readStreams(master *follower, l *loading) error {
	chosen := r.choose(l.playlist.Multivariant)
	if len(chosen) == 0 {
		return fmt.Errorf("read HLS: no playlist is chosen of the %d variants of %s",
			len(l.playlist.Multivariant.Variants), r.at.redacted())
	}
	s := &streams{r: r, known: map[string]bool{}}
	s.ctx, s.stop = context.WithCancel(r.ctx)
	defer s.stop()
	s.add(chosen, l)
	if r.c.ReloadMultivariant > 0 {
		s.wg.Go(func() { s.reload(master, l) })
	}
	s.wg.Wait()
	switch {
	case r.ctx.Err() != nil:
		return r.ctx.Err()
	case s.whole:
		return nil // failures were reported
	}
	return errors.Join(s.errs...)
}

// reload reloads the multivariant playlist and adds new streams, until no stream is read any more.
func (s *streams) reload(master *follower, l *loading) {
	c := s.r.c
	every := max(c.ReloadMultivariant, fastestReload)
	began, delay, attempt := l.exchange.Began, every, 1
	for {
		if pause.For(s.ctx, delay-c.Now().Sub(began)) != nil {
			return
		}
		began = c.Now()
		l, failure, err := master.load(s.ctx, attempt)
		if err != nil {
			return
		}
		if failure != nil {
			attempt++
			delay = min(every, c.pause(attempt))
			continue
		}
		attempt, delay = 1, every
		v := master.take(l)
		if master.report(v) != nil {
			return
		}
		if v.Changed {
			s.add(s.r.choose(l.playlist.Multivariant), l)
		}
	}
}

// add starts the chosen streams that are not known yet. Variants may share a playlist, which is read once.
func (s *streams) add(chosen []Stream, of *loading) {
	if n := s.addUpToMost(chosen, of); n > 0 {
		// Where it can't be reported, all ends.
		_ = s.r.trouble(nil, fmt.Errorf("read HLS: %d of the playlists that %s names are left out: no more than %d are read at once",
			n, of.from.redacted(), maxStreams))
	}
}

func (s *streams) addUpToMost(chosen []Stream, of *loading) (tooMany int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.count == 0
	if !first && s.read == 0 {
		return 0 // it is over
	}
	for i := range chosen {
		stream := chosen[i] // of its own
		uri, attributes := stream.entry()
		at, err := of.from.resolve(uri)
		url, renamed := "unusable "+uri, ""
		if err == nil {
			url = at.String()
			renamed = nameWithoutQuery(url, attributes)
			stream.URL = url
		}
		// Within one playlist only the URL identifies a stream: the query may change from one version to the next.
		known := s.known[url] || !first && s.known[renamed]
		if s.count == maxStreams && !known {
			tooMany++
			continue
		}
		s.known[url] = true
		if renamed != "" {
			s.known[renamed] = true
		}
		if known {
			continue
		}
		stream.Number = s.count
		s.count++
		s.read++
		s.errs = append(s.errs, nil)
		f := &follower{r: s.r, at: at, stream: &stream, imports: of.defined}
		s.wg.Go(func() { s.follow(f, err) })
	}
	if tooMany <= s.leftOut {
		return 0
	}
	s.leftOut = tooMany
	return tooMany
}

// follow reads one to its end. Its errors are reported as trouble: others continue.
func (s *streams) follow(f *follower, unusable error) {
	if unusable != nil {
		s.failed(f, unusable)
		return
	}
	l, attempt, err := f.loadFirst(s.r.ctx)
	if err == nil {
		err = f.checkKind(l)
	}
	if err != nil {
		if !s.failed(f, err) {
			return
		}
		if l = s.tryAgain(f, attempt); l == nil {
			return
		}
	}
	if err = f.follow(l); err != nil {
		s.failed(f, err)
		return
	}
	s.mu.Lock()
	s.whole = true
	s.mu.Unlock()
	s.over()
}

// failed reports why one can't be read, and returns whether another is still read.
func (s *streams) failed(f *follower, err error) bool {
	if s.r.ctx.Err() == nil && s.r.trouble(f.stream, err) == nil {
		s.keep(f, err)
	}
	return s.over()
}

func (s *streams) keep(f *follower, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs[f.stream.Number] = err
}

// again counts a stream that is read after all, and reports whether another is read too: else it is too late.
func (s *streams) again() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.read == 0 {
		return false
	}
	s.read++
	return true
}

// over ends one stream, and reports whether another is still read.
func (s *streams) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read--
	if s.read == 0 {
		s.stop()
	}
	return s.read > 0
}

// tryAgain retries a playlist that failed at first. It returns nil when no other stream is read any more, or it is given up.
func (s *streams) tryAgain(f *follower, attempt int) *loading {
	c := s.r.c
	failing := c.Now()
	for {
		attempt++
		if pause.For(s.ctx, c.pause(attempt)) != nil {
			return nil
		}
		l, failure, err := f.load(s.ctx, attempt)
		if err != nil {
			return nil
		}
		if failure == nil {
			if s.again() {
				return l
			}
			return nil
		}
		s.keep(f, failure)
		if c.GiveUp > 0 && c.Now().Sub(failing) >= c.GiveUp {
			return nil
		}
	}
}

// entry is the URI and attributes in the multivariant playlist.
func (s *Stream) entry() (uri string, attributes []m3u8.Attribute) {
	switch {
	case s.Variant != nil:
		return s.Variant.URI, s.Variant.Attributes
	case s.Rendition != nil:
		return s.Rendition.URI, s.Rendition.Attributes
	}
	return "", nil
}

// nameWithoutQuery identifies a stream whose query may change.
func nameWithoutQuery(url string, attributes []m3u8.Attribute) string {
	name, _, _ := strings.Cut(url, "?")
	for _, a := range attributes {
		if a.Name != "URI" {
			name += "\n" + a.Name + "=" + a.Value
		}
	}
	return "\n" + name
}
