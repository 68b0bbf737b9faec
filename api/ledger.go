package api

import (
	"context"
	"net/url"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// ledgerView says which frames the ledger can have records of.
type ledgerView struct {
	// FirstFrame and LastFrame are the oldest and the newest frame that it has a record of, null where it has none.
	FirstFrame *int64 `json:"first_frame"`
	LastFrame  *int64 `json:"last_frame"`
	// KeptSeconds is for how long frames and segments are kept: the window.
	KeptSeconds media.Seconds `json:"kept_seconds"`
}

// ledger finds where the ledger of a channel begins and ends.
func (s *Server) ledger(ctx context.Context, ch markers.Channel) (v ledgerView, err error) {
	v.KeptSeconds = ch.Clock().Time(ch.Window * ch.FramesPerSegment)
	for _, end := range []struct {
		frame **int64
		desc  bool
	}{{&v.FirstFrame, false}, {&v.LastFrame, true}} {
		list, err := s.cfg.Store.Frames(ctx, ch.Name, markers.Range{Limit: 1, Desc: end.desc})
		if err != nil {
			return v, err
		}
		if len(list) > 0 {
			*end.frame = &list[0].Frame
		}
	}
	return v, nil
}

// unknownFrame is the 404 of a frame of which there is no record at all.
func (s *Server) unknownFrame(ctx context.Context, ch markers.Channel, n int64) error {
	v, err := s.ledger(ctx, ch)
	switch {
	case err != nil:
		return err
	case v.FirstFrame == nil:
		return notFound("nothing is known of frame %d: the ledger has no frame", n)
	case n < *v.FirstFrame:
		return notFound("nothing is known of frame %d: the ledger begins with frame %d; frames are kept for %s s (--window)",
			n, *v.FirstFrame, v.KeptSeconds)
	case n > *v.LastFrame:
		return notFound("nothing is known of frame %d: it has not left the encoder yet, the newest is frame %d", n, *v.LastFrame)
	}
	return notFound("nothing is known of frame %d, though the ledger has frames from %d to %d: it may just be under way",
		n, *v.FirstFrame, *v.LastFrame)
}

const (
	defaultRecords = 100
	maxRecords     = 5000
)

// ledgerList is the answer of /frames and of /segments, whose records are the frames or the segments.
type ledgerList struct {
	Channel   string                  `json:"channel"`
	Frames    []frameView             `json:"frames,omitzero"`
	Segments  []segmentView           `json:"segments,omitzero"`
	Missing   []markers.MissingRecord `json:"missing"`
	Truncated bool                    `json:"truncated"`
	// Next is the address of what the limit left out.
	Next   string     `json:"next,omitempty"`
	Ledger ledgerView `json:"ledger"`
}

// span is a range of a ledger as a request gives it, both ends inclusive.
type span struct {
	from, to       int64
	hasFrom, hasTo bool
	limit          int
	order          string // asc, desc or empty
	rendition      string // as the request names it
}

// newSpan reads from, to, limit and order.
func newSpan(q *query) span {
	s := span{to: maxFrame, limit: q.limit(defaultRecords, maxRecords), order: q.oneOf("order", "", "asc", "desc")}
	s.from, s.hasFrom = q.number("from", 0, maxFrame)
	if to, ok := q.number("to", 0, maxFrame); ok {
		s.to, s.hasTo = to, true
	}
	if s.hasFrom && s.hasTo && s.from > s.to {
		q.fail(badField("to", "to is before from"))
	}
	return s
}

// oldestFirst says which end of the range a limit keeps: the newest records, unless the request says where to begin.
func (s span) oldestFirst() bool { return s.order == "asc" || s.order == "" && s.hasFrom }

// behind is the address, under a path, of what is left out of a range of which first to last are given.
func (s span) behind(path, channel string, first, last int64) string {
	v := url.Values{"channel": {channel}, "limit": {strconv.Itoa(s.limit)}}
	if s.oldestFirst() {
		s.from, s.hasFrom = last+1, true
	} else {
		s.to, s.hasTo = first-1, true
	}
	if s.hasFrom {
		v.Set("from", strconv.FormatInt(s.from, 10))
	}
	if s.hasTo {
		v.Set("to", strconv.FormatInt(s.to, 10))
	}
	if s.order != "" {
		v.Set("order", s.order)
	}
	if s.rendition != "" {
		v.Set("rendition", s.rendition)
	}
	return path + "?" + v.Encode()
}

// getFrames answers GET /frames.
func (s *Server) getFrames(c echo.Context) error {
	return listLedger(s, c, ledgerKind[markers.FrameRecord]{
		name: "frames", params: []string{"rendition"}, unit: func(markers.Channel) int64 { return 1 }, read: s.cfg.Store.Frames,
		show: func(ctx context.Context, ch markers.Channel, in rendition, list *ledgerList, records []markers.FrameRecord) (err error) {
			list.Frames, err = s.frameViews(ctx, ch, records)
			in.frames(list.Frames)
			return err
		},
		label: func(ctx context.Context, t *twinTruth, list *ledgerList) error {
			return t.labelFrames(ctx, list.Frames)
		},
	})
}

// getSegments answers GET /segments, whose range is in media sequence numbers.
func (s *Server) getSegments(c echo.Context) error {
	return listLedger(s, c, ledgerKind[markers.SegmentRecord]{
		name: "segments", unit: func(ch markers.Channel) int64 { return ch.FramesPerSegment }, read: s.cfg.Store.Segments,
		show: func(_ context.Context, ch markers.Channel, _ rendition, list *ledgerList, records []markers.SegmentRecord) error {
			own := s.own(ch.Name)
			list.Segments = make([]segmentView, len(records))
			for i, r := range records {
				list.Segments[i] = segmentView{r, !own(r.Generator)}
			}
			return nil
		},
	})
}

// ledgerKind is a kind of record of the ledger: each is of a unit of so many frames, and the units are numbered from the epoch.
type ledgerKind[R record] struct {
	name   string
	params []string // besides those of every kind
	unit   func(markers.Channel) int64
	read   func(ctx context.Context, channel string, r markers.Range) ([]R, error)
	// show puts records, which are in ascending order, into the answer.
	show func(context.Context, markers.Channel, rendition, *ledgerList, []R) error
	// label labels what is shown as a faulty twin has it; nil where twins have no such list.
	label func(context.Context, *twinTruth, *ledgerList) error
}

// listLedger answers with the records of a range, and with what is missing there.
func listLedger[R record](s *Server, c echo.Context, k ledgerKind[R]) error {
	ctx := c.Request().Context()
	q := newQuery(c.Request(), append([]string{"channel", "from", "to", "limit", "order"}, k.params...)...)
	sp := newSpan(q)
	ch, twin, err := s.channelOrTwin(ctx, q)
	if err == nil && twin != nil && k.label == nil {
		err = notFound("%s is a faulty twin: /faults has what is done to it, and /%s?channel=%s what its clean channel has", twin.name, k.name, ch.Name)
	}
	if err != nil {
		return err
	}
	in, err := q.rendition(ch)
	if err != nil {
		return err
	}
	sp.rendition = in.name
	list := ledgerList{Channel: ch.Name, Missing: []markers.MissingRecord{}}
	if list.Ledger, err = s.ledger(ctx, ch); err != nil {
		return err
	}
	if twin != nil {
		list.Channel = twin.name
		list.Ledger = twin.ledger(list.Ledger)
		sp.from, sp.to = max(sp.from, twin.oldest), min(sp.to, twin.newest)
	}
	unit := k.unit(ch)
	// Beyond this one no unit has a frame that can be asked for, and its frames would not fit a number.
	lastUnit := maxFrame / unit
	if sp.from > lastUnit || sp.from > sp.to {
		if err := k.show(ctx, ch, in, &list, nil); err != nil {
			return err
		}
		return noCache(c, list)
	}
	first, last := sp.from*unit, (min(sp.to, lastUnit)+1)*unit-1
	records, err := k.read(ctx, ch.Name, markers.Range{
		From: markers.AtFrame(first), To: markers.EndOfFrame(last), Limit: sp.limit + 1, Desc: !sp.oldestFirst(),
	})
	if err != nil {
		return err
	}
	if list.Truncated = len(records) > sp.limit; list.Truncated {
		records = records[:sp.limit]
		if end := records[sp.limit-1].RecordID().Frame; sp.oldestFirst() {
			last = end + unit - 1
		} else {
			first = end
		}
	}
	if !sp.oldestFirst() {
		slices.Reverse(records)
	}
	missing, from, to, err := s.missingWithin(ctx, ch.Name, first, last, unit, sp)
	if twin != nil && err == nil {
		missing = twin.lacks(missing, from, to)
	}
	if err != nil {
		return err
	}
	list.Missing = append(list.Missing, missing...)
	list.Truncated = list.Truncated || from > first || to < last
	records = slices.DeleteFunc(records, func(r R) bool { n := r.RecordID().Frame; return n < from || n > to })
	if err := k.show(ctx, ch, in, &list, records); err != nil {
		return err
	}
	if twin != nil {
		if err := k.label(ctx, twin, &list); err != nil {
			return err
		}
	}
	if list.Truncated {
		list.Next = sp.behind(k.name, list.Channel, from/unit, to/unit)
		setLink(c.Response().Header(), list.Next)
	}
	if sp.order == "desc" {
		slices.Reverse(list.Frames)
		slices.Reverse(list.Segments)
		slices.Reverse(list.Missing)
	}
	return noCache(c, list)
}

// missingWithin reads what is missing from first to last. Where that is more records than the limit, the range gets smaller, by
// whole units of frames, at the end that the span leaves out: then it has some more than the limit at the most, which are missing
// in the first unit.
func (s *Server) missingWithin(ctx context.Context, channel string, first, last, unit int64, sp span,
) (out []markers.MissingRecord, from, to int64, err error) {
	out, err = s.missingIn(ctx, channel, first, last)
	if err != nil || len(out) <= sp.limit {
		return out, first, last, err
	}
	from, to = first, last
	if sp.oldestFirst() {
		to = max(out[sp.limit].Frame/unit, first/unit+1)*unit - 1
	} else {
		ends := make([]int64, len(out))
		for i, m := range out {
			ends[i] = m.LastFrame
		}
		slices.Sort(ends)
		from = min((ends[len(out)-sp.limit-1]+unit)/unit, last/unit) * unit
	}
	within := slices.DeleteFunc(slices.Clone(out), func(m markers.MissingRecord) bool { return m.LastFrame < from || m.Frame > to })
	if len(within) == len(out) {
		return out, first, last, nil
	}
	return within, from, to, nil
}
