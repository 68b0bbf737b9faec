package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// pollEvery is the pause between two questions for new markers: well below what is measured.
const pollEvery = 2 * time.Millisecond

// markersData is the data folder that latency leaves behind for serve, and markersArgs the flags it was made with.
const markersData = "markers"

func markersArgs() []string {
	return []string{"--size", "640x360", "--event-every", "500ms", "--event-length", "100ms"}
}

// sighting is a marker and when it was first seen in /markers.
type sighting struct {
	marker markers.Marker
	seen   time.Time
}

// latency measures how long after its first frame left ffmpeg, which is tapped, and was rendered, a marker is in /markers.
func (l *lab) latency(ctx context.Context) ([]row, error) {
	tapArgs, env, log, err := l.tapped("latency")
	if err != nil {
		return nil, err
	}
	s, err := l.serveStream(ctx, env, markersData, append(markersArgs(), tapArgs...)...)
	if err != nil {
		return nil, err
	}
	seen, err := l.watchMarkers(ctx, s)
	var first int64
	if err == nil {
		first, err = firstFrame(ctx, s)
	}
	if err := errors.Join(err, s.stop()); err != nil {
		return nil, err
	}
	_, pictures, err := readTap(log)
	if err != nil {
		return nil, err
	}
	left, ahead, err := leftAt(pictures, first, picture(640, 360).Rate)
	if err != nil {
		return nil, err
	}
	var fromEncoder, fromGenerator, inTurn, early []float64
	for _, m := range seen {
		at, ok := left[m.marker.Frame]
		if !ok {
			return nil, fmt.Errorf("marker %s: its frame %d never left the encoder", m.marker.ID, m.marker.Frame)
		}
		d := milliseconds(m.seen.Sub(time.Unix(0, at)))
		fromEncoder = append(fromEncoder, d)
		if ahead[m.marker.Frame] {
			early = append(early, d)
		} else {
			inTurn = append(inTurn, d)
		}
		fromGenerator = append(fromGenerator, milliseconds(m.seen.Sub(m.marker.GenTime)))
	}
	if len(seen) < 10 {
		return nil, fmt.Errorf("only %d markers were seen", len(seen))
	}
	order := "all pictures left in their turn"
	if len(early) > 0 && len(inTurn) > 0 {
		order = fmt.Sprintf("%d begin with a picture that left before earlier ones (P before B): p50 %s, p99 %s ms; %d do not: p50 %s, p99 %s ms",
			len(early), figure(percentile(early, 50)), figure(percentile(early, 99)),
			len(inTurn), figure(percentile(inTurn, 50)), figure(percentile(inTurn, 99)))
	}
	note := fmt.Sprintf("%d markers of a 640x360@30 stream, /markers asked every %v; ffmpeg's output was watched from outside", len(seen), pollEvery)
	return []row{
		{Name: "frame out of the encoder to marker in /markers, p50", Unit: "ms", Ours: percentile(fromEncoder, 50), Note: note},
		row{Name: "frame out of the encoder to marker in /markers, p99", Unit: "ms", Ours: percentile(fromEncoder, 99),
			Note: order}.meant(atMost(50)),
		{Name: "event rendered to marker in /markers, p50", Unit: "ms", Ours: percentile(fromGenerator, 50),
			Note: "with the encoder's own delay: lookahead, B-frames, threads"},
		{Name: "event rendered to marker in /markers, p99", Unit: "ms", Ours: percentile(fromGenerator, 99)},
	}, nil
}

// watchMarkers asks for new markers for a while and returns those that came in that time.
func (l *lab) watchMarkers(ctx context.Context, s *stream) ([]sighting, error) {
	ctx, cancel := context.WithTimeout(ctx, pick(l, 75*time.Second, 15*time.Second))
	defer cancel()
	known, err := newMarkers(ctx, s, nil)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var found []sighting
	for {
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return found, nil
			}
			return nil, ctx.Err()
		case <-s.done:
			return nil, errors.Join(errors.New("the server ended"), s.wait())
		case <-tick.C:
		}
		list, err := newMarkers(ctx, s, known)
		if ctx.Err() != nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		now := time.Now()
		for _, m := range list {
			found = append(found, sighting{m, now})
		}
		if len(list) > 0 {
			known = list
		}
	}
}

// newMarkers asks for the markers that are later than the last of those known.
func newMarkers(ctx context.Context, s *stream, known []markers.Marker) ([]markers.Marker, error) {
	query := url.Values{}
	if n := len(known); n > 0 {
		text, err := json.Marshal(known[n-1].Time)
		if err != nil {
			return nil, err
		}
		query.Set("ts_start", strings.Trim(string(text), `"`))
	}
	list, err := records[markers.Marker](ctx, s, "markers", "/markers?"+query.Encode())
	slices.SortFunc(list, func(a, b markers.Marker) int { return a.RecordID().Compare(b.RecordID()) })
	return list, err
}

// firstFrame is the number of the first frame of a stream that has run only once.
func firstFrame(ctx context.Context, s *stream) (int64, error) {
	list, err := records[markers.FrameRecord](ctx, s, "frames", "/frames?from=0&limit=1")
	if err != nil {
		return 0, err
	}
	if len(list) != 1 {
		return 0, fmt.Errorf("/frames gave %d frames, not 1", len(list))
	}
	return list[0].Frame, nil
}

// leftAt gives the pictures that a tap saw their numbers, from the first frame's, and returns when each left, and whether it
// left ahead of an earlier frame, as the picture does that B-frames refer to. ffmpeg's time stamps count from an origin of its
// own, so the earliest stands for the first frame.
func leftAt(pictures []tapLine, first int64, rate media.FrameRate) (left map[int64]int64, ahead map[int64]bool, err error) {
	origin := slices.MinFunc(pictures, func(a, b tapLine) int { return int(a.PTS - b.PTS) }).PTS
	left, ahead = map[int64]int64{}, map[int64]bool{}
	earliest := int64(math.MaxInt64) // of those that left later
	for _, p := range slices.Backward(pictures) {
		n, off := rate.FrameAtTicks(p.PTS - origin)
		if off > 1 || off < -1 {
			return nil, nil, fmt.Errorf("a picture's PTS of %d is %d ticks off the frame grid", p.PTS, off)
		}
		if _, ok := left[first+n]; ok {
			return nil, nil, fmt.Errorf("two pictures for frame %d", first+n)
		}
		left[first+n], ahead[first+n] = p.Left, earliest < n
		earliest = min(earliest, n)
	}
	return left, ahead, nil
}
