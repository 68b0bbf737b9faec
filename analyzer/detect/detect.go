// Package detect finds the events of a stream in its pixels alone and posts them to a server of refstream, as a detector of
// somebody's own would: JSON over HTTP, in their order, repeated while the server can't take them.
package detect

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
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
