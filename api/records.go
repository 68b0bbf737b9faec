package api

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/api/formats"
	"github.com/refstream/refstream/delivery"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// recordKind is a kind of record that /NAME lists in all formats, and /NAME/stream sends as server-sent events. A new kind is
// one more of these in a file of its own, a line in routes, and its description in openapi.yaml.
type recordKind[V record] struct {
	name, event string // of the list, and of an event of the stream
	log         markers.Kind
	form        func(markers.Channel) formats.List[V]
	// params and streamParams are the parameters of the two. param is the one that is the kind's own, and only reads it.
	params, streamParams []string
	param                string
	only                 func(*query) string
	// traits are what a query selects by: when a record begins, and what param selects.
	traits func(V) (begins media.Seconds, value string)
	// twin labels records of a clean channel as its faulty twin shows them; nil where twins have no such list.
	twin func(context.Context, *twinTruth, []V) error
	// twinForm adds to the form of a list what a twin's has besides; nil where twins have no such list.
	twinForm func(formats.List[V]) formats.List[V]
	// boxes writes into records where they are in a rendition's pictures; nil where they name no place in a picture.
	boxes func(rendition, []V)
	// find finds what a query selects, for the list.
	find func(context.Context, markers.Channel, recordQuery, *selection[V]) error
	// read reads a page of the log, for the stream. first is where the records later than a time begin, at the latest.
	read  func(context.Context, markers.Channel, markers.Range) ([]V, error)
	first func(markers.Channel, media.Seconds) markers.ID
}

// record is a record of a log, as it is shown.
type record interface{ RecordID() markers.ID }

// recordQuery selects records by the HLS time at which they begin.
type recordQuery struct {
	// after is exclusive, upTo inclusive; each holds where its has is set.
	after, upTo       media.Seconds
	hasAfter, hasUpTo bool
	only              string // what the kind's own parameter selects, empty for all
	rendition         string // as the request names it, in whose pixels boxes are
	limit             int    // 0: none
	desc              bool
}

// leavesOut reports whether a record is not among those asked for.
func (q recordQuery) leavesOut(begins media.Seconds, value string) bool {
	return q.only != "" && value != q.only || q.hasAfter && begins <= q.after || q.hasUpTo && begins > q.upTo
}

// selection is what a query selects.
type selection[V any] struct {
	// each gives the records, a page at a time, until yield returns false. Before the first of them it calls limited with the time
	// of the last record that the limit leaves, where it leaves out others.
	each func(ctx context.Context, limited func(media.Seconds), yield func([]V) (more bool, err error)) error
	// state is that of the logs; the answer is kept while they are the same. The zero value: it is not.
	state cacheState
	// mark is different when the records are.
	mark func(context.Context) (string, error)
}

// addRecords adds the routes of a kind of record.
func addRecords[V record](s *Server, e *echo.Echo, k recordKind[V]) {
	path := "/" + k.name
	e.Match([]string{http.MethodGet, http.MethodHead}, path, func(c echo.Context) error { return listRecords(s, c, k) })
	e.GET(path+"/stream", func(c echo.Context) error { return streamRecords(s, c, k) })
}

