package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/api/formats"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

const (
	// detectionRate is how many detections a second are taken in, and how many at once: ten detectors that fire with every
	// frame at 60 frames/s stay below it, and one that runs wild costs a tenth of a core.
	detectionRate = 1000
	// detectionPage is how many are read at once.
	detectionPage = 1000
)

// postedList is the answer of POST /detections.
type postedList struct {
	Channel    string              `json:"channel"`
	Detections []markers.Detection `json:"detections"`
}

// postDetections answers POST /detections: it keeps what somebody's detector found.
func (s *Server) postDetections(c echo.Context) error {
	r := c.Request()
	ctx := r.Context()
	ch, err := s.posted(r)
	if err != nil {
		return err
	}
	newest, err := s.cfg.Store.Last(ctx, ch.Name, markers.Frames)
	if err != nil {
		return err
	}
	list, err := detectionReader{ch, newest.Frame}.read(c.Response(), r)
	if err != nil {
		return err
	}
	now := s.cfg.Now()
	if wait := s.rate.Take(len(list), now); wait > 0 {
		return tryLater(http.StatusTooManyRequests, wait, "more than %d detections a second come in", detectionRate)
	}
	for i := range list {
		list[i].Received, list[i].Place = now.UTC(), markers.ID{Frame: newest.Frame, Sub: 1}
	}
	err = s.cfg.Store.Append(ctx, ch.Name, markers.Batch{Detections: list})
	if errors.Is(err, markers.ErrJournal) { // they are there, and if they were refused they would come again
		s.cfg.Logger.WarnContext(ctx, "detections wait to be written", "channel", ch.Name, "error", err)
	} else if err != nil {
		return fmt.Errorf("write detections: %w", err)
	}
	for i := range list {
		list[i].Place = markers.ID{} // the log's, which may have put it elsewhere
	}
	return noStore(c, http.StatusCreated, postedList{ch.Name, list})
}

// detectionKind is the list of /detections, and the events of /detections/stream, in the order in which they come.
func (s *Server) detectionKind() recordKind[markers.Detection] {
	return recordKind[markers.Detection]{
		name: "detections", event: "detection", log: markers.Detections, form: detectionForm,
		params:       []string{"channel", "source", "ts_start", "ts_end", "limit", "order", "format"},
		streamParams: []string{"channel", "source", "ts_start", "last_event_id"},
		param:        "source",
		only:         (*query).source,
		traits:       func(d markers.Detection) (media.Seconds, string) { return d.Time, d.Source },
		find:         s.selectDetections,
		read: func(ctx context.Context, ch markers.Channel, r markers.Range) ([]markers.Detection, error) {
			return s.cfg.Store.Detections(ctx, ch.Name, r)
		},
		first: func(markers.Channel, media.Seconds) (id markers.ID) { return id },
	}
}

// selectDetections finds the detections that a query selects. Those of one time stay together, beyond the limit too: the rest
// begins with another time.
func (s *Server) selectDetections(ctx context.Context, ch markers.Channel, q recordQuery, found *selection[markers.Detection]) error {
	list, err := s.findDetections(ctx, ch, q)
	if err != nil {
		return err
	}
	found.mark = func(context.Context) (string, error) {
		return fmt.Sprint(len(list), list[:min(len(list), 1)], list[max(len(list)-1, 0):]), nil
	}
	found.each = func(_ context.Context, limited func(media.Seconds), yield func([]markers.Detection) (bool, error)) error {
		n := q.limit
		for n > 0 && n < len(list) && list[n].Time == list[n-1].Time {
			n++
		}
		some := list
		if n > 0 && n < len(list) {
			some = list[:n]
			limited(some[n-1].Time)
		}
		for page := range slices.Chunk(some, streamPage) {
			if more, err := yield(page); err != nil || !more {
				return err
			}
		}
		return nil
	}
	return nil
}

// findDetections reads the detections that q selects, in the order of their times. Their log is in the order in which they
// came, but no detection is of a frame that was far ahead when it came.
func (s *Server) findDetections(ctx context.Context, ch markers.Channel, q recordQuery) (out []markers.Detection, err error) {
	r := markers.Range{Limit: detectionPage}
	if q.hasAfter {
		r.From = markers.AtFrame(max(0, ch.Rate.FrameAtNanos(int64(q.after))-ch.Rate.Frames(maxAhead.Nanoseconds())))
	}
	for full := true; full; {
		page, err := s.cfg.Store.Detections(ctx, ch.Name, r)
		if err != nil {
			return nil, err
		}
		if full = len(page) == detectionPage; full {
			r.From = page[len(page)-1].Place.Next()
		}
		out = append(out, slices.DeleteFunc(page, func(d markers.Detection) bool { return q.leavesOut(d.Time, d.Source) })...)
	}
	slices.SortFunc(out, func(a, b markers.Detection) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), a.Place.Compare(b.Place))
	})
	if q.desc {
		slices.Reverse(out)
	}
	return out, nil
}

// detectionForm is the form of detections.
func detectionForm(ch markers.Channel) formats.List[markers.Detection] {
	clock := ch.Clock()
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	return formats.List[markers.Detection]{
		Name:    "detections",
		Columns: []string{"id", "source", "time", "end_time", "frame", "last_frame", "confidence", "text", "received"},
		Cells: func(d markers.Detection) []string {
			return []string{d.Place.String(), formats.Inert(d.Source), d.Time.String(), d.EndTime.String(), n(d.Frame), n(d.LastFrame),
				string(d.Confidence), formats.Inert(d.Text), d.Received.Format(time.RFC3339Nano)}
		},
		Cue: func(d markers.Detection) formats.Cue {
			text := d.Source
			if d.Text != "" {
				text += ": " + d.Text
			}
			return formats.Cue{ID: d.Place.String(), From: d.Time, To: max(d.EndTime, clock.Time(d.LastFrame+1)), Text: text}
		},
	}
}
