package api

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/refstream/refstream/api/formats"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

const maxFrame = markers.MaxFrame

// maxSeconds bounds times for the reason that frame numbers have a bound.
const maxSeconds = media.Seconds(5_700_000_000 * 1_000_000_000)

// defaultChannel is the channel of a request that names none, where there are several.
const defaultChannel = "main"

// query reads the parameters of a request and remembers the first that is wrong: the caller reads them all and then
// asks err. Unknown and repeated parameters are wrong, for they are mistakes that would pass silently.
type query struct {
	values url.Values
	err    error
}

// newQuery takes the parameters of r, of which only the allowed ones may be there.
func newQuery(r *http.Request, allowed ...string) *query {
	q := &query{}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		q.fail(badField("query", "the query can't be read: %s", err))
		return q
	}
	q.values = values
	for _, name := range slices.Sorted(maps.Keys(values)) { // so that the same request gives the same answer
		switch {
		case len(allowed) == 0:
			q.fail(badField(name, "there is no parameter %q here: this takes none", name))
		case !slices.Contains(allowed, name):
			q.fail(badField(name, "there is no parameter %q here: there are %s", name, strings.Join(allowed, ", ")))
		case len(values[name]) > 1:
			q.fail(badField(name, "%s is given %d times", name, len(values[name])))
		case values[name][0] == "":
			q.fail(badField(name, "%s is empty: leave it out or give a value", name))
		}
	}
	return q
}

// fail keeps the first error.
func (q *query) fail(err *Problem) {
	if q.err == nil {
		q.err = err
	}
}

// oneOf reads one of a few words; the first is the default.
func (q *query) oneOf(name string, words ...string) string {
	v := q.values.Get(name)
	if v == "" {
		return words[0]
	}
	if !slices.Contains(words, v) {
		known := words
		if known[0] == "" {
			known = known[1:]
		}
		q.fail(badField(name, "%s is %q: it must be one of %s", name, v, strings.Join(known, ", ")))
	}
	return v
}

// seconds reads a time; ok is false where there is none.
func (q *query) seconds(name string) (t media.Seconds, ok bool) {
	v := q.values.Get(name)
	if v == "" {
		return 0, false
	}
	// A plus that is not escaped is a space in a query, and nothing else can be meant by it behind an e.
	t, err := media.ParseSeconds(strings.Replace(strings.ToLower(v), "e ", "e+", 1))
	if err != nil {
		q.fail(badField(name, "%s: %s", name, err))
		return 0, false
	}
	if t < -maxSeconds || t > maxSeconds {
		q.fail(badField(name, "%s is %s: it must be within %s seconds of 0", name, v, maxSeconds))
		return 0, false
	}
	return t, true
}

// number reads a whole number from min to max; ok is false where there is none.
func (q *query) number(name string, min, max int64) (n int64, ok bool) {
	v := q.values.Get(name)
	if v == "" {
		return 0, false
	}
	n, err := parseDigits(v)
	if err != nil || n < min || n > max {
		q.fail(badField(name, "%s is %q: it must be a whole number from %d to %d", name, v, min, max))
		return 0, false
	}
	return n, true
}

// source reads the name of a source of detections, empty where there is none.
func (q *query) source() string {
	v := q.values.Get("source")
	if v != "" {
		if err := markers.CheckSource(v); err != nil {
			q.fail(badField("source", "%s", err))
		}
	}
	return v
}

// client reads the name of a client of requests, empty where there is none.
func (q *query) client() string {
	v := q.values.Get("client")
	if v != "" {
		if err := scenario.CheckClient(v); err != nil {
			q.fail(badField("client", "%s", err))
		}
	}
	return v
}

// limit reads the largest number of records wanted.
func (q *query) limit(def, max int64) int {
	if n, ok := q.number("limit", 1, max); ok {
		return int(n)
	}
	return int(def)
}

// parseDigits reads a number that has nothing but digits, so that each number has one way to be written but for
// leading zeros.
func parseDigits(s string) (int64, error) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, errors.New("not a whole number")
	}
	return strconv.ParseInt(s, 10, 64)
}

// channel reads the channel parameter: without one it is the only channel, or main.
func (s *Server) channel(ctx context.Context, q *query) (markers.Channel, error) {
	if q.err != nil {
		return markers.Channel{}, q.err
	}
	if name := q.values.Get("channel"); name != "" {
		if markers.CheckChannelName(name) != nil {
			return markers.Channel{}, notFound("there is no channel %q", name)
		}
		c, err := s.cfg.Store.Channel(ctx, name)
		if errors.Is(err, markers.ErrNotFound) {
			err = notFound("there is no channel %q", name)
		}
		return c, err
	}
	all, err := s.cfg.Store.Channels(ctx)
	if err != nil {
		return markers.Channel{}, err
	}
	if len(all) == 1 {
		return all[0], nil
	}
	if i := slices.IndexFunc(all, func(c markers.Channel) bool { return c.Name == defaultChannel }); i >= 0 {
		return all[i], nil
	}
	if len(all) == 0 {
		return markers.Channel{}, tryLater(http.StatusServiceUnavailable, startingRetry,
			"there is no channel yet: the generator has not started")
	}
	return markers.Channel{}, badField("channel", "there are several channels: name one of those that /channels lists")
}

// channelOrTwin reads the channel parameter, which may name a faulty twin too: then it is its clean channel, and the twin's truth.
func (s *Server) channelOrTwin(ctx context.Context, q *query) (markers.Channel, *twinTruth, error) {
	c, err := s.channel(ctx, q)
	var p *Problem
	if q.err != nil || !errors.As(err, &p) || p.Status != http.StatusNotFound {
		return c, nil, err
	}
	t, otherwise := s.twinTruth(ctx, q.values.Get("channel"))
	if t == nil {
		return c, nil, cmp.Or(otherwise, err)
	}
	return t.source, t, nil
}

// chooseFormat goes by the format parameter where there is one, else by the Accept header.
func chooseFormat(q *query, r *http.Request) (formats.Format, error) {
	all, names := formats.All(), []string{""}
	for _, f := range all {
		names = append(names, f.Name)
	}
	name := q.oneOf("format", names...)
	if q.err != nil {
		return formats.Format{}, q.err
	}
	if i := slices.Index(names, name); i > 0 {
		return all[i-1], nil
	}
	f, ok := formats.Negotiate(r.Header.Values("Accept"))
	if !ok {
		return f, refusal(http.StatusNotAcceptable, "Accept", "there is application/json, application/x-ndjson, text/csv and text/vtt")
	}
	return f, nil
}
