package recorder

import (
	"slices"
	"strconv"
	"time"

	"github.com/refstream/refstream/hlsclient"
)

// feed is a playlist as far as it was recorded in this run.
type feed struct {
	id int64 // 0 where it isn't known yet what it is: the first playlist, before it could be read

	// The last loading of it that the client reported, and where it is. Content is equal where the next one's is.
	began    time.Time // zero before any
	status   int
	exchange int64
	content  content
	failure  error // of it
	// The last one that could be read.
	loads  int64
	loaded int64 // when it began
	seen   content

	// The requests for segments whose outcome the client has not reported yet.
	asked map[asked]answer

	trouble string // the last

	// The segments that were named and not dealt with yet, in order, and how long they last together.
	named  []entry
	behind time.Duration
	latest int64 // id of the last version

	// When the playlist last named a new segment, and how long after that it should again: 0 once it has ended.
	news time.Time
	due  time.Duration
}

type entry struct {
	number, msn int64 // number is the client's of the version
	version     int64 // its id
	duration    time.Duration
}

// asked identifies a request for a segment.
type asked struct {
	url     string
	msn     int64
	began   time.Time
	attempt int
}

func askedOf(e *hlsclient.Exchange) asked { return asked{e.URL, e.MSN, e.Began, e.Attempt} }

type answer struct {
	id     int64
	failed bool
	ended  time.Time
}

// name notes the segments that a version names and that are to be fetched.
func (f *feed) name(v *hlsclient.Version) {
	m := v.Playlist.Media
	if m == nil {
		return
	}
	if len(v.New) > 0 || f.news.IsZero() {
		f.news = v.Exchange.Ended
	}
	f.due = time.Duration(m.TargetDuration) * 3 / 2
	if m.End {
		f.due = 0
	}
	for _, i := range v.New {
		s := &m.Segments[i]
		f.named = append(f.named, entry{v.Number, s.MSN, f.latest, time.Duration(s.Duration)})
		f.behind += time.Duration(s.Duration)
	}
}

// silent is for how long nothing new was named, 0 where that is not long.
func (f *feed) silent(now time.Time) time.Duration {
	if d := now.Sub(f.news); f.due > 0 && d > f.due {
		return d
	}
	return 0
}

// dealtWith takes a segment from those that were named, and gives the id of the version that named it.
func (f *feed) dealtWith(s *hlsclient.Segment) (version int64) {
	i := slices.IndexFunc(f.named, func(n entry) bool { return n.number == s.Version && n.msn == s.MSN })
	if i < 0 {
		return f.latest
	}
	version = f.named[i].version
	f.behind -= f.named[i].duration
	switch {
	case len(f.named) == 1:
		f.named = nil // what held many is not needed any more
	case i == 0: // as nearly always
		f.named = f.named[1:]
	default:
		f.named = slices.Delete(f.named, i, i+1)
	}
	return version
}

// exchangeOf is the id of the successful or last request for a segment, 0 for none. It forgets the failed ones before.
func (f *feed) exchangeOf(s *hlsclient.Segment) int64 {
	if s.Exchange == nil {
		return 0
	}
	last := askedOf(s.Exchange)
	id := f.asked[last].id
	for q, a := range f.asked {
		if q == last || q.url == s.URL && q.msn == s.MSN && a.failed && !a.ended.After(s.Exchange.Began) {
			delete(f.asked, q)
		}
	}
	return id
}

// kindOf is the kind and name of a playlist.
func kindOf(s *hlsclient.Stream, iframes map[string]bool) (kind PlaylistKind, name string, bandwidth int64) {
	switch {
	case s == nil:
		return KindMultivariant, "", 0
	case s.Rendition != nil:
		return KindRendition, s.Rendition.Name, 0
	case s.Variant == nil:
		return KindMedia, "", 0
	}
	v := s.Variant
	kind = KindVariant
	if iframes[v.URI] {
		kind = KindIFrames
	}
	if v.Width > 0 && v.Height > 0 {
		name = strconv.FormatInt(v.Width, 10) + "x" + strconv.FormatInt(v.Height, 10)
	} else {
		name = strconv.FormatInt(v.Bandwidth, 10)
	}
	return kind, name, v.Bandwidth
}
