package replay

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// Options are those of New. Only Now is needed.
type Options struct {
	// Now is the clock.
	Now func() time.Time
	// Offset is where to begin, from the start of the recording. It lies before its end and isn't negative.
	Offset time.Duration
	// From is Offset as a UTC of the recording; zero for Offset. Between two runs it is the start of the next.
	From time.Time
	// Speed is how fast; zero for as it was. It applies to delays too.
	Speed Speed
	// Loop starts again at the end, with continued playlists: what followed the first versions in the recording follows the last
	// ones, after an EXT-X-DISCONTINUITY. Later passes are the end of the recording, as long as its new segments. Numbers and dates
	// are continued; keys get the IV of the original number; EXT-X-ENDLIST, EXT-X-PLAYLIST-TYPE and low-latency tags are left out.
	Loop bool
	// Rebase moves EXT-X-PROGRAM-DATE-TIME and the dates of EXT-X-DATERANGE, all by the same number of milliseconds, so that the
	// end of the playlist at the start of the replay is now.
	Rebase bool
	// Wait starts the clock with the first request for a playlist.
	Wait bool
	// Fallback returns the handler of a path without a recording, for any method; it may be nil and return nil.
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
		return o, errors.New("replay: Offset and From are both set: give one")
	}
	o.Speed = cmp.Or(o.Speed, Speed{1, 1})
	if err := o.Speed.check(); err != nil {
		return o, fmt.Errorf("replay: %w", err)
	}
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	return o, nil
}
