package recorder

import (
	"net/http"
	"time"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/recorder/timing"
)

// Moment is a time of a recording: an offset from the start of one of its runs, by a clock that never steps.
type Moment struct {
	Run int64         // the id of a Run
	At  time.Duration // the time since its start
}

// Run is one stretch of recording; a session has one more for each resumption.
type Run struct {
	ID      int64
	Started time.Time // the UTC of its start
	// Ended is the time from its start to its end; where the recorder was killed, to the last thing that it wrote.
	Ended time.Duration
	// Reason is why it ended: "stopped", "duration", "end of stream", or an error; empty if the recorder was killed.
	Reason string
}

// Timeline puts the runs of a recording one behind the other, with nothing between them.
type Timeline struct {
	Runs   []Run
	Length time.Duration           // that of all
	starts map[int64]time.Duration // of each run, by its id
}

// NewTimeline makes that of a session's runs.
func NewTimeline(runs []Run) Timeline {
	t := Timeline{Runs: runs, starts: make(map[int64]time.Duration, len(runs))}
	for _, r := range runs {
		t.starts[r.ID] = t.Length
		t.Length += max(r.Ended, 0)
	}
	return t
}

// Offset is where a moment is, from the start of the first run.
func (t Timeline) Offset(m Moment) time.Duration { return t.starts[m.Run] + m.At }

// OffsetOf is where a UTC is; the end for one after it.
func (t Timeline) OffsetOf(utc time.Time) time.Duration {
	for _, r := range t.Runs {
		if since := utc.Sub(r.Started); since < r.Ended {
			return t.starts[r.ID] + max(since, 0)
		}
	}
	return t.Length
}

// UTC is the time at an offset, also after the end.
func (t Timeline) UTC(at time.Duration) time.Time {
	for i, r := range t.Runs {
		if since := at - t.starts[r.ID]; since < r.Ended || i == len(t.Runs)-1 {
			return r.Started.Add(since)
		}
	}
	return time.Time{}
}

// PlaylistKind is how the stream refers to a playlist.
type PlaylistKind string

// The kinds of playlists.
const (
	KindMultivariant PlaylistKind = "multivariant"
	KindMedia        PlaylistKind = "media" // the address that was given is that of a media playlist
	KindVariant      PlaylistKind = "variant"
	KindRendition    PlaylistKind = "rendition"
	KindIFrames      PlaylistKind = "iframes"
)

// Playlist is one that was followed.
type Playlist struct {
	ID   int64
	URL  string // absolute, as it was requested
	Kind PlaylistKind
	// Name is the NAME of a rendition, the RESOLUTION or BANDWIDTH of a variant, and empty for others.
	Name      string
	Bandwidth int64 // that of a variant in bit/s, 0 for others
}

// Body names a content; 0 is none.
type Body int64

// Exchange is a request and its outcome.
type Exchange struct {
	ID  int64
	Run int64
	// Playlist is the id of the playlist that it is for, 0 where it is not known: the first loading failed.
	Playlist int64
	Resource hlsclient.Resource
	// URL is the requested address, absolute; FinalURL is that after redirections.
	URL, FinalURL string
	Range         *m3u8.ByteRange // the part that was requested, nil for all
	MSN           int64           // the media sequence number that it is for, -1 for none
	Attempt       int             // counts from 1
	// Began, Answered and Ended are offsets from the start of the run: of the request, of the answer's header (-1 for none), and of
	// the end of its body.
	Began, Answered, Ended time.Duration
	Status                 int         // 0 without an answer, and for files
	Header                 http.Header // nil if the content was the same as before
	// Body is the received content, as sent, possibly incomplete, 0 for nothing; Bytes is its length.
	Body  Body
	Bytes int64
	Error string // why it failed, empty where it did not
}

// Version is a loading of a playlist that brought another text than the last one, or the first of a run.
type Version struct {
	ID       int64
	Run      int64
	Playlist int64
	Exchange int64
	Body     Body  // the text: that of the Exchange, unpacked if that was compressed
	Number   int64 // counts the loadings of the playlist in this run before it
	// Seen is when it was there. It wasn't yet, as far as is known, at Unseen, which is -1 for the first of a run.
	Seen, Unseen time.Duration
	// Stale: it is older than an earlier one. Restarted: the numbering is not continued. Missed counts the segments between the
	// last version and this one that neither has.
	Stale, Restarted bool
	Missed           int64
}

// Segment is an entry of a media playlist: once in a run, fetched or not.
type Segment struct {
	ID       int64
	Run      int64
	Playlist int64
	// Version is the id of the first version with the segment, Exchange of its successful or last request, 0 for none.
	Version, Exchange int64
	MSN               int64
	// Discontinuity is EXT-X-DISCONTINUITY before it, Gap is EXT-X-GAP.
	Discontinuity, Gap bool
	Duration           time.Duration // EXTINF
	ProgramDateTime    time.Time     // in UTC, zero for none
	// Error is why it isn't there, empty where it is. See NotAsked.
	Error  string
	Timing *timing.Span // nil where it could not be read
}

// Trouble is what went wrong besides.
type Trouble struct {
	Moment
	Playlist int64 // 0 for none
	Error    string
}
