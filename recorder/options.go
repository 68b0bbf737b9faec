// Package recorder records HLS sessions (RFC 8216bis): every version of every playlist with the time it was seen, every
// segment, initialization section and key, and every error, so that a stream can be replayed and measured. A session is a folder
// with an SQLite file, session.db (tables: schema.sql), and a folder chunks with longer contents.
//
// session.db holds addresses and the headers of answers as they were, with all passwords and tokens. Logs and errors have none.
package recorder

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

// Options are those of Record. URL, Dir and Now are needed.
type Options struct {
	// URL is the stream's: http, https, file, or the path of a local playlist. The session keeps it as it is, with any password.
	// When a session is resumed it may be empty, and must otherwise be the same.
	URL string
	// Dir is the session's folder. It is made; where it holds a session that is resumed.
	Dir string
	// Version is that of refstream, which the session records.
	Version string
	// Now is the clock, with a monotonic reading, as time.Now has it.
	Now func() time.Time
	// HTTP makes the requests; nil for one that keeps enough connections.
	HTTP *http.Client
	// Header and HeaderTo are those of [hlsclient.Client]. They are not recorded.
	Header   http.Header
	HeaderTo []string
	// Poll is the time between two loadings of a playlist, at least 10 ms; it limits how exactly the time of a version is known. 0
	// for a fortieth of the target duration, between 50 ms and 250 ms.
	Poll time.Duration
	// Behind is how far behind the live edge to begin: 0 for the start of the playlists.
	Behind time.Duration
	// Duration is how long to record; 0 for no limit.
	Duration time.Duration
	// Timeout is how long a response may bring nothing before it is given up; 0 for 10 s.
	Timeout time.Duration
	// Persist keeps asking for a stream that can't be had, and records that. A session that is resumed does so always.
	Persist bool
	// Logger gets what goes wrong; nil for none.
	Logger *slog.Logger
	// Progress is called about four times a second, and once at the end; never twice at once. Nil for none.
	Progress func(Progress)
}

const (
	shortestPoll = 10 * time.Millisecond // keeps a server from being asked without end
	// The time between two loadings of a playlist where none is given: polls for each target duration, within bounds.
	pollsPerTarget   = 40
	leastPoll        = 50 * time.Millisecond
	mostPoll         = 250 * time.Millisecond
	pollMultivariant = time.Second // that of a multivariant playlist, which seldom changes; more where Poll is more
)

// check validates the options, and makes the path of a file absolute, so that a session can be resumed from elsewhere.
func (o *Options) check() error {
	switch {
	case o.Now == nil:
		return errors.New("Now is missing: give it a clock such as time.Now")
	case o.Dir == "":
		return errors.New("the folder of the session is missing")
	case o.Poll != 0 && o.Poll < shortestPoll:
		return fmt.Errorf("poll every %v: give at least %v", o.Poll, shortestPoll)
	case o.Behind < 0 || o.Duration < 0 || o.Timeout < 0:
		return errors.New("a time is negative: give 0 for the default, or more")
	}
	if o.URL != "" && !strings.Contains(o.URL, "://") {
		path, err := filepath.Abs(o.URL)
		if err != nil {
			return fmt.Errorf("find %s: %w", o.URL, err)
		}
		o.URL = path
	}
	return nil
}

// reload is the time from one loading of a media playlist to the next.
func (o *Options) reload(m *m3u8.Media, _ bool) time.Duration {
	if o.Poll > 0 {
		return o.Poll
	}
	return min(max(time.Duration(m.TargetDuration)/pollsPerTarget, leastPoll), mostPoll)
}

// Progress is how far a recording is. Its counts are those of this run.
type Progress struct {
	Elapsed time.Duration // the time since the run's start
	// Playlists counts those that are followed, Versions their versions.
	Playlists, Versions int64
	// Segments counts those that were fetched, Failed those that could not be, and Failures the requests that failed.
	Segments, Failed, Failures int64
	// Bytes is what was received, Stored how much contents added to the session.
	Bytes, Stored int64
	// Behind is the longest backlog of a playlist: the duration of all segments that were listed and not recorded yet.
	Behind time.Duration
	// Silent is the longest time since a live playlist listed a new segment; 0 up to one and a half of its target durations, when
	// a new version is due (RFC 8216, 6.2.1).
	Silent time.Duration
}

// Summary is how a recording ended. Its Progress is zero where no session was left behind.
type Summary struct {
	Progress
	Reason  string // that of the Run: "stopped", "duration", "end of stream", or an error
	Resumed bool   // the session existed before
}
