package refstreamtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/verify/score"
	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// Stream is the truth about a live stream or a clip.
type Stream struct {
	t       testing.TB
	source  truth.Source
	channel markers.Channel
}

// Channel describes the stream.
func (s *Stream) Channel() markers.Channel { return s.channel }

// Time is when a frame begins, on the HLS clock: since frame 0, whose time is zero however late a player joins.
func (s *Stream) Time(frame int64) time.Duration { return time.Duration(s.channel.Clock().Time(frame)) }

// FrameAt is the frame that is shown at a time of the HLS clock.
func (s *Stream) FrameAt(at time.Duration) int64 {
	return s.channel.Rate.FrameAtNanos(at.Nanoseconds())
}

// Markers are all events of the clip, or those that were published until now, by frame.
func (s *Stream) Markers(ctx context.Context) []markers.Marker {
	s.t.Helper()
	list, err := s.source.Markers(ctx, 0, markers.MaxFrame)
	if err != nil {
		s.t.Fatalf("read markers: %v", err)
	}
	return list
}

// WaitMarker is the first event that begins at the frame from or after it. It waits for the event to be published, which is up to a
// segment after it began, as long as ctx does.
func (s *Stream) WaitMarker(ctx context.Context, from int64) markers.Marker {
	s.t.Helper()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		list, err := s.source.Markers(ctx, from, markers.MaxFrame)
		if i := slices.IndexFunc(list, func(m markers.Marker) bool { return m.Frame >= from }); i >= 0 {
			return list[i]
		}
		if err == nil {
			select {
			case <-tick.C:
			case <-ctx.Done():
				err = fmt.Errorf("none was published: %w", ctx.Err())
			}
		}
		if err != nil {
			s.t.Fatalf("wait for an event from frame %d on: %v", from, err)
		}
	}
}

// Frames are the ledger's lines of the frames first to last, inclusive, that were published until now, by frame.
func (s *Stream) Frames(ctx context.Context, first, last int64) []markers.FrameRecord {
	s.t.Helper()
	known, err := s.source.Between(ctx, first, last)
	if err != nil {
		s.t.Fatalf("read frames: %v", err)
	}
	return slices.SortedFunc(maps.Values(known.Frames), func(a, b markers.FrameRecord) int { return cmp.Compare(a.Frame, b.Frame) })
}

// Faults are the records of the faults that are planned for one of the frames first to last, inclusive: those of a Server.Twin, or of
// a clip with a scenario. Others have none.
func (s *Stream) Faults(ctx context.Context, first, last int64) []markers.FaultRecord {
	s.t.Helper()
	if _, err := s.source.Channel(ctx); err != nil {
		s.t.Fatalf("read channel: %v", err)
	}
	list, err := truth.FaultsOf(ctx, s.source, first, last)
	if err != nil {
		s.t.Fatalf("read faults: %v", err)
	}
	return list
}

// Score says how good detections of events are, which are times of the HLS clock in any order. A detector of a live stream that joined
// late, or that has not seen what was published last, needs From and To.
func (s *Stream) Score(ctx context.Context, detections []time.Duration, o score.Options) score.Report {
	s.t.Helper()
	list := score.List{Clock: score.Time}
	for _, at := range detections {
		list.At = append(list.At, media.Seconds(at))
	}
	report, err := score.Compute(list, s.Markers(ctx), o)
	if err != nil {
		s.t.Fatalf("score: %v", err)
	}
	return report
}

// pollEvery is how often a server is asked for what is waited for.
const pollEvery = 50 * time.Millisecond
