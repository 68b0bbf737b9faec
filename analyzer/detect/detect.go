// Package detect finds the events of a stream in its pixels alone and posts them to a server of refstream, as a detector of
// somebody's own would: JSON over HTTP, in their order, repeated while the server can't take them.
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

	"golang.org/x/sync/errgroup"

	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/analyzer/verify/score"
	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/markers"
)

// Options say how a stream is read, and what is posted where. Errors name a field as refstream detect names its flag.
type Options struct {
	// Source is the name that detections are posted under.
	Source string
	// Clock is what is posted: score.Frame or score.PTS.
	Clock score.Clock
	// Post is the address of the server, such as http://127.0.0.1:8080; empty: nothing is posted.
	Post string
	// Token is the server's bearer token; empty for none.
	Token string
	// Channel is posted to; empty: the one in the stream's URL, or the server's only one.
	Channel string
	// FFmpeg is the ffmpeg program; empty for the one of that name in the path.
	FFmpeg string
	// Duration ends the reading after so long; 0: the end of the stream does.
	Duration time.Duration
	// Log gets a line about each attempt to post that failed, and about each event that has no instant on the Clock.
	Log io.Writer
}

func (o Options) check() error {
	if err := markers.CheckSource(o.Source); err != nil {
		return fmt.Errorf("--source: %w", err)
	}
	if o.Clock != score.Frame && o.Clock != score.PTS {
		return fmt.Errorf("--clock: %q is not frame or pts", o.Clock)
	}
	if o.Duration < 0 {
		return fmt.Errorf("--duration: %v is negative", o.Duration)
	}
	return nil
}

// Run reads a stream, a file or a URL, and calls found with each event when it is over; then the event is posted. What was
// found before ctx ended is posted after it, within seconds.
func Run(ctx context.Context, url string, o Options, found func(pixels.Detected) error) error {
	if err := o.check(); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	var posts *poster
	if o.Post != "" {
		_, channel := truth.ServerOf(url)
		if o.Channel != "" {
			channel = o.Channel
		}
		var err error
		if posts, err = newPoster(o.Post, channel, o.Token, o.Log); err != nil {
			return fmt.Errorf("--post: %w", err)
		}
		group.Go(func() error { return posts.run(ctx) })
	}
	group.Go(func() error {
		if posts != nil {
			defer posts.end()
		}
		return pixels.Detect(ctx, url, pixels.DetectOptions{FFmpeg: o.FFmpeg, Duration: o.Duration}, func(d pixels.Detected) error {
			if err := found(d); err != nil || posts == nil {
				return err
			}
			body, ok := o.body(d)
			if !ok {
				fmt.Fprintf(o.Log, "refstream: an event has no %s and is not posted: see --clock\n", o.Clock)
				return nil
			}
			return posts.add(ctx, body)
		})
	})
	return group.Wait()
}

// body is what is posted; ok is false where the event has no instant on the clock.
func (o Options) body(d pixels.Detected) (body []byte, ok bool) {
	at := map[string]any{"source": o.Source}
	switch {
	case o.Clock == score.Frame && d.Frame >= 0:
		at[string(o.Clock)], at["end"] = d.Frame, d.LastFrame
	case o.Clock == score.PTS && d.PTS != nil:
		at[string(o.Clock)] = *d.PTS
		if d.LastPTS != nil {
			at["end"] = *d.LastPTS
		}
	default:
		return nil, false
	}
	if d.Open {
		delete(at, "end")
	}
	body, err := json.Marshal(at)
	return body, err == nil
}

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
