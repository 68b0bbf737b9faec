package truth

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// Server is the truth that a running refstream publishes under /clocks, /frames and /markers. base is the address of its
// page, such as http://127.0.0.1:8080; channel may be empty where the server has one only, and may be a faulty twin: it has the truth of
// its clean channel, and faults. With /faulty/EXPRESSION behind it there are the faults of the expression.
func Server(base, channel string, client *http.Client) (Source, error) {
	base, expression := WithoutExpression(base)
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("truth %q is not the address of a server such as http://127.0.0.1:8080", base)
	}
	if client == nil {
		client = http.DefaultClient
	}
	return &server{base: u, channel: channel, expression: expression, client: client}, nil
}

// WithoutExpression is the address of a server without the expression of faults that may be behind it, and that, as the address has it.
func WithoutExpression(base string) (clean, expression string) {
	const folder = "/faulty/"
	clean, expression, ok := strings.Cut(strings.TrimSuffix(base, "/"), folder)
	if !ok || expression == "" || strings.Contains(expression, "/") {
		return base, ""
	}
	return clean + "/", expression
}

type server struct {
	base    *url.URL
	channel string
	twin    string // of the channel, once Channel has found out that it was asked for one; empty for none
	// expression is one of faults in the channel, empty for none.
	expression string
	client     *http.Client
}

const (
	framesPage  = 5000 // the most that /frames gives at once
	markersPage = 10000
	// maxAnswer is twice as much as the most markers have.
	maxAnswer = 16 << 20
	// reachSeconds is how long before a stretch markers are asked for: the longest event that can be triggered takes 600 s.
	reachSeconds = 600
	latest       = media.Seconds(4_000_000_000 * time.Second) // 126 years, as long as a stream's clock runs; a server takes little more
	maxFaults    = 1_000_000                                  // how many faults of a stretch are read
	// channels lists all channels: it is the question that is about none.
	channels = "channels"
)

func (s *server) Channel(ctx context.Context) (c markers.Channel, err error) {
	err = s.get(ctx, "clocks", nil, &c)
	if err == nil || s.channel == "" || s.twin != "" {
		return c, err
	}
	clean := s.cleanOf(ctx)
	if clean == "" {
		return c, err
	}
	s.channel, s.twin = clean, s.channel
	err = s.get(ctx, "clocks", nil, &c)
	return c, err
}

// cleanOf is the clean channel of a faulty twin, whose name begins with it; empty where there is no such twin.
func (s *server) cleanOf(ctx context.Context) (clean string) {
	var log struct{ Faults any }
	var list struct{ Channels atMost[markers.Channel] }
	if s.get(ctx, "faults", nil, &log) != nil || s.get(ctx, channels, nil, &list) != nil {
		return ""
	}
	for _, c := range list.Channels {
		if strings.HasPrefix(s.channel, c.Name+"-") && len(c.Name) > len(clean) {
			clean = c.Name
		}
	}
	return clean
}

func (s *server) faults(ctx context.Context, first, last int64) ([]markers.FaultRecord, error) {
	path, query := "faults", url.Values{"from": {strconv.FormatInt(first, 10)}, "to": {strconv.FormatInt(last, 10)}}
	switch {
	case s.expression != "":
		path = "faulty/" + s.expression + "/faults"
	case s.twin != "":
		query.Set("channel", s.twin)
	default:
		return nil, nil
	}
	type page struct {
		Faults atMost[markers.FaultRecord]
		left
	}
	var list []markers.FaultRecord
	err := eachPage(ctx, s, path, query, func(p page) (more bool, err error) {
		for _, f := range p.Faults {
			if err := CheckFault(f); err != nil {
				return false, err
			}
		}
		list = append(list, p.Faults...)
		return len(p.Faults) > 0 && len(list) <= maxFaults, nil
	})
	return list, err
}

func (s *server) Between(ctx context.Context, first, last int64) (_ Truth, err error) {
	t := Truth{Frames: map[int64]markers.FrameRecord{}}
	query := url.Values{
		"from": {strconv.FormatInt(first, 10)}, "to": {strconv.FormatInt(last, 10)}, "limit": {strconv.Itoa(framesPage)},
	}
	type page struct {
		Frames  atMost[markers.FrameRecord]
		Missing atMost[markers.MissingRecord]
		left
	}
	err = eachPage(ctx, s, "frames", query, func(p page) (more bool, err error) {
		before := len(t.Frames) + len(t.Missing)
		for _, f := range p.Frames {
			if f.Frame >= first && f.Frame <= last {
				t.Frames[f.Frame] = f
			}
		}
		for _, m := range p.Missing {
			if err := m.Validate(); err != nil {
				return false, err
			}
			if m.LastFrame >= first && m.Frame <= last && int64(len(t.Missing)) <= last-first {
				t.Missing = append(t.Missing, m)
			}
		}
		return len(t.Frames)+len(t.Missing) > before, nil
	})
	if err != nil {
		return Truth{}, err
	}
	t.Markers, err = s.Markers(ctx, first, last)
	return t, err
}

