package api

import (
	"context"

	"github.com/refstream/refstream/markers"
)

// ledgerView says which frames the ledger can have records of.
type ledgerView struct {
	// FirstFrame and LastFrame are the oldest and the newest frame that it has a record of, null where it has none.
	FirstFrame *int64 `json:"first_frame"`
	LastFrame  *int64 `json:"last_frame"`
	// KeptSeconds is for how long frames and segments are kept: the window.
	KeptSeconds markers.Seconds `json:"kept_seconds"`
}

// ledger finds where the ledger of a channel begins and ends.
func (s *Server) ledger(ctx context.Context, ch markers.Channel) (v ledgerView, err error) {
	v.KeptSeconds = ch.Clock().Time(ch.Window * ch.FramesPerSegment)
	for _, end := range []struct {
		frame **int64
		desc  bool
	}{{&v.FirstFrame, false}, {&v.LastFrame, true}} {
		list, err := s.cfg.Store.Frames(ctx, ch.Name, markers.Range{Limit: 1, Desc: end.desc})
		if err != nil {
			return v, err
		}
		if len(list) > 0 {
			*end.frame = &list[0].Frame
		}
	}
	return v, nil
}

// unknownFrame is the 404 of a frame of which there is no record at all.
func (s *Server) unknownFrame(ctx context.Context, ch markers.Channel, n int64) error {
	v, err := s.ledger(ctx, ch)
	switch {
	case err != nil:
		return err
	case v.FirstFrame == nil:
		return notFound("nothing is known of frame %d: the ledger has no frame", n)
	case n < *v.FirstFrame:
		return notFound("nothing is known of frame %d: the ledger begins with frame %d; frames are kept for %s s (--window)",
			n, *v.FirstFrame, v.KeptSeconds)
	case n > *v.LastFrame:
		return notFound("nothing is known of frame %d: it has not left the encoder yet, the newest is frame %d", n, *v.LastFrame)
	}
	return notFound("nothing is known of frame %d, though the ledger has frames from %d to %d: it may just be under way",
		n, *v.FirstFrame, *v.LastFrame)
}
