package recorder

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/internal/redact"
	"github.com/refstream/refstream/recorder/timing"
)

// recording writes what the client reports, one thing at a time; the progress is requested meanwhile.
type recording struct {
	w       *writer
	o       *Options
	feeds   map[string]*feed // by address
	iframes map[string]bool  // URIs that name playlists of I-frames
	heard   int64            // exchanges
	first   error            // the first failure to write, after which nothing is written

	mu       sync.Mutex
	progress Progress
	media    int64 // versions of media playlists
}

func (r *recording) handler() hlsclient.Handler {
	return hlsclient.Handler{
		Exchange: func(e *hlsclient.Exchange) error { return r.written("store "+string(e.Resource), r.exchange(e)) },
		Version:  func(v *hlsclient.Version) error { return r.written("store playlist", r.version(v)) },
		Segment:  func(s *hlsclient.Segment) error { return r.written("store segment", r.segment(s)) },
		Trouble: func(t *hlsclient.Trouble) error {
			return r.written("store trouble", r.trouble(r.feed(t.Stream), t.At, t.Err))
		},
	}
}

// written keeps the first error, which ends the reading.
func (r *recording) written(what string, err error) error {
	if err == nil {
		return nil
	}
	if r.first == nil {
		r.first = fmt.Errorf("%s: %w", what, explainWrite(r.w.folder.dir, err))
	}
	return r.first
}

// choose picks everything, and remembers what is a playlist of I-frames.
func (r *recording) choose(m *m3u8.Multivariant) []hlsclient.Stream {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.iframes)
	for i := range m.IFrames {
		r.iframes[m.IFrames[i].URI] = true
	}
	return hlsclient.Everything(m)
}

// feed is that of a stream, and of the first playlist for nil.
func (r *recording) feed(s *hlsclient.Stream) *feed {
	address := ""
	if s != nil && (s.Variant != nil || s.Rendition != nil) {
		address = "stream " + s.URL // it may be the first playlist's, which names itself
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.feeds[address]
	if f == nil {
		f = &feed{asked: map[asked]answer{}}
		r.feeds[address] = f
	}
	return f
}

// identify finds the row of a playlist, or makes it.
func (r *recording) identify(f *feed, s *hlsclient.Stream, url int64) error {
	r.mu.Lock()
	kind, name, bandwidth := kindOf(s, r.iframes)
	r.mu.Unlock()
	err := r.w.find(`SELECT id FROM playlists WHERE url = ?`, []any{&f.id}, url)
	if err == nil && f.id == 0 {
		f.id, err = r.w.insert(`INSERT INTO playlists (url, kind, name, bandwidth) VALUES (?, ?, ?, ?)`, url, kind, name, bandwidth)
	}
	if err != nil {
		return err
	}
	r.count(func(p *Progress) { p.Playlists++ })
	return nil
}

func (r *recording) count(f func(*Progress)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.progress)
}

