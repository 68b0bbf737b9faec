package analyzer

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/media"
)

// Options say how a stream is read. Only Now is needed.
type Options struct {
	// Now is the wall clock that the records' Timestamp is taken from.
	Now func() time.Time
	// Logger logs what Note is called with, and at debug level each NAL unit and tag with its offset; nil for nobody.
	Logger *slog.Logger
	// Follow reads on when the stream ends, breaks off or can't be had: by new attempts, and of a file as it grows.
	Follow bool
	// Duration ends the reading after so long, without an error; 0 for never.
	Duration time.Duration
	// Stall is how long nothing may come before a connection is given up; 0 for 10 s.
	Stall time.Duration
	// RetryMin and RetryMax bound the pauses before new attempts, which double; 0 for 500 ms and 15 s.
	RetryMin, RetryMax time.Duration
	// HTTP makes the requests; nil for one with no limit on how long a response lasts, since a live stream has no end.
	HTTP *http.Client
	// Note is called with what happens to the stream, in the goroutine of Run; nil for nobody.
	Note func(Note)
	// Unit is called with each access unit, before the records of its statements, in the goroutine of Run; nil for nobody.
	Unit func(Unit)

	// dial connects to RTMP servers, for tests without a network; nil for what the system has.
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Unit is an access unit as the stream carries it.
type Unit struct {
	StreamURL string
	// Number counts the access units of the stream from 0 in decoding order.
	Number int64
	// PTS and DTS are 90 kHz ticks, unwrapped: those of the DTS before where the unit is Untimed, because the stream has no time
	// for it.
	PTS, DTS int64
	Untimed  bool
	Key      bool
	// Bytes is the size of the NAL units, without start codes or lengths.
	Bytes int
	// MSN is the media sequence number and URI the address of the HLS segment that holds it; -1 and empty elsewhere.
	MSN int64
	URI string
	// UnitsInTick and TimeScale are those of the SPS's VUI (H.264, E.2.1), 0 where it doesn't say.
	UnitsInTick, TimeScale uint32
	// Offset is where in the stream or segment the packet, tag or sample that holds it begins; -1 where that is not known.
	Offset int64
}

// Defaults of Options.
const (
	defaultStall  = 10 * time.Second // five segments of the usual length
	shortestRetry = 500 * time.Millisecond
	longestRetry  = 15 * time.Second
)

// withDefaults fills in what is not given, and refuses what can't be.
func (o Options) withDefaults() (Options, error) {
	if o.Now == nil {
		return o, errors.New("analyzer options: Now is missing: give it a clock such as time.Now")
	}
	if o.Duration < 0 || o.Stall < 0 || o.RetryMin < 0 || o.RetryMax < 0 {
		return o, errors.New("analyzer options: a time is negative")
	}
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	o.Stall = cmp.Or(o.Stall, defaultStall)
	o.RetryMin = cmp.Or(o.RetryMin, shortestRetry)
	o.RetryMax = max(cmp.Or(o.RetryMax, longestRetry), o.RetryMin)
	if o.dial == nil {
		o.dial = new(net.Dialer).DialContext
	}
	if o.HTTP == nil {
		o.HTTP, _ = hlsclient.NewHTTP()
	}
	return o, nil
}

// ticksOf is a length of time in 90 kHz ticks, rounded to the nearest.
func ticksOf(d time.Duration) int64 {
	const unit = int64(time.Second)
	s, rest := int64(d)/unit, int64(d)%unit
	half := unit / 2
	if rest < 0 {
		half = -half
	}
	return s*media.TicksPerSecond + (rest*media.TicksPerSecond+half)/unit
}

// NoteKind says what a Note is about.
type NoteKind string

// The kinds of notes.
const (
	NoteConnected  NoteKind = "connected"  // the stream is being read
	NoteEnded      NoteKind = "ended"      // the stream came to its end
	NoteLost       NoteKind = "lost"       // it broke off or can't be had, and is asked for again
	NoteStalled    NoteKind = "stalled"    // nothing new has come for too long
	NoteResumed    NoteKind = "resumed"    // after NoteStalled or NoteLost: units come again
	NoteParameters NoteKind = "parameters" // the coding changed: size, profile, frame rate
	NoteRestart    NoteKind = "restart"    // the generator was started anew: frame records count another run
	NoteJump       NoteKind = "jump"       // time stamps do not go on where they were
	NoteMissing    NoteKind = "missing"    // a segment is a gap, can't be had, or is gone from the playlist unread
	NoteDamaged    NoteKind = "damaged"    // a part can't be read and was left out
)

// Note says what happened to a stream, for people to read.
type Note struct {
	StreamURL string
	// At is the wall clock when it was noticed.
	At   time.Time
	Kind NoteKind
	// Text says what and where in one line.
	Text string
	// Err is the cause, nil where there is none.
	Err error
}

// String is the note with its cause.
func (n Note) String() string {
	if n.Err == nil {
		return n.Text
	}
	return n.Text + ": " + n.Err.Error()
}
