package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/refstream/refstream/markers"
)

// Server is the truth that a running refstream tells under /clocks, /frames and /markers. base is the address of its
// page, such as http://127.0.0.1:8080; channel may be empty where the server has one only.
func Server(base, channel string, client *http.Client) (Source, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("truth %q is not the address of a server such as http://127.0.0.1:8080", base)
	}
	if client == nil {
		client = http.DefaultClient
	}
	return server{u, channel, client}, nil
}

type server struct {
	base    *url.URL
	channel string
	client  *http.Client
}

const (
	framesPage  = 5000  // the most that /frames gives at once
	markersPage = 10000 // the most that /markers gives at once
	maxAnswer   = 64 << 20
	// reachSeconds is how much before a stretch is asked for, for an event that reaches into it: the longest that
	// can be triggered takes 600 s.
	reachSeconds = 600
)

func (s server) Channel(ctx context.Context) (c markers.Channel, err error) {
	err = s.get(ctx, "clocks", nil, &c)
	return c, err
}

func (s server) Between(ctx context.Context, first, last int64) (_ Truth, err error) {
	t := Truth{Frames: map[int64]markers.FrameRecord{}}
	for from := first; from <= last; {
		var page struct {
			Frames    []markers.FrameRecord
			Missing   []markers.MissingRecord
			Truncated bool
		}
		err := s.get(ctx, "frames", url.Values{
			"from": {strconv.FormatInt(from, 10)}, "to": {strconv.FormatInt(last, 10)}, "limit": {strconv.Itoa(framesPage)},
		}, &page)
		if err != nil {
			return Truth{}, err
		}
		for _, f := range page.Frames {
			t.Frames[f.Frame] = f
			from = max(from, f.Frame+1)
		}
		t.Missing = append(t.Missing, page.Missing...)
		if !page.Truncated || len(page.Frames) == 0 {
			break
		}
	}
	t.Markers, err = s.Markers(ctx, first, last)
	return t, err
}

func (s server) Markers(ctx context.Context, first, last int64) (list []markers.Marker, err error) {
	c, err := s.Channel(ctx)
	if err != nil {
		return nil, err
	}
	clock := c.Clock()
	reach := max(c.EventLength, reachSeconds*c.Rate.Base())
	after := clock.Time(first-reach) - 1
	for {
		var page struct {
			Markers   []markers.Marker
			Truncated bool
		}
		err := s.get(ctx, "markers", url.Values{
			"ts_start": {after.String()}, "ts_end": {clock.Time(last).String()}, "limit": {strconv.Itoa(markersPage)}, "format": {"json"},
		}, &page)
		if err != nil {
			return nil, err
		}
		for _, m := range page.Markers {
			after = max(after, m.Time)
			if m.LastFrame >= first && m.Frame <= last {
				list = append(list, m)
			}
		}
		if !page.Truncated || len(page.Markers) == 0 {
			return list, nil
		}
	}
}

// get reads an answer in JSON.
func (s server) get(ctx context.Context, path string, query url.Values, v any) error {
	if query == nil {
		query = url.Values{}
	}
	if s.channel != "" {
		query.Set("channel", s.channel)
	}
	u := s.base.JoinPath(path)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	res, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("read %s: %w", u.Redacted(), err)
	case len(body) > maxAnswer:
		return fmt.Errorf("read %s: %w", u.Redacted(), errors.New("the answer has more than 64 MiB"))
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("read %s: %s: %.200s", u.Redacted(), res.Status, body)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("read %s: %w: is it a refstream server?", u.Redacted(), err)
	}
	return nil
}
