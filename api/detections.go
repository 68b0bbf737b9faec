package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/analyzer/verify/score"
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

const (
	// maxScoreBody holds some ten thousand detections with several members each.
	maxScoreBody = 4 << 20
	// maxScoreMarkers is as many: two days of an event every 20 s.
	maxScoreMarkers = 10000
	// defaultTolerance is far above what a detector should need, and below the shortest events there usually are.
	defaultTolerance = media.Seconds(500_000_000)
)

// postScore answers POST /score: how good the detections in the body are, against the markers of the channel. It changes
// nothing, so anybody may ask, but no page of a name that is made to mean this machine.
func (s *Server) postScore(c echo.Context) error {
	r := c.Request()
	if err := s.checkHost(r); err != nil {
		return err
	}
	if r.URL.Query().Get("of") == "faults" {
		return s.scoreFaults(c)
	}
	q := newQuery(r, "of", "channel", "clock", "tolerance", "offset", "ts_start", "ts_end")
	q.oneOf("of", "events", "faults")
	o, mq := scoreOptions(q)
	clocks := []string{""}
	for _, c := range score.Clocks() {
		clocks = append(clocks, string(c))
	}
	clock := q.oneOf("clock", clocks...)
	ch, err := s.channel(r.Context(), q)
	if err != nil {
		return err
	}
	detections, err := readDetections(c.Response(), r, score.Reading{Channel: ch, Clock: score.Clock(clock)})
	if err != nil {
		return err
	}
	return s.score(c, ch, detections, o, mq)
}

// getScore answers GET /score: how good the detections are that a source has posted. The same instant twice counts once: it
// is what is there of a detection whose sender did not get the answer, and sent it again.
func (s *Server) getScore(c echo.Context) error {
	r := c.Request()
	ctx := r.Context()
	q := newQuery(r, "channel", "source", "tolerance", "offset", "ts_start", "ts_end")
	o, mq := scoreOptions(q)
	dq := recordQuery{only: q.source()}
	if dq.only == "" {
		q.fail(badField("source", "source is missing: name one that has posted to /detections"))
	}
	ch, err := s.channel(ctx, q)
	if err != nil {
		return err
	}
	if o.From != nil { // what is earlier matches no marker
		dq.after, dq.hasAfter = *o.From-o.Tolerance-o.Offset-1, true
	}
	list, err := s.findDetections(ctx, ch, dq)
	if err == nil && len(list) == 0 {
		// A detector that found nothing here has a score; a name that is misspelt has none.
		dq.hasAfter = false
		var all []markers.Detection
		if all, err = s.findDetections(ctx, ch, dq); err == nil && len(all) == 0 {
			err = notFound("there is no detection of source %q: /detections lists what there is", dq.only)
		}
	}
	if err != nil {
		return err
	}
	found := score.List{Clock: score.Time, At: make([]media.Seconds, len(list))}
	for i, d := range list {
		found.At[i] = d.Time
	}
	found.At = slices.Compact(found.At)
	return s.score(c, ch, found, o, mq)
}

// scoreOptions reads how detections are compared, and which markers they are compared with.
func scoreOptions(q *query) (o score.Options, mq recordQuery) {
	o.Tolerance = defaultTolerance
	if t, ok := q.seconds("tolerance"); ok {
		if o.Tolerance = t; t < 0 || t > score.MaxTolerance {
			q.fail(badField("tolerance", "tolerance is %s: it must be 0 to %s", t, score.MaxTolerance))
		}
	}
	o.Offset, _ = q.seconds("offset")
	mq.limit = maxScoreMarkers
	if mq.after, mq.hasAfter = q.seconds("ts_start"); mq.hasAfter {
		o.From = new(mq.after + 1) // exclusive, to the nanosecond
	}
	if mq.upTo, mq.hasUpTo = q.seconds("ts_end"); mq.hasUpTo {
		o.To = new(mq.upTo)
	}
	if o.From != nil && o.To != nil && *o.From > *o.To {
		q.fail(badField("ts_end", "ts_end is not after ts_start"))
	}
	return o, mq
}

// score answers with the score of detections.
func (s *Server) score(c echo.Context, ch markers.Channel, detections score.List, o score.Options, mq recordQuery) error {
	if detections.Clock == score.Gen {
		// The range is one of the times when frames were produced, and the store is asked by HLS time: all markers are
		// read, and the range picks from them.
		mq.hasAfter, mq.hasUpTo = false, false
	}
	list, truncated, err := s.findMarkers(c.Request().Context(), ch, mq)
	if err != nil {
		return err
	}
	if truncated {
		return badField("ts_start", "there are more than %d markers in the range: narrow it with ts_start and ts_end", maxScoreMarkers)
	}
	if own := s.own(ch.Name); detections.Clock == score.Gen {
		for _, m := range list {
			if !own(m.Generator) {
				return badField("clock", "when the frames of marker %s were produced is not known here, since another "+
					"generator's record stands: use time, frame, pts or utc", m.ID)
			}
		}
	}
	report, err := score.Compute(detections, list, o)
	if err != nil {
		return badField("tolerance", "%s", err)
	}
	if report.From != nil {
		*report.From-- // as it was given: exclusive
	}
	return noStore(c, http.StatusOK, report)
}

// readDetections reads the body by its content type.
func readDetections(w http.ResponseWriter, r *http.Request, in score.Reading) (score.List, error) {
	var err error
	if in.Format, err = bodyFormat(r); err != nil {
		return score.List{}, err
	}
	list, err := in.Read(http.MaxBytesReader(w, r.Body, maxScoreBody))
	return list, bodyProblem(err)
}

// bodyFormat is how a list of detections or alarms is written, by the content type.
func bodyFormat(r *http.Request) (score.Format, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	formats := map[string]score.Format{
		"application/json": score.JSON, "application/x-ndjson": score.JSON, "text/csv": score.CSV,
	}
	if err != nil || formats[media] == "" {
		return "", refusal(http.StatusUnsupportedMediaType, "Content-Type", "the body must be application/json, application/x-ndjson or text/csv")
	}
	return formats[media], nil
}