func (s *server) Markers(ctx context.Context, first, last int64) (list []markers.Marker, err error) {
	c, err := s.Channel(ctx)
	if err != nil {
		return nil, err
	}
	clock := c.Clock()
	reach := max(c.EventLength, reachSeconds*c.Rate.Base())
	query := url.Values{
		"ts_start": {(clock.Time(first-reach) - 1).String()}, "ts_end": {min(clock.Time(last), latest).String()},
		"limit": {strconv.Itoa(markersPage)}, "format": {"json"},
	}
	type page struct {
		Markers atMost[markers.Marker]
		left
	}
	err = eachPage(ctx, s, "markers", query, func(p page) (more bool, err error) {
		for _, m := range p.Markers {
			if err := checkEvent(m); err != nil {
				return false, err
			}
			if m.LastFrame >= first && m.Frame <= last {
				list = append(list, m)
			}
		}
		// Each event takes a frame of its own.
		return len(p.Markers) > 0 && int64(len(list)) <= last-first+markersPage, nil
	})
	return list, err
}

// eachPage reads an answer and what its limit left out; take says whether there was something new.
func eachPage[P interface{ query() (url.Values, error) }](ctx context.Context, s *server, path string, query url.Values, take func(P) (bool, error)) error {
	for query != nil {
		var page P
		if err := s.get(ctx, path, query, &page); err != nil {
			return err
		}
		more, err := take(page)
		if err == nil {
			query, err = page.query()
		}
		if err == nil && query != nil && !more {
			err = errNoEnd
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
	}
	return nil
}

// errNoEnd is why an answer is not read on.
var errNoEnd = errors.New("the answer is cut short again and again, and the rest brings nothing new: is it a refstream server?")

// atMost is a list of an answer with no more entries than were asked for: very short ones could take many times their text's memory.
type atMost[T any] []T

// UnmarshalJSON reads the list.
func (l *atMost[T]) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if start, err := d.Token(); err != nil || start == nil { // null
		return err
	}
	for d.More() {
		if len(*l) == 2*markersPage {
			return fmt.Errorf("it has more than %d records", 2*markersPage)
		}
		var v T
		if err := d.Decode(&v); err != nil {
			return err
		}
		*l = append(*l, v)
	}
	return nil
}

// left is whether the limit of an answer left something out, and the address of that.
type left struct {
	Truncated bool
	Next      string
}

// query is that of the address of what was left out, nil where nothing was.
func (l left) query() (url.Values, error) {
	if !l.Truncated {
		return nil, nil
	}
	u, err := url.Parse(l.Next)
	if err != nil || u.RawQuery == "" {
		return nil, fmt.Errorf("the answer is cut short, and %q is no address of the rest: is the server an older one?", l.Next)
	}
	return u.Query(), nil
}

// A server that says that it can't answer just now, because its store is away, is asked again.
const (
	askAgain   = time.Second
	askedAgain = 10 // times
)

func (s *server) get(ctx context.Context, path string, query url.Values, v any) error {
	if query == nil {
		query = url.Values{}
	}
	if s.channel != "" && path != channels && !query.Has("channel") {
		query.Set("channel", s.channel)
	}
	u := s.base.JoinPath(path)
	u.RawQuery = query.Encode()
	for n := 0; ; n++ {
		status, err := s.ask(ctx, u, v)
		if status != http.StatusServiceUnavailable || n == askedAgain {
			return err
		}
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return err
		}
	}
}

// ask asks once; status is 0 where no answer came.
func (s *server) ask(ctx context.Context, u *url.URL, v any) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return 0, err
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return res.StatusCode, fmt.Errorf("read %s: %w", u.Redacted(), err)
	case len(body) > maxAnswer:
		return res.StatusCode, fmt.Errorf("read %s: %w", u.Redacted(), fmt.Errorf("the answer has more than %d bytes", maxAnswer))
	case res.StatusCode != http.StatusOK:
		return res.StatusCode, fmt.Errorf("read %s: %s: %.200s", u.Redacted(), res.Status, body)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return res.StatusCode, fmt.Errorf("read %s: %w: is it a refstream server?", u.Redacted(), err)
	}
	return res.StatusCode, nil
}

// ServerWith is the truth of a server about the first channel of these that it has. An empty name, which may be the last,
// is that of its only channel.
func ServerWith(ctx context.Context, base string, client *http.Client, channels ...string) (Source, error) {
	var first error
	for i, name := range channels {
		if name == "" && i < len(channels)-1 {
			continue
		}
		s, err := Server(base, name, client)
		if err == nil {
			_, err = s.Channel(ctx)
		}
		if err == nil {
			return s, nil
		}
		first = cmp.Or(first, err)
	}
	return nil, fmt.Errorf("read truth: %w", first)
}

// ServerOf is the server of a stream, by its address, and the channel in the address; empty where it is no address of HTTP. The path
// before /hls/ or /live/ is the prefix that a proxy adds.
func ServerOf(address string) (base, channel string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return "", ""
	}
	whole := u.EscapedPath()
	u.Path, u.RawPath, u.RawQuery, u.Fragment = "/", "", "", ""
	for _, folder := range []string{"/hls/", "/live/"} {
		i := strings.LastIndex(whole, folder)
		if i < 0 {
			continue
		}
		name, file, below := strings.Cut(whole[i+len(folder):], "/")
		switch ext := path.Ext(name); {
		case folder == "/hls/" && below && file != "" && name != "":
			channel = name
		case folder == "/live/" && !below && (ext == ".ts" || ext == ".flv"):
			channel = strings.TrimSuffix(name, ext)
		default:
			continue
		}
		if channel, err = url.PathUnescape(channel); err != nil {
			return "", ""
		}
		return u.String() + whole[1:i+1], channel
	}
	return u.String(), ""
}
