package api

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/api/formats"
	"github.com/refstream/refstream/markers"
)

// trimmedRetry is when markers that were trimmed while they were read may be asked for again: at once, as good as.
const trimmedRetry = time.Second

// markerQuery selects markers by the HLS time of their first frame.
type markerQuery struct {
	// after is exclusive, upTo inclusive; each holds where its has is set.
	after, upTo       markers.Seconds
	hasAfter, hasUpTo bool
	kind              string // of markers
	source            string // of detections
	limit             int    // 0: none
	desc              bool
}

// readMarkerQuery reads the range, the limit and the order.
func readMarkerQuery(q *query) (mq markerQuery) {
	mq.after, mq.hasAfter = q.seconds("ts_start")
	mq.upTo, mq.hasUpTo = q.seconds("ts_end")
	mq.limit = q.limit(0, math.MaxInt32)
	mq.desc = q.oneOf("order", "asc", "desc") == "desc"
	return mq
}

// listed reads in which format a list is asked for, and of which channel.
func (s *Server) listed(ctx context.Context, c echo.Context, q *query) (f formats.Format, ch markers.Channel, err error) {
	c.Response().Header().Add("Vary", "Accept")
	if f, err = chooseFormat(q, c.Request()); err != nil {
		return f, ch, err
	}
	ch, err = s.channel(ctx, q)
	return f, ch, err
}

// getMarkers answers GET /markers. It is not bounded as a whole: a long answer takes as long as the client needs.
func (s *Server) getMarkers(c echo.Context) error {
	r := c.Request()
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	q := newQuery(r, "channel", "ts_start", "ts_end", "kind", "limit", "order", "format")
	mq := readMarkerQuery(q)
	mq.kind = q.oneOf("kind", "", markers.KindScheduled, markers.KindManual)
	f, ch, err := s.listed(ctx, c, q)
	if err != nil {
		return err
	}
	// Markers never change once written, and what is missing of them only grows: while both logs end where they did,
	// the answer is the one given before.
	var state cacheState
	if state.markers, err = s.cfg.Store.Last(ctx, ch.Name, markers.Markers); err != nil {
		return err
	}
	if state.missing, err = s.cfg.Store.Last(ctx, ch.Name, markers.Missing); err != nil {
		return err
	}
	state.at = s.cfg.Now()
	key := cacheKey{channel: ch.Name, run: ch.Run, query: mq, format: f.Name}
	body, hit := s.cache.get(key, state)
	if !hit {
		tag := func() (string, error) { return s.tagOf(r.Context(), key, state) }
		if sent := r.Header.Values("If-None-Match"); strings.Contains(strings.Join(sent, ","), "W/") {
			if etag, err := tag(); err != nil {
				return err
			} else if matchesETag(sent, etag) {
				c.Response().Header().Set("Cache-Control", "no-cache")
				c.Response().Header().Set("ETag", etag)
				return c.NoContent(http.StatusNotModified)
			}
		}
		a := newAnswer(c, f.ContentType, s.cfg.StreamWriteTimeout, tag)
		if err := s.writeMarkers(r.Context(), a, ch, mq, f, state.markers); err != nil {
			return s.giveUp(a, r, err)
		}
		if a.begun {
			return nil
		}
		body = cachedBody{bytes: a.held.Bytes(), etag: etagOf(a.held.Bytes()), next: a.next}
		s.cache.put(key, state, body)
	}
	return sendBody(c, f.ContentType, body)
}

// writeMarkers writes the answer to a query, of the markers up to newest: the log may grow meanwhile.
func (s *Server) writeMarkers(ctx context.Context, a *answer, ch markers.Channel, mq markerQuery, f formats.Format, newest markers.ID,
) error {
	r, some := mq.bounds(ch, newest)
	if some && mq.limit > 0 {
		var err error
		if r, a.next, err = s.limited(ctx, ch, mq, r, f); err != nil {
			return err
		}
	}
	w := formats.NewWriter(f, markerForm(ch), ch)
	w.Begin(&a.held)
	if some {
		var missing []markers.MissingRecord
		first := true
		err := s.pages(ctx, ch.Name, r, func(ctx context.Context, page []markers.Marker) (bool, error) {
			if first { // read once: its log is read whole
				var err error
				if missing, err = s.missingIn(ctx, ch.Name, r.From.Frame, math.MaxInt64); err != nil {
					return false, err
				}
				first = false
			}
			for _, m := range s.viewWith(ch.Name, slices.DeleteFunc(page, mq.leavesOut), missing) {
				if err := w.Add(&a.held, m); err != nil {
					return false, fmt.Errorf("encode marker: %w", err)
				}
			}
			return a.flush()
		})
		if err != nil || a.ended {
			return err
		}
	}
	w.End(&a.held, a.next)
	return a.finish()
}