// listRecords answers GET /NAME. It is not bounded as a whole: a long answer takes as long as the client needs.
func listRecords[V record](s *Server, c echo.Context, k recordKind[V]) error {
	r := c.Request()
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	q := newQuery(r, k.params...)
	var rq recordQuery
	rq.after, rq.hasAfter = q.seconds("ts_start")
	rq.upTo, rq.hasUpTo = q.seconds("ts_end")
	rq.limit = q.limit(0, math.MaxInt32)
	rq.desc = q.oneOf("order", "asc", "desc") == "desc"
	rq.only = k.only(q)
	c.Response().Header().Add("Vary", "Accept")
	c.Response().Header().Set("Cache-Control", "no-cache")
	f, err := chooseFormat(q, r)
	if err != nil {
		return err
	}
	ch, twin, err := s.channelOrTwin(ctx, q)
	if err == nil && twin != nil && k.twin == nil {
		err = notFound("%s is a faulty twin: its %s are those of %s", twin.name, k.name, ch.Name)
	}
	if err == nil && twin != nil {
		rq, err = twin.bounded(ctx, s.cfg.Store, rq)
	}
	if err != nil {
		return err
	}
	in, err := q.rendition(ch)
	if err != nil {
		return err
	}
	rq.rendition = in.name
	var found selection[V]
	if err := k.find(ctx, ch, rq, &found); err != nil {
		return err
	}
	if twin != nil {
		ch.Name = twin.name
		found = k.labelled(found, twin)
	}
	key := cacheKey{list: k.name, channel: ch.Name, run: ch.Run, query: rq, format: f.Name}
	if body, hit := s.cache.get(key, found.state); hit {
		return sendBody(c, f.ContentType, body)
	}
	// tag is the validator of an answer that is too long to be kept.
	tag := func() (string, error) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		mark, err := found.mark(ctx)
		return "W/" + delivery.ETag(fmt.Appendf(nil, "%+v %s", key, mark)), err
	}
	if strings.Contains(strings.Join(r.Header.Values("If-None-Match"), ","), "W/") {
		if etag, err := tag(); err != nil {
			return err
		} else if hasAlready(c, etag) {
			return c.NoContent(http.StatusNotModified)
		}
	}
	a := &answer{
		response: c.Response(), contentType: f.ContentType, timeout: s.cfg.StreamWriteTimeout,
		headOnly: r.Method == http.MethodHead, tag: tag,
	}
	form := k.form(ch)
	if twin != nil {
		form = k.twinForm(form)
	}
	w := formats.NewWriter(f, form, ch)
	w.Begin(&a.held)
	limited := func(last media.Seconds) { a.next = rq.behind(last, k.name, k.param, ch.Name, f) }
	err = found.each(r.Context(), limited, func(page []V) (bool, error) {
		if k.boxes != nil {
			k.boxes(in, page)
		}
		for _, v := range page {
			if err := w.Add(&a.held, v); err != nil {
				return false, fmt.Errorf("encode %s: %w", k.event, err)
			}
		}
		return a.flush()
	})
	if err == nil && !a.ended {
		if w.End(&a.held, a.next); a.begun {
			_, err = a.flush()
		}
	}
	switch {
	case err != nil && a.begun: // it is cut off, so that the client sees that it is not whole
		s.cfg.Logger.InfoContext(r.Context(), "answer cut off", "path", r.URL.Path, "remote", r.RemoteAddr, "error", err)
		panic(http.ErrAbortHandler)
	case err != nil || a.begun:
		return err
	}
	body := cachedBody{bytes: a.held.Bytes(), etag: delivery.ETag(a.held.Bytes()), next: a.next}
	s.cache.put(key, found.state, body)
	return sendBody(c, f.ContentType, body)
}

// labelled is a selection of a clean channel's records as its faulty twin shows them. It is not kept.
func (k recordKind[V]) labelled(found selection[V], t *twinTruth) selection[V] {
	return selection[V]{
		each: func(ctx context.Context, limited func(media.Seconds), yield func([]V) (bool, error)) error {
			return found.each(ctx, limited, func(page []V) (bool, error) {
				if err := k.twin(ctx, t, page); err != nil {
					return false, err
				}
				return yield(page)
			})
		},
		mark: func(ctx context.Context) (string, error) { // what was published of a twin does not change
			mark, err := found.mark(ctx)
			return fmt.Sprint(mark, " ", t.oldest, " ", t.newest), err
		},
	}
}

// behind is the address of the records that q selects behind a time.
func (q recordQuery) behind(t media.Seconds, path, param, channel string, f formats.Format) string {
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
	if q.only != "" {
		v.Set(param, q.only)
	}
	if q.desc {
		v.Set("order", "desc")
	}
	if q.rendition != "" {
		v.Set("rendition", q.rendition)
	}
	return path + "?" + v.Encode()
}
