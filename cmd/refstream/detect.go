package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/refstream/refstream/analyzer/verify"
	"github.com/refstream/refstream/analyzer/verify/score"
	"github.com/refstream/refstream/markers"
)

// detectFlags are those of the command detect.
type detectFlags struct {
	source, post, token, channel, clock, ffmpeg string
	duration                                    time.Duration
	json                                        bool
}

// detectedLine is what --json prints of an event, and what refstream score reads. Frames and PTS are nil where not known.
type detectedLine struct {
	Source  string `json:"source"`
	Frame   *int64 `json:"frame"`
	End     *int64 `json:"end"`
	PTS     *int64 `json:"pts"`
	LastPTS *int64 `json:"last_pts"`
	// Open: the stream ended before the event did.
	Open bool `json:"open,omitempty"`
}

func newDetect(stdout, stderr io.Writer) *cobra.Command {
	var f detectFlags
	cmd := &cobra.Command{
		Use:   "detect URL",
		Short: "Find the events of a stream in its pixels, as a detector of one's own would",
		Long: `Find the events of a refstream stream in its pixels alone, print them, and post them to a server, which scores them
(/score?source=…) and shows them on its page. It is the pattern for a detector of one's own: no SEI, no marker and no
playlist tag is looked at. ffmpeg decodes whatever it can read, a file or a URL.

What it reports, with --clock frame, are the numbers in the frame codes of the first and the last picture with the
event: they are in the pixels, so they are right whatever a transcoder made of rate and time stamps. With --clock pts
it reports those pictures' PTS, 33 bits of 90 kHz; HLS time is (PTS - 90000) / 90000. Those are right where the stream
has its own time stamps still: every carrier of serve, but not what ffmpeg has remuxed or transcoded without -copyts.

An event that is under way in the first picture is left out: nobody knows when it began. A post that fails because the
server can't be reached or says 429 or 503 is repeated, in pauses from 0.5 s to 15 s; one that is refused ends the command.`,
		Example: `  refstream detect http://127.0.0.1:8080/hls/main/index.m3u8 --post http://127.0.0.1:8080
  refstream detect http://127.0.0.1:8080/live/main.ts --source mine --clock pts --duration 1m
  refstream detect clip/index.m3u8 --json | refstream score - --truth clip`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("give one stream: refstream detect http://127.0.0.1:8080/live/main.ts")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0], stdout, stderr) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.source, "source", "refstream-detect", "the name that the detections are posted under")
	flags.StringVar(&f.post, "post", "", "post to this server, such as http://127.0.0.1:8080")
	flags.StringVar(&f.token, "token", "", "the server's bearer token; without one it takes posts from its own machine only")
	flags.StringVar(&f.channel, "channel", "", "the channel that is posted to; without it the one in the URL, or the only one")
	flags.StringVar(&f.clock, "clock", string(score.Frame), "what is posted: frame or pts")
	flags.DurationVar(&f.duration, "duration", 0, "how long to read; 0 until the stream ends")
	flags.BoolVar(&f.json, "json", false, "print JSON Lines")
	flags.StringVar(&f.ffmpeg, "ffmpeg", "ffmpeg", "the ffmpeg program")
	return cmd
}

func (f *detectFlags) run(cmd *cobra.Command, url string, stdout, stderr io.Writer) error {
	if err := markers.CheckSource(f.source); err != nil {
		return fmt.Errorf("--source: %w", err)
	}
	if f.clock != string(score.Frame) && f.clock != string(score.PTS) {
		return fmt.Errorf("--clock: %q is not frame or pts", f.clock)
	}
	if f.duration < 0 {
		return fmt.Errorf("--duration: %v is negative", f.duration)
	}
	group, ctx := errgroup.WithContext(cmd.Context())
	var posts *poster
	if f.post != "" {
		_, channel := verify.ServerOf(url)
		if f.channel != "" {
			channel = f.channel
		}
		var err error
		if posts, err = newPoster(f.post, channel, f.token, stderr); err != nil {
			return fmt.Errorf("--post: %w", err)
		}
		// What was found before an interrupt is posted after it.
		posting, stop := context.WithCancel(context.WithoutCancel(ctx))
		defer stop()
		group.Go(func() error { return posts.run(posting, ctx.Done()) })
	}
	group.Go(func() error {
		if posts != nil {
			defer posts.end()
		}
		return verify.Detect(ctx, url, verify.DetectOptions{FFmpeg: f.ffmpeg, Duration: f.duration}, func(d verify.Detected) error {
			if err := f.print(stdout, d); err != nil || posts == nil {
				return err
			}
			body, ok := f.body(d)
			if !ok {
				fmt.Fprintf(stderr, "refstream: an event has no %s and is not posted: see --clock\n", f.clock)
				return nil
			}
			return posts.add(ctx, body)
		})
	})
	err := group.Wait()
	if cmd.Context().Err() != nil && errors.Is(err, context.Canceled) {
		return nil // an interrupt is how a live stream is left
	}
	return err
}

// body is what is posted, on one clock; ok is false where the event has no instant on it.
func (f *detectFlags) body(d verify.Detected) (body []byte, ok bool) {
	at := map[string]any{"source": f.source}
	switch {
	case f.clock == string(score.Frame) && d.Frame >= 0:
		at[f.clock], at["end"] = d.Frame, d.LastFrame
	case f.clock == string(score.PTS) && d.PTS != nil:
		at[f.clock] = *d.PTS
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

func (f *detectFlags) print(w io.Writer, d verify.Detected) error {
	if f.json {
		line := detectedLine{Source: f.source, PTS: d.PTS, LastPTS: d.LastPTS, Open: d.Open}
		if d.Frame >= 0 {
			line.Frame, line.End = &d.Frame, &d.LastFrame
		}
		return json.NewEncoder(w).Encode(line)
	}
	text := "event, frame not known"
	if d.Frame >= 0 {
		text = fmt.Sprintf("event, frame %d to %d", d.Frame, d.LastFrame)
	}
	if d.PTS != nil && d.LastPTS != nil {
		text += fmt.Sprintf(", PTS %d to %d", *d.PTS, *d.LastPTS)
	}
	if d.Open {
		text += ", not over yet"
	}
	_, err := fmt.Fprintln(w, text)
	return err
}
