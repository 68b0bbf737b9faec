package detect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	// postQueue is how many detections wait while a server is away: at an event in 20 s those of five hours.
	postQueue = 1000
	// postTimeout bounds one attempt, postGrace what is left to post when the stream has ended.
	postTimeout = 10 * time.Second
	postGrace   = 10 * time.Second
	// Pauses between attempts, as the readers of streams make them.
	firstPause, lastPause = 500 * time.Millisecond, 15 * time.Second
)

// poster posts detections to a server, in their order, while a stream is read.
type poster struct {
	address, token string
	client         *http.Client
	log            io.Writer
	queue          chan []byte
	grace          time.Duration
}

// newPoster makes a poster for the server with the given base address; channel may be empty where that has one only.
func newPoster(base, channel, token string, log io.Writer) (*poster, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("this is not the address of a server such as http://127.0.0.1:8080")
	}
	u = u.JoinPath("detections")
	if channel != "" {
		u.RawQuery = url.Values{"channel": {channel}}.Encode()
	}
	return &poster{u.String(), token, &http.Client{Timeout: postTimeout}, log, make(chan []byte, postQueue), postGrace}, nil
}

// add queues a detection.
func (p *poster) add(ctx context.Context, body []byte) error {
	select {
	case p.queue <- body:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end closes the queue.
func (p *poster) end() { close(p.queue) }

// run posts until all are posted, or one is refused. What the server does not take soon after ctx has ended is given up.
func (p *poster) run(ctx context.Context) error {
	posting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(p.grace, cancel) })()
	for body := range p.queue {
		if err := p.deliver(posting, body); err != nil {
			return err
		}
	}
	return nil
}

// deliver posts a detection, again and again while the server can't take it.
func (p *poster) deliver(ctx context.Context, body []byte) error {
	pause := firstPause
	for {
		again, err := p.once(ctx, body)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("post detection: given up, %d more wait: %w", len(p.queue), err)
		}
		if again < 0 {
			return fmt.Errorf("post detection: %w", err)
		}
		fmt.Fprintf(p.log, "refstream: post detection: %v: again in %v\n", err, max(pause, again))
		select {
		case <-time.After(max(pause, again)):
		case <-ctx.Done():
		}
		pause = min(2*pause, lastPause)
	}
}

// once posts a detection once. again is how long the server asks to wait before the next attempt, and negative where there is
// no use in one.
func (p *poster) once(ctx context.Context, body []byte) (again time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.address, bytes.NewReader(body))
	if err != nil {
		return -1, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Refstream", "trigger")
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	res, err := p.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusCreated {
		return 0, nil
	}
	var problem struct{ Detail string }
	text, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if json.Unmarshal(text, &problem) != nil || problem.Detail == "" {
		problem.Detail = "is this the address of a refstream server?"
	}
	err = fmt.Errorf("%s: %s: %s", req.URL.Redacted(), res.Status, problem.Detail)
	if res.StatusCode != http.StatusTooManyRequests && res.StatusCode < http.StatusInternalServerError {
		return -1, err
	}
	seconds, _ := strconv.Atoi(res.Header.Get("Retry-After")) // 0 where it says nothing
	return min(time.Duration(max(0, seconds))*time.Second, lastPause), err
}
