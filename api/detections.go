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
		return &Problem{
			Status: http.StatusTooManyRequests, retryAfter: wait,
			Detail: fmt.Sprintf("more than %d detections a second come in", detectionRate),
		}
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
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusCreated, postedList{ch.Name, list})
}

// getDetections answers GET /detections.
func (s *Server) getDetections(c echo.Context) error {
	r := c.Request()
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	q := newQuery(r, "channel", "source", "ts_start", "ts_end", "limit", "order", "format")
	mq := readMarkerQuery(q)
	mq.source = q.source()
	f, ch, err := s.listed(ctx, c, q)
	if err != nil {
		return err
	}
	list, err := s.findDetections(ctx, ch, mq)
	if err != nil {
		return err
	}
	last := 0
	if len(list) > 0 {
		last = len(list) - 1
	}
	a := newAnswer(c, f.ContentType, s.cfg.StreamWriteTimeout, func() (string, error) {
		return "W/" + etagOf(fmt.Appendf(nil, "%s %+v %s %d %v %v", ch.Name, mq, f.Name, len(list), list[0], list[last])), nil
	})
	list, a.next = mq.cut(list, ch.Name, f)
	w := formats.NewWriter(f, detectionForm(ch), ch)
	w.Begin(&a.held)
	for _, d := range list {
		if err := w.Add(&a.held, d); err != nil {
			return s.giveUp(a, r, fmt.Errorf("encode detection: %w", err))
		}
		if _, err := a.flush(); err != nil {
			return s.giveUp(a, r, err)
		}
		if a.ended {
			return nil
		}
	}
	w.End(&a.held, a.next)
	if a.begun {
		if err := a.finish(); err != nil {
			return s.giveUp(a, r, err)
		}
		return nil
	}
	return sendBody(c, f.ContentType, cachedBody{bytes: a.held.Bytes(), etag: etagOf(a.held.Bytes()), next: a.next})
}

// findDetections reads the detections that q selects, in the order of their times. Their log is in the order in which they
// came, but no detection is of a frame that was far ahead when it came.
func (s *Server) findDetections(ctx context.Context, ch markers.Channel, q markerQuery) (out []markers.Detection, err error) {
	r := markers.Range{Limit: detectionPage}
	if q.hasAfter {
		r.From = markers.AtFrame(max(0, ch.Rate.FrameAtNanos(int64(q.after))-ch.Rate.Frames(maxAhead.Nanoseconds())))
	}
	for {
		page, err := s.cfg.Store.Detections(ctx, ch.Name, r)
		if err != nil {
			return nil, err
		}
		full := len(page) == detectionPage
		if full {
			r.From = page[len(page)-1].Place.Next()
		}
		out = append(out, slices.DeleteFunc(page, q.leavesOutDetection)...)
		if !full {
			break
		}
	}
	slices.SortFunc(out, func(a, b markers.Detection) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), a.Place.Compare(b.Place))
	})
	if q.desc {
		slices.Reverse(out)
	}
	return out, nil
}

func (q markerQuery) leavesOutDetection(d markers.Detection) bool {
	return q.source != "" && d.Source != q.source || q.outside(d.Time)
}

// cut is the list that the limit leaves, and where the rest is. Detections of one time stay together, beyond the limit too:
// the rest begins with another time.
func (q markerQuery) cut(list []markers.Detection, channel string, f formats.Format) ([]markers.Detection, string) {
	n := q.limit
	if n == 0 || n >= len(list) {
		return list, ""
	}
	for n < len(list) && list[n].Time == list[n-1].Time {
		n++
	}
	if n == len(list) {
		return list, ""
	}
	return list[:n], q.behind("detections", list[n-1].Time, channel, f)
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

// streamDetections answers GET /detections/stream: server-sent events, one a detection, in the order in which they come.
func (s *Server) streamDetections(c echo.Context) error {
	q := newQuery(c.Request(), "channel", "source", "ts_start", "last_event_id")
	return s.stream(c, q, func(ch markers.Channel, mq markerQuery) *recordStream {
		st := &recordStream{kind: markers.Detections, event: "detection"}
		st.read = func(ctx context.Context, r markers.Range) (list []streamed, last markers.ID, err error) {
			page, err := s.cfg.Store.Detections(ctx, ch.Name, r)
			for _, d := range page {
				if last = d.Place; !mq.leavesOutDetection(d) {
					list = append(list, streamed{d.Place, d})
				}
			}
			return list, last, err
		}
		return st
	})
}
