package replay

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrRebased is the error of Seek with Options.Rebase.
var ErrRebased = errors.New("the dates are moved so that the live edge is now, which it is at one place only: replay it without --rebase")

// Seek moves the clock to a time of the recording, from 0 to its length, that excluded. What is asked for from then on is
// answered as it was then; answers that are under way are not changed. A loop is in its first pass then. Where Run has come to
// the end, Done stays closed.
//
// The error reports that there is no such time, or is ErrRebased.
func (s *Server) Seek(at time.Duration) error {
	if s.o.Rebase {
		return ErrRebased
	}
	if length := s.index.timeline.length; at < 0 || at >= length {
		return fmt.Errorf("%v is not in the recording: give a time from 0 s to before its end, %v", at, length)
	}
	s.clock.seek(at)
	return nil
}

// untilEnd waits until the clock has come to the end of the recording.
func (s *Server) untilEnd(ctx context.Context) error {
	for {
		moved := s.clock.movedAfter()
		left := s.index.timeline.length - s.clock.at()
		if left <= 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(s.o.Speed.real(left))
		select {
		case <-timer.C:
		case <-moved:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}
