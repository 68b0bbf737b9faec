// Package recorder records HLS sessions (RFC 8216bis): every version of every playlist with the time it was seen, every
// segment, initialization section and key, and every error, so that a stream's behaviour in the field can be replayed
// and measured. A session is a folder with an SQLite file, session.db, whose tables schema.sql describes, and a folder
// chunks with what is too long for it.
//
// session.db holds addresses as they were asked for, with all passwords and tokens in them, and what the answers' headers
// say: who is given a session has them. Logs and errors have no passwords.
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

// Options say what is recorded. URL, Dir and Now are needed.
type Options struct {
	// URL is the stream's: http, https, file, or the path of a local playlist. The session holds it as it is, also a password
	// in it. When a session is resumed it may be empty, and must otherwise be the one that it was begun with.
	URL string
	// Dir is the session's folder. It is made; where it holds a session that is resumed.
	Dir string
	// Version is that of refstream, which the session says.
	Version string
	// Now is the clock, with a monotonic reading, as time.Now has it.
	Now func() time.Time
	// HTTP makes the requests; nil for one that keeps enough connections.
	HTTP *http.Client
	// Header is added to requests as of [hlsclient.Client], and HeaderTo are the hosts besides the stream's own that get it. It is
	// not recorded.
	Header   http.Header
	HeaderTo []string
	// Poll is the time between two loadings of a playlist, from 10 ms: how exactly it is known when a version appeared. 0
	// for a fortieth of the target duration, at least 50 ms and at most 250 ms.
	Poll time.Duration
	// Behind says how far behind the live edge to begin: 0 for all that the playlists hold.
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
	// shortestPoll keeps a server from being asked without end.
	shortestPoll = 10 * time.Millisecond
	// The time between two loadings of a playlist where none is given: polls for each target duration, within bounds.
	pollsPerTarget = 40
	leastPoll      = 50 * time.Millisecond
	mostPoll       = 250 * time.Millisecond
	// pollMultivariant is that of a multivariant playlist, which seldom changes; more where Poll is more.
	pollMultivariant = time.Second
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
	// Elapsed is the time since the run's start.
	Elapsed time.Duration
	// Playlists counts those that are followed, Versions what came of them.
	Playlists, Versions int64
	// Segments counts those that were fetched, Failed those that could not be, and Failures the requests that failed.
	Segments, Failed, Failures int64
	// Bytes is what came of the network, Stored what the session grew by in contents.
	Bytes, Stored int64
	// Behind is how much of the longest behind of the playlists is not recorded yet: all segments that were named and not
	// dealt with, also those that have left it.
	Behind time.Duration
	// Silent is how long ago the longest silent of the live playlists last named a new segment: 0 up to one and a half of its target
	// durations, when a new version is due (RFC 8216, 6.2.1). What was published meanwhile is not known.
	Silent time.Duration
}

// Summary is how a recording ended. Its Progress is zero where no session was left behind.
type Summary struct {
	Progress
	// Reason is that of the Run: "stopped", "duration", "end of stream", or an error.
	Reason string
	// Resumed says that the session was there before.
	Resumed bool
}