func (r *recording) exchange(e *hlsclient.Exchange) error {
	f := r.feed(e.Stream)
	var c content
	var id int64
	again := e.Resource == hlsclient.ResourcePlaylist
	same := again && !f.began.IsZero() && f.status == e.Status && f.content.sum == contentOf(e.Body).sum
	write := func() (err error) {
		url, err := r.w.url(e.URL, again)
		if err != nil {
			return err
		}
		final := url
		if e.FinalURL != e.URL {
			if final, err = r.w.url(e.FinalURL, again); err != nil {
				return err
			}
		}
		if f.id == 0 && e.Stream != nil {
			if err := r.identify(f, e.Stream, url); err != nil {
				return err
			}
		}
		if same {
			c = f.content
		} else if c, err = r.w.store(e); err != nil {
			return err
		}
		header, err := headerText(e, same && text(e.Err) == text(f.failure))
		if err != nil {
			return err
		}
		var offset, length, answered any
		if e.Range != nil {
			offset, length = e.Range.Offset, e.Range.Length
		}
		if !e.Answered.IsZero() {
			answered = r.w.at(e.Answered)
		}
		id, err = r.w.insert(`INSERT INTO exchanges (run, playlist, resource, url, final_url, range_offset, range_length, msn,
			attempt, began_at, answered_at, ended_at, status, headers, body, error)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			r.w.run, orNull(f.id), e.Resource, url, final, offset, length, e.MSN,
			e.Attempt, r.w.at(e.Began), answered, r.w.at(e.Ended), e.Status, header, orNull(c.id), orNull(text(e.Err)))
		return err
	}
	transact := r.w.transact
	if same && f.id != 0 {
		transact = func(f func() error) error { return f() } // it is one row
	}
	if err := transact(write); err != nil {
		return err
	}
	switch e.Resource {
	case hlsclient.ResourcePlaylist:
		f.began, f.status, f.exchange, f.content, f.failure = e.Began, e.Status, id, c, e.Err
	case hlsclient.ResourceSegment:
		f.asked[askedOf(e)] = answer{id, e.Err != nil, e.Ended}
	}
	r.count(func(p *Progress) {
		r.heard++
		p.Bytes += e.Size()
		p.Stored = r.w.stored
		if e.Err != nil {
			p.Failures++
		}
	})
	return nil
}

func (r *recording) version(v *hlsclient.Version) error {
	f := r.feed(v.Stream)
	if !f.began.Equal(v.Exchange.Began) {
		return errors.New("a playlist was reported that is not the last one loaded")
	}
	began := f.loaded
	f.loaded = r.w.at(v.Exchange.Began)
	number := f.loads
	f.loads++
	f.trouble = ""
	if v.Playlist.Media != nil {
		r.media++
	}
	text := f.content
	plain := bytes.Equal(v.Text, v.Exchange.Body)
	if !plain { // it was sent compressed
		text = contentOf(v.Text)
	}
	if number > 0 && f.seen.sum == text.sum {
		r.count(func(*Progress) { f.name(v) })
		return nil
	}
	f.seen = text
	var unseen any
	if number > 0 {
		unseen = began
	}
	err := r.w.transact(func() error {
		if f.id == 0 {
			url, err := r.w.url(v.Exchange.URL, true)
			if err != nil {
				return err
			}
			if err := r.identify(f, v.Stream, url); err != nil {
				return err
			}
			// It is known now whose the loadings are that failed.
			if err := r.w.exec(`UPDATE exchanges SET playlist = ? WHERE playlist IS NULL AND url = ?`, f.id, url); err != nil {
				return err
			}
		}
		if !plain {
			var err error
			if text, err = r.w.storeBody(bytes.NewReader(v.Text), shortPlaylist, extension(v.Exchange.URL)); err != nil {
				return err
			}
		}
		id, err := r.w.insert(`INSERT INTO versions (run, playlist, exchange, body, number, seen_at, unseen_at, stale, restarted,
			missed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			r.w.run, f.id, f.exchange, text.id, number, r.w.at(v.Exchange.Ended), unseen, v.Stale, v.Restarted, v.Missed)
		f.latest = id
		return err
	})
	if err == nil {
		r.count(func(p *Progress) { p.Versions++; f.name(v) })
	}
	return err
}

func (r *recording) segment(s *hlsclient.Segment) error {
	f := r.feed(s.Stream)
	exchange := f.exchangeOf(s)
	var version int64
	r.count(func(*Progress) { version = f.dealtWith(s) })
	var media, first, end, hlsTime any
	if t := timing.Measure(s); t != nil {
		media, first, end = t.Media, t.First, t.End
		if ns, ok := timing.FirstTime(s, t); ok {
			hlsTime = ns
		}
	}
	err := r.w.exec(`INSERT INTO segments (run, playlist, version, exchange, msn, discontinuity, gap, duration, pdt_utc, error,
		media, first_pts, end_pts, first_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.w.run, f.id, version, orNull(exchange), s.MSN, s.Discontinuity, s.Gap, int64(s.Duration),
		pdtValue(s.ProgramDateTime), orNull(text(s.Err)), media, first, end, hlsTime)
	if err != nil {
		return err
	}
	missing := s.Err != nil && !errors.Is(s.Err, hlsclient.ErrGap)
	if missing {
		r.warn("segment is missing", "segment", s.MSN, "url", redact.Address(s.URL), "error", s.Err)
	}
	r.count(func(p *Progress) {
		if missing {
			p.Failed++
		} else if s.Err == nil {
			p.Segments++
		}
	})
	return nil
}

// trouble writes another problem, unless it is a recorded request's failure or the same as before.
func (r *recording) trouble(f *feed, at time.Time, err error) error {
	known := f.trouble == err.Error()
	if f.trouble = err.Error(); known {
		return nil
	}
	r.warn("the stream has a problem", "error", err)
	if err == f.failure { //nolint:errorlint // that very one: one that wraps it has more
		return nil
	}
	return r.w.exec(`INSERT INTO troubles (run, playlist, at, error) VALUES (?, ?, ?, ?)`, r.w.run, orNull(f.id), r.w.at(at), err.Error())
}

func (r *recording) warn(message string, args ...any) {
	if r.o.Logger != nil {
		r.o.Logger.Warn(message, args...)
	}
}

// headerText is the answer's header as it is written: not again where all is as it was the last time.
func headerText(e *hlsclient.Exchange, known bool) (any, error) {
	if e.Header == nil || known {
		return nil, nil
	}
	b, err := json.Marshal(e.Header)
	return string(b), err
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// orNull is NULL for the zero value.
func orNull[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

// pdtValue is NULL where there is no time, or none that can be counted in nanoseconds.
func pdtValue(t time.Time) any {
	if t.Year() <= 1678 || t.Year() >= 2262 {
		return nil
	}
	return t.UnixNano()
}
