package api

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/analyzer/verify/score"
	"github.com/refstream/refstream/faults/catalogue"
	"github.com/refstream/refstream/internal/redact"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

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
		return withExample(err, r, "[12.5, 42]", "")
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

// withExample adds to what is wrong with a body the command that sends a right one.
func withExample(err error, r *http.Request, body, query string) error {
	var p *Problem
	if errors.As(err, &p) {
		p.Detail += fmt.Sprintf("; for example: curl -H 'Content-Type: application/json' -d '%s' 'http://%.100s/score%s'", body, redact.Unseen(r.Host), query)
	}
	return err
}

// scoreFaults answers POST /score?of=faults: how good the alarms in the body are, against the labelled faults of a faulty twin.
func (s *Server) scoreFaults(c echo.Context) error {
	r := c.Request()
	q := newQuery(r, "of", "channel", "clock", "tolerance", "offset", "ts_start", "ts_end", "alias", "kinds", "min_duration", "format")
	options, _ := scoreOptions(q)
	o := score.AlarmOptions{Options: options}
	o.MinDuration, _ = q.seconds("min_duration")
	if o.MinDuration < 0 {
		q.fail(badField("min_duration", "min_duration is negative"))
	}
	list := func(name string) []string {
		if v := q.values.Get(name); v != "" {
			return strings.Split(v, ",")
		}
		return nil
	}
	var err error
	o.Kinds = list("kinds")
	if o.Aliases, err = score.ParseAliases(list("alias")); err != nil {
		q.fail(badField("alias", "%s", err))
	}
	clock := q.oneOf("clock", "", string(score.Time), string(score.Frame), string(score.PTS), string(score.UTC))
	format := q.oneOf("format", "json", "html")
	if q.err != nil {
		return q.err
	}
	log, err := s.faultLog(r.Context(), q.values.Get("channel"))
	if err != nil {
		return err
	}
	of := log.Clock()
	in := score.Reading{Clock: score.Clock(clock), Channel: markers.Channel{
		Epoch: of.Epoch, Rate: of.Rate, FramesPerSegment: of.FramesPerSegment, DropFrame: of.DropFrame, PTSOrigin: markers.PTSOrigin,
	}}
	var alarms []score.Alarm
	if in.Format, err = bodyFormat(r); err == nil {
		alarms, err = in.Alarms(http.MaxBytesReader(c.Response(), r.Body, maxScoreBody))
		err = bodyProblem(err)
	}
	if err != nil {
		return withExample(err, r, `[{"alarm": "freeze", "start": 12.5, "end": 14.5}]`, "?of=faults&channel="+url.QueryEscape(q.values.Get("channel")))
	}
	newest := log.Newest()
	if end := of.Time(newest + 1); o.To == nil || *o.To > end {
		o.To = &end
	}
	first := max(0, newest+1-of.Rate.FrameAtNanos(longestFaults.Nanoseconds()))
	if o.From != nil {
		first = max(first, of.Rate.FrameAtNanos(int64(*o.From)))
	}
	if o.From != nil && *o.From > *o.To {
		return badField("ts_start", "ts_start is %s, and the stream is at %s", *o.From-1, *o.To)
	}
	records, err := log.Faults(r.Context(), first, newest)
	if err != nil {
		return err
	}
	if err := catalogue.CheckKinds(o.Kinds, records); err != nil {
		return badField("kinds", "%s", err)
	}
	if err := catalogue.CheckKinds(slices.Concat(slices.Collect(maps.Values(o.Aliases))...), records); err != nil {
		return badField("alias", "%s", err)
	}
	report, err := score.ComputeAlarms(alarms, records, o)
	if err != nil {
		return badField("body", "%s", err)
	}
	if report.From != nil {
		from := *report.From - 1 // as it was given: exclusive
		report.From = &from
	}
	if format == "json" {
		return noStore(c, http.StatusOK, report)
	}
	var page bytes.Buffer
	if err := report.WriteHTML(&page, q.values.Get("channel"), s.cfg.Now().Truncate(time.Second)); err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.HTMLBlob(http.StatusOK, page.Bytes())
}

// bodyProblem is why a list of detections or alarms can't be read.
func bodyProblem(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return refusal(http.StatusRequestEntityTooLarge, "body", "the body has more than %d bytes", maxScoreBody)
	case err != nil:
		return badField("body", "%s", err)
	}
	return nil
}
