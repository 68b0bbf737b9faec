package api

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/analyzer/verify/score"
	"github.com/refstream/refstream/markers"
)

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
	in.Format, err = bodyFormat(r)
	if err != nil {
		return err
	}
	alarms, err := in.Alarms(http.MaxBytesReader(c.Response(), r.Body, maxScoreBody))
	if err = bodyProblem(err); err != nil {
		return err
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
		return badField("ts_start", "ts_start is %s, and the stream is at %s", *o.From, *o.To)
	}
	records, err := log.Faults(r.Context(), first, newest)
	if err != nil {
		return err
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