// tagOf is the validator of an answer that is too long to be kept: of what it depends on, the logs' ends included.
func (s *Server) tagOf(ctx context.Context, key cacheKey, state cacheState) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	oldest := markers.Range{Limit: 1}
	known, err := s.cfg.Store.Markers(ctx, key.channel, oldest)
	if err != nil {
		return "", err
	}
	missing, err := s.cfg.Store.Missing(ctx, key.channel, oldest)
	if err != nil {
		return "", err
	}
	all := fmt.Sprintf("%+v %s %s %+v %+v", key, state.markers, state.missing, known, missing)
	return "W/" + etagOf([]byte(all)), nil
}

// bounds is the stretch of the log up to newest that holds what q selects; some is false where it can hold nothing.
//
// The log is in the order of the scheduled frames, while times are those of the first frame that is in the stream,
// which may be later. Events don't overlap, so the two orders are the same, and no event reaches further back than
// its length.
func (q markerQuery) bounds(ch markers.Channel, newest markers.ID) (r markers.Range, some bool) {
	clock := ch.Clock()
	r = markers.Range{Desc: q.desc, To: newest}
	if q.hasAfter {
		r.From = markers.AtFrame(max(0, clock.Rate.FrameAtNanos(int64(q.after))-ch.LongestEvent()))
	}
	if q.hasUpTo {
		last := clock.Rate.FrameAtNanos(int64(q.upTo))
		if last < 0 {
			return r, false
		}
		if end := markers.EndOfFrame(last); end.Compare(r.To) < 0 {
			r.To = end
		}
	}
	return r, newest != markers.ID{} && r.From.Compare(r.To) <= 0
}

// limited is the stretch of r up to the last marker that the limit leaves, and where the others are: empty where there are
// none.
func (s *Server) limited(ctx context.Context, ch markers.Channel, mq markerQuery, r markers.Range, f formats.Format,
) (_ markers.Range, next string, err error) {
	n := 0
	var last markers.Marker
	r.Limit = min(streamPage, mq.limit+1)
	err = s.pages(ctx, ch.Name, r, func(_ context.Context, page []markers.Marker) (bool, error) {
		for _, m := range page {
			if mq.leavesOut(m) {
				continue
			}
			if n == mq.limit {
				next = mq.behind("markers", last.Time, ch.Name, f)
				return false, nil
			}
			n, last = n+1, m
		}
		return true, nil
	})
	if err != nil || next == "" {
		return r, "", err
	}
	if r.Desc {
		r.From = last.RecordID()
	} else {
		r.To = last.RecordID()
	}
	return r, next, nil
}

// behind is the address of the records that q selects behind a time.
func (q markerQuery) behind(path string, t markers.Seconds, channel string, f formats.Format) string {
	if q.desc {
		q.upTo, q.hasUpTo = t-1, true
	} else {
		q.after, q.hasAfter = t, true
	}
	v := url.Values{"channel": {channel}, "limit": {strconv.Itoa(q.limit)}, "format": {f.Name}}
	if q.hasAfter {
		v.Set("ts_start", q.after.String())
	}
	if q.hasUpTo {
		v.Set("ts_end", q.upTo.String())
	}
	if q.kind != "" {
		v.Set("kind", q.kind)
	}
	if q.source != "" {
		v.Set("source", q.source)
	}
	if q.desc {
		v.Set("order", "desc")
	}
	return path + "?" + v.Encode()
}

// findMarkers reads the markers that mq selects; truncated says that its limit left some out.
func (s *Server) findMarkers(ctx context.Context, ch markers.Channel, mq markerQuery,
) (out []markers.Marker, truncated bool, err error) {
	r, some := mq.bounds(ch, markers.MaxID)
	if !some {
		return nil, false, nil
	}
	err = s.pages(ctx, ch.Name, r, func(_ context.Context, page []markers.Marker) (bool, error) {
		out = append(out, slices.DeleteFunc(page, mq.leavesOut)...)
		truncated = len(out) > mq.limit
		return !truncated, nil
	})
	return out[:min(len(out), mq.limit)], truncated, err
}

