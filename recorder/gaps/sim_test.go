package gaps

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/recorder"
)

const (
	simURL   = "http://example.com/live/index.m3u8"
	poll     = 50 * time.Millisecond
	simFirst = 100 // the media sequence number at the start of the recording
)

func simStart() time.Time { return time.Date(2026, 11, 21, 15, 4, 5, 0, time.UTC) }

// entry is a segment as its playlist has it.
type entry struct {
	uri       string
	duration  time.Duration
	date      time.Time // zero for none
	disc, gap bool
}

// mediaPlaylist is a playlist.
type mediaPlaylist struct {
	first, discontinuity int64
	target               int
	entries              []entry
	end                  bool
}

func (m *mediaPlaylist) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:%d\n#EXT-X-MEDIA-SEQUENCE:%d\n", m.target, m.first)
	fmt.Fprintf(&b, "#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", m.discontinuity)
	for _, e := range m.entries {
		if e.disc {
			b.WriteString("#EXT-X-DISCONTINUITY\n")
		}
		if !e.date.IsZero() {
			fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n", e.date.Format("2006-01-02T15:04:05.000Z"))
		}
		if e.gap {
			b.WriteString("#EXT-X-GAP\n")
		}
		fmt.Fprintf(&b, "#EXTINF:%d.%06d,\n%s\n", e.duration/time.Second, e.duration%time.Second/time.Microsecond, e.uri)
	}
	if m.end {
		b.WriteString("#EXT-X-ENDLIST\n")
	}
	return b.String()
}

// sim is a live stream with a segment every two seconds, and a recorder that records it. The functions, which may be nil,
// make it wrong.
type sim struct {
	length time.Duration
	window int
	// shown changes the time at which the server makes the playlist for a request at t.
	shown func(t time.Duration) time.Duration
	// change changes the playlist of a request at t.
	change func(t time.Duration, m *mediaPlaylist)
	// raw replaces the text; load the request, whose body is set.
	raw  func(t time.Duration, text string) string
	load func(e *exchange)
	// fetch changes the request for a segment, also into several that failed first; pts its time stamps.
	fetch func(e exchange) []exchange
	pts   func(msn int64, first, end *int64)
	// restart says that the recorder takes this version as one that does not go on.
	restart func(t time.Duration) bool
}

const second = time.Second

// published is what the server has at t: segment n is there at the end of its time.
func (s *sim) published(t time.Duration) *mediaPlaylist {
	last := simFirst + int64(t/(2*second))
	m := &mediaPlaylist{target: 2, first: last - int64(s.window) + 1}
	for n := m.first; n <= last; n++ {
		m.entries = append(m.entries, entry{
			uri: fmt.Sprintf("s%d.ts?token=%d", n, t/second), duration: 2 * second,
			date: simStart().Add(time.Duration(n-simFirst-1) * 2 * second),
		})
	}
	return m
}

// record writes a run into w.
func (s *sim) record(w *written, playlist int64) {
	var last string
	var lastEnd, number int64
	unseen := time.Duration(-1)
	named := map[string]bool{}
	for t := time.Duration(0); t < s.length; {
		at := t
		if s.shown != nil {
			at = s.shown(t)
		}
		m := s.published(at)
		if s.change != nil {
			s.change(t, m)
		}
		text := m.String()
		if s.raw != nil {
			text = s.raw(t, text)
		}
		e := exchange{playlist: playlist, resource: "playlist", url: simURL, msn: -1, began: t, ended: t + 5*time.Millisecond, body: text}
		if s.load != nil {
			s.load(&e)
		}
		id := w.exchange(e)
		began := t
		t = max(t+poll, e.ended)
		if e.err != "" || !strings.HasPrefix(text, "#EXTM3U") {
			continue
		}
		number++
		if e.body == last {
			unseen = began
			continue
		}
		end := m.first + int64(len(m.entries))
		restarted := s.restart != nil && s.restart(began)
		stale := !restarted && end < lastEnd
		missed := int64(0)
		if lastEnd > 0 && !restarted {
			missed = max(0, m.first-lastEnd)
		}
		var before any
		if unseen >= 0 {
			before = int64(unseen)
		}
		version := w.exec(`INSERT INTO versions (run, playlist, exchange, body, number, seen_at, unseen_at, stale, restarted, missed)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, w.run, playlist, id, w.body(e.body), number-1, int64(e.ended), before,
			stale, restarted, missed)
		unseen, last = began, e.body
		if stale {
			continue
		}
		lastEnd = end
		when := e.ended
		for i := range m.entries {
			if key := withoutQuery(m.entries[i].uri); !named[key] {
				named[key] = true
				when = s.segment(w, playlist, version, m.first+int64(i), &m.entries[i], when)
			}
		}
	}
	w.end(s.length, "stopped")
}

// segment fetches a segment after when, and says when it was there.
func (s *sim) segment(w *written, playlist, version, msn int64, m *entry, when time.Duration) time.Duration {
	first := (1<<33 - 3*180_000 + (msn-simFirst)*180_000) % (1 << 33) // the 33 bits begin anew after three segments
	end := first + int64(m.duration/1000)*9/100
	if s.pts != nil {
		s.pts(msn, &first, &end)
	}
	e := exchange{
		playlist: playlist, resource: "segment", url: "http://example.com/live/" + m.uri, msn: msn, began: when,
		ended: when + 20*time.Millisecond, body: fmt.Sprintf("segment %d", msn),
	}
	list := []exchange{e}
	if s.fetch != nil {
		list = s.fetch(e)
	}
	var id, failure, date any
	if m.gap {
		list, failure = nil, "segment is a gap"
	}
	for _, e := range list {
		id, failure = w.exchange(e), nil
		if e.err != "" {
			failure = e.err
		}
		when = e.ended
	}
	if !m.date.IsZero() {
		date = m.date.UnixNano()
	}
	row := w.exec(`INSERT INTO segments (run, playlist, version, exchange, msn, discontinuity, gap, duration, pdt_utc, error)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, w.run, playlist, version, id, msn, m.disc, m.gap, int64(m.duration), date, failure)
	if failure == nil {
		w.exec(`UPDATE segments SET media = 'video', first_pts = ?, end_pts = ? WHERE id = ?`, first, end, row)
	}
	return when
}

// report records the stream and looks at it.
func (s *sim) report(t *testing.T, o Options) *Report {
	t.Helper()
	w := write(t, simURL)
	p := w.playlist(simURL, recorder.KindMedia, "")
	w.begin(simStart())
	if s.length == 0 {
		s.length = 30 * second
	}
	if s.window == 0 {
		s.window = 5
	}
	s.record(w, p)
	r, err := Find(t.Context(), w.open(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
