package api

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/refstream/refstream/api/formats"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// trimmedRetry is when markers that were trimmed while they were read may be asked for again: at once, as good as.
const trimmedRetry = time.Second

// markerKind is the list of /markers, and the events of /markers/stream.
func (s *Server) markerKind() recordKind[markerView] {
	return recordKind[markerView]{
		name: "markers", event: "marker", log: markers.Markers, form: markerForm,
		params:       []string{"channel", "ts_start", "ts_end", "kind", "limit", "order", "format", "rendition"},
		streamParams: []string{"channel", "ts_start", "last_event_id", "rendition"},
		param:        "kind",
		only:         func(q *query) string { return q.oneOf("kind", "", markers.KindScheduled, markers.KindManual) },
		traits:       func(m markerView) (media.Seconds, string) { return m.Time, m.Kind },
		find:         s.selectMarkers,
		boxes:        rendition.boxes,
		twin:         func(ctx context.Context, t *twinTruth, page []markerView) error { return t.labelMarkers(ctx, s, page) },
		twinForm: func(form formats.List[markerView]) formats.List[markerView] {
			form.Columns = append(form.Columns, "hidden_by")
			cells := form.Cells
			form.Cells = func(m markerView) []string { return append(cells(m), formats.Inert(m.HiddenBy)) }
			return form
		},
		read: func(ctx context.Context, ch markers.Channel, r markers.Range) ([]markerView, error) {
			page, err := s.cfg.Store.Markers(ctx, ch.Name, r)
			if err != nil || len(page) == 0 {
				return nil, err
			}
			missing, err := s.missingIn(ctx, ch.Name, page[0].ScheduledFrame, math.MaxInt64)
			return s.markerViews(ch.Name, page, missing), err
		},
		first: func(ch markers.Channel, after media.Seconds) (id markers.ID) {
			if first := ch.Rate.FrameAtNanos(int64(after)) - ch.LongestEvent(); first > 0 {
				id = markers.AtFrame(first)
			}
			return id
		},
	}
}

// selectMarkers finds the markers that a query selects, of those that the log has by now: it may grow meanwhile.
func (s *Server) selectMarkers(ctx context.Context, ch markers.Channel, q recordQuery, found *selection[markerView]) error {
	// Markers never change once written, and what is missing of them only grows: while both logs end where they did,
	// the answer is the one given before.
	state := cacheState{}
	var err error
	for i, log := range []markers.Kind{markers.Markers, markers.Missing} {
		if state.ends[i], err = s.cfg.Store.Last(ctx, ch.Name, log); err != nil {
			return err
		}
	}
	state.at = s.cfg.Now()
	found.state = state
	found.mark = func(ctx context.Context) (string, error) {
		oldest := markers.Range{Limit: 1}
		known, err := s.cfg.Store.Markers(ctx, ch.Name, oldest)
		if err != nil {
			return "", err
		}
		missing, err := s.cfg.Store.Missing(ctx, ch.Name, oldest)
		return fmt.Sprintf("%v %+v %+v", state.ends, known, missing), err
	}
	found.each = func(ctx context.Context, limited func(media.Seconds), yield func([]markerView) (bool, error)) (err error) {
		r, some := markerRange(q, ch, state.ends[0])
		if !some {
			return nil
		}
		if q.limit > 0 {
			if r, err = s.limitMarkers(ctx, ch, q, r, limited); err != nil {
				return err
			}
		}
		var missing []markers.MissingRecord
		first := true
		return s.pages(ctx, ch.Name, r, func(ctx context.Context, page []markers.Marker) (bool, error) {
			if first { // read once: its log is read whole
				if missing, err = s.missingIn(ctx, ch.Name, r.From.Frame, math.MaxInt64); err != nil {
					return false, err
				}
				first = false
			}
			return yield(s.markerViews(ch.Name, withoutOthers(page, q), missing))
		})
	}
	return nil
}

// withoutOthers leaves of a page what a query selects.
func withoutOthers(page []markers.Marker, q recordQuery) []markers.Marker {
	return slices.DeleteFunc(page, func(m markers.Marker) bool { return q.leavesOut(m.Time, m.Kind) })
}

// markerRange is the stretch of the log up to newest that holds what q selects; some is false where it can hold nothing.
//
// The log is in the order of the scheduled frames, while times are those of the first frame that is in the stream,
// which may be later. Events don't overlap, so the two orders are the same, and no event reaches further back than
// its length.
func markerRange(q recordQuery, ch markers.Channel, newest markers.ID) (r markers.Range, some bool) {
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

// limitMarkers is the stretch of r up to the last marker that the limit leaves. It calls limited with the time of that where
// there are others.
func (s *Server) limitMarkers(ctx context.Context, ch markers.Channel, q recordQuery, r markers.Range, limited func(media.Seconds),
) (markers.Range, error) {
	n := 0
	var last markers.Marker
	r.Limit = min(streamPage, q.limit+1)
	err := s.pages(ctx, ch.Name, r, func(_ context.Context, page []markers.Marker) (bool, error) {
		for _, m := range withoutOthers(page, q) {
			if n == q.limit {
				limited(last.Time)
				if r.Desc {
					r.From = last.RecordID()
				} else {
					r.To = last.RecordID()
				}
				return false, nil
			}
			n, last = n+1, m
		}
		return true, nil
	})
	return r, err
}

// findMarkers reads the markers that q selects; truncated says that its limit left some out.
func (s *Server) findMarkers(ctx context.Context, ch markers.Channel, q recordQuery,
) (out []markers.Marker, truncated bool, err error) {
	r, some := markerRange(q, ch, markers.MaxID)
	if !some {
		return nil, false, nil
	}
	err = s.pages(ctx, ch.Name, r, func(_ context.Context, page []markers.Marker) (bool, error) {
		out = append(out, withoutOthers(page, q)...)
		truncated = len(out) > q.limit
		return !truncated, nil
	})
	return out[:min(len(out), q.limit)], truncated, err
}

// pages reads the markers of r, its limit of them at a time (0: streamPage), and calls yield with them, until r ends or yield returns false. Nothing is
// held while yield works. The context it gives to yield is that of one page.
func (s *Server) pages(ctx context.Context, channel string, r markers.Range,
	yield func(context.Context, []markers.Marker) (bool, error)) error {
	size := cmp.Or(r.Limit, streamPage)
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
					return false, tryLater(http.StatusServiceUnavailable, trimmedRetry,
						"markers were removed while they were read, as they are when their time is over: ask again")
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