// pages reads the markers of r, its limit of them at a time (0: streamPage), and calls yield with them, until r ends or yield returns false. Nothing is
// held while yield works. The context it gives to yield is that of one page.
func (s *Server) pages(ctx context.Context, channel string, r markers.Range,
	yield func(context.Context, []markers.Marker) (bool, error)) error {
	size := r.Limit
	if size == 0 {
		size = streamPage
	}
	var before markers.ID // of the last marker of the page before
	for {
		more, err := func() (bool, error) {
			ctx, cancel := context.WithTimeout(ctx, requestTimeout)
			defer cancel()
			r.Limit = size
			if !r.Desc && before != (markers.ID{}) {
				r.From, r.Limit = before, size+1
			}
			page, err := s.cfg.Store.Markers(ctx, channel, r)
			if err != nil {
				return false, err
			}
			full := len(page) == r.Limit
			if r.Limit > size {
				// The oldest are trimmed at any time: where the last one that was read is gone, others may be that were not.
				if len(page) == 0 || page[0].RecordID() != before {
					return false, &Problem{Status: http.StatusServiceUnavailable, retryAfter: trimmedRetry,
						Detail: "markers were removed while they were read, as they are when their time is over: ask again"}
				}
				page = page[1:]
			}
			if len(page) == 0 {
				return false, nil
			}
			before = page[len(page)-1].RecordID()
			more, err := yield(ctx, page)
			return more && full, err
		}()
		if err != nil || !more {
			return err
		}
		if r.Desc {
			if before.Frame == 0 {
				return nil
			}
			r.To = markers.EndOfFrame(before.Frame - 1)
		}
	}
}

// leavesOut reports whether m is not among those asked for.
func (q markerQuery) leavesOut(m markers.Marker) bool {
	return q.kind != "" && m.Kind != q.kind || q.outside(m.Time)
}

// outside reports whether a time is not in the range.
func (q markerQuery) outside(t markers.Seconds) bool {
	return q.hasAfter && t <= q.after || q.hasUpTo && t > q.upTo
}

// markerForm is the form of markers. The columns are a marker's members, box and block flattened.
func markerForm(ch markers.Channel) formats.List[markerView] {
	clock := ch.Clock()
	return formats.List[markerView]{
		Name: "markers", Columns: markerColumns(), Cells: markerCells,
		Cue: func(m markerView) formats.Cue {
			return formats.Cue{ID: m.ID, From: m.Time, To: clock.Time(m.LastFrame + 1), Text: m.Text}
		},
	}
}

func markerColumns() []string {
	return []string{
		"id", "channel", "run", "kind", "text", "time", "end_time", "frame", "last_frame", "scheduled_frame", "pts",
		"last_pts", "timecode", "utc", "gen_time", "gen_seconds", "msn", "offset", "box_x", "box_y", "box_width",
		"box_height", "block_x", "block_y", "block_width", "block_height", "block_roll", "color", "missing_frames",
	}
}

func markerCells(m markerView) []string {
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	run, genTime, genSeconds := n(m.Run), m.GenTime.Format(time.RFC3339Nano), m.GenSeconds.String()
	if m.foreign {
		run, genTime, genSeconds = "", "", ""
	}
	return []string{
		formats.Inert(m.ID), formats.Inert(m.Channel), run, m.Kind, formats.Inert(m.Text), m.Time.String(), m.EndTime.String(),
		n(m.Frame), n(m.LastFrame), n(m.ScheduledFrame), n(m.PTS), n(m.LastPTS), m.Timecode,
		m.UTC.Format(time.RFC3339Nano), genTime, genSeconds,
		n(m.MSN), n(m.Offset), n(int64(m.Box.X)), n(int64(m.Box.Y)), n(int64(m.Box.Width)), n(int64(m.Box.Height)),
		n(int64(m.Block.X)), n(int64(m.Block.Y)), n(int64(m.Block.Width)), n(int64(m.Block.Height)),
		n(int64(m.Block.Roll)), m.Color, n(m.MissingFrames),
	}
}
