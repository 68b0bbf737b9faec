package api

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/markers"
)

const (
	defaultMarkers = 1000
	maxMarkers     = 10000
	// truncatedHeader is true where the limit left records out, for formats that can't say so.
	truncatedHeader = "X-Refstream-Truncated"
)

// markerQuery selects markers by the HLS time of their first frame.
type markerQuery struct {
	// after is exclusive, upTo inclusive; each holds where its has is set.
	after, upTo       markers.Seconds
	hasAfter, hasUpTo bool
	kind              string
	limit             int
	desc              bool
}

// getMarkers answers GET /markers.
func (s *Server) getMarkers(c echo.Context) error {
	r := c.Request()
	ctx := r.Context()
	q := newQuery(r, "channel", "ts_start", "ts_end", "kind", "limit", "order", "format")
	var mq markerQuery
	mq.after, mq.hasAfter = q.seconds("ts_start")
	mq.upTo, mq.hasUpTo = q.seconds("ts_end")
	mq.kind = q.oneOf("kind", "", markers.KindScheduled, markers.KindManual)
	mq.limit = q.limit(defaultMarkers, maxMarkers)
	mq.desc = q.oneOf("order", "asc", "desc") == "desc"
	c.Response().Header().Add("Vary", "Accept")
	f, err := chooseFormat(q, r)
	if err != nil {
		return err
	}
	ch, err := s.channel(ctx, q)
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
	key := cacheKey{channel: ch.Name, run: ch.Run, query: mq, format: f.name}
	body, hit := s.cache.get(key, state)
	if !hit {
		if body, err = s.encodeMarkers(ctx, ch, mq, f); err != nil {
			return err
		}
		s.cache.put(key, state, body)
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", body.etag)
	h.Set(truncatedHeader, strconv.FormatBool(body.truncated))
	if matchesETag(r.Header.Values("If-None-Match"), body.etag) {
		return c.NoContent(http.StatusNotModified)
	}
	h.Set("Content-Length", strconv.Itoa(len(body.bytes)))
	return c.Blob(http.StatusOK, f.contentType, body.bytes)
}

// encodeMarkers reads and writes the answer to a query.
func (s *Server) encodeMarkers(ctx context.Context, ch markers.Channel, mq markerQuery, f format) (cachedBody, error) {
	found, truncated, err := s.findMarkers(ctx, ch, mq)
	if err != nil {
		return cachedBody{}, err
	}
	views, err := s.view(ctx, ch.Name, found)
	if err != nil {
		return cachedBody{}, err
	}
	list := markerList{Channel: ch.Name, Markers: views, Truncated: truncated}
	var b []byte
	switch f.name {
	case "csv":
		b, err = list.csv()
	case "ndjson":
		b, err = list.ndjson()
	case "vtt":
		b = list.vtt(ch)
	default:
		b, err = list.json()
	}
	if err != nil {
		return cachedBody{}, fmt.Errorf("encode markers: %w", err)
	}
	return cachedBody{bytes: b, etag: etagOf(b), truncated: truncated}, nil
}

// etagOf is a validator of a body: not secret, only different when the body is.
func etagOf(b []byte) string {
	h := fnv.New128a()
	_, _ = h.Write(b) // never fails
	return fmt.Sprintf(`"%x"`, h.Sum(nil))
}

// findMarkers reads the markers that mq selects; truncated says that its limit left some out.
//
// The log is in the order of the scheduled frames, while times are those of the first frame that is in the stream,
// which may be later. Events don't overlap, so the two orders are the same, and no event reaches further back than
// its length.
func (s *Server) findMarkers(ctx context.Context, ch markers.Channel, mq markerQuery,
) (out []markers.Marker, truncated bool, err error) {
	clock := ch.Clock()
	r := markers.Range{Desc: mq.desc, Limit: mq.limit + 1}
	if mq.hasAfter {
		r.From = markers.AtFrame(max(0, clock.Rate.FrameAtNanos(int64(mq.after))-ch.LongestEvent()))
	}
	if mq.hasUpTo {
		last := clock.Rate.FrameAtNanos(int64(mq.upTo))
		if last < 0 {
			return nil, false, nil
		}
		r.To = markers.EndOfFrame(last)
	}
	for {
		page, err := s.cfg.Store.Markers(ctx, ch.Name, r)
		if err != nil {
			return nil, false, err
		}
		for _, m := range page {
			if !mq.selects(m) {
				continue
			}
			if len(out) == mq.limit {
				return out, true, nil
			}
			out = append(out, m)
		}
		if len(page) < r.Limit {
			return out, false, nil
		}
		id := page[len(page)-1].RecordID()
		if !r.Desc {
			r.From = id.Next()
			continue
		}
		if id.Frame == 0 {
			return out, false, nil
		}
		r.To = markers.EndOfFrame(id.Frame - 1)
	}
}

// selects says whether m is among those asked for.
func (q markerQuery) selects(m markers.Marker) bool {
	return (q.kind == "" || m.Kind == q.kind) &&
		(!q.hasAfter || m.Time > q.after) &&
		(!q.hasUpTo || m.Time <= q.upTo)
}

// matchesETag says whether an If-None-Match header names etag (RFC 9110, 13.1.2: weak comparison).
func matchesETag(header []string, etag string) bool {
	return slices.ContainsFunc(splitList(header), func(t string) bool {
		return t == "*" || t == etag || t == "W/"+etag
	})
}
