package replay

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// Options says how to replay. Only Now is needed.
type Options struct {
	// Now is the clock.
	Now func() time.Time
	// Offset is where to begin, from the start of the recording. It lies before its end and isn't negative.
	Offset time.Duration
	// From says the same as a UTC of the recording; zero for Offset. In a hole between runs it is the start of the next.
	From time.Time
	// Speed is how fast; zero for as it was. It applies to delays too.
	Speed Speed
	// Loop begins anew at the end, with playlists that go on: what followed in the recording on its first versions follows
	// on its last ones, behind an EXT-X-DISCONTINUITY. A pass takes as long as the segments that came in the recording are:
	// later passes are that much of its end.
	// Numbers go on, and dates; keys get the IV of the original number; EXT-X-ENDLIST, EXT-X-PLAYLIST-TYPE and what only
	// low-latency players need is left out.
	Loop bool
	// Rebase moves EXT-X-PROGRAM-DATE-TIME and the dates of EXT-X-DATERANGE, all by the same whole number of milliseconds,
	// so that the end of the playlist where the replay begins is the time at which it does.
	Rebase bool
	// Wait has the clock stand until something asks for a playlist.
	Wait bool
	// Fallback finds what answers a path that nothing was recorded for, whatever the method; nil where nothing does. Nil: it
	// never does.
	Fallback func(path string) http.Handler
	// Logger gets what can't be served; nil for none.
	Logger *slog.Logger
}

func (o Options) check() (Options, error) {
	switch {
	case o.Now == nil:
		return o, errors.New("replay: Now is missing: give it a clock such as time.Now")
	case o.Offset < 0:
		return o, fmt.Errorf("replay: the offset %v is negative: count from the start of the recording", o.Offset)
	case o.Offset > 0 && !o.From.IsZero():
		return o, errors.New("replay: Offset and From both say where to begin: give one")
	}
	if o.Speed == (Speed{}) {
		o.Speed = Speed{1, 1}
	}
	if err := o.Speed.check(); err != nil {
		return o, fmt.Errorf("replay: %w", err)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}
