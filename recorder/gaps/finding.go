package gaps

import (
	"fmt"
	"strings"
	"time"

	"github.com/refstream/refstream/recorder"
)

const (
	// maxFindings is how many findings of one kind and playlist are kept: who reads more needs the database.
	maxFindings = 1000
	// maxRows is how many rows of each table a finding names.
	maxRows = 100
)

// Finding is something that a monitor would flag.
type Finding struct {
	Kind Kind
	// Playlist is the id of a recorder.Playlist, 0 where it is not known.
	Playlist int64
	recorder.Moment
	// UTC is that of the Moment.
	UTC time.Time
	// MSN is the number of the segment, or of the first; -1 for none.
	MSN int64
	// Versions, Exchanges and Segments are the ids of the rows that show it, in order, the first 100 of each.
	Versions, Exchanges, Segments []int64
	// Came is, after requests that failed, the id of the exchange that brought it in the end, 0 for none. It is not among
	// Exchanges.
	Came int64
	// Count and Amount are what Kind says.
	Count  int64
	Amount time.Duration
	// Text says what and how much, for people, in a line.
	Text string
}

// Gap is a pair of neighbouring versions that are too far apart. Between them there may be versions that brought nothing
// new: stale ones, and such as have no other segments.
type Gap struct {
	// Playlist is the id of a recorder.Playlist.
	Playlist int64
	// Before is the version that the stream stood at, and After the next that brought a segment or the end; nil where the
	// run ended without one.
	Before recorder.Version
	After  *recorder.Version
	// BeforeUTC and AfterUTC are when they were seen; AfterUTC is the end of the run where After is nil.
	BeforeUTC, AfterUTC time.Time
	// Interval is from the one to the other as they were seen, to the end of the run where After is nil: this is what makes
	// it a gap.
	Interval time.Duration
	// Least and Most say how long it was, as far as is known: each version appeared at some time after Unseen and until
	// Seen. Most is 0 where that is not known, since Before was the first of its run, or After is nil. Where it is, Least is
	// up to the last loading that showed nothing new.
	Least, Most time.Duration
	Threshold   time.Duration
}

// Certain reports whether the interval was over the threshold, however soon after one loading and long before another the
// versions appeared.
func (g *Gap) Certain() bool { return g.Least > g.Threshold }

// extent says how long it was, for people.
func (g *Gap) extent() string {
	known := "at least " + seconds(g.Least)
	if g.Most > 0 {
		known = fmt.Sprintf("%s to %s", strings.TrimSuffix(seconds(g.Least), " s"), seconds(g.Most))
	}
	return fmt.Sprintf("%s as seen, %s (at most %s)", seconds(g.Interval), known, seconds(g.Threshold))
}

// end is the moment at which it was over.
func (g *Gap) end() recorder.Moment {
	return recorder.Moment{Run: g.Before.Run, At: g.Before.Seen + g.Interval}
}

func addRow(rows []int64, id int64) []int64 {
	if id == 0 || len(rows) == maxRows || len(rows) > 0 && rows[len(rows)-1] == id {
		return rows
	}
	return append(rows, id)
}
