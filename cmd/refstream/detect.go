package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/refstream/refstream/analyzer/detect"
	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/analyzer/verify/score"
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
		Args: wants(cobra.ExactArgs(1), "give one stream: refstream detect http://127.0.0.1:8080/live/main.ts"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), args[0], stdout, stderr) },
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

func (f *detectFlags) run(ctx context.Context, url string, stdout, stderr io.Writer) error {
	err := detect.Run(ctx, url, detect.Options{
		Source: f.source, Clock: score.Clock(f.clock), Post: f.post, Token: f.token, Channel: f.channel,
		FFmpeg: f.ffmpeg, Duration: f.duration, Log: stderr,
	}, func(d pixels.Detected) error { return f.print(stdout, d) })
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // an interrupt is how a live stream is left
	}
	return err
}

func (f *detectFlags) print(w io.Writer, d pixels.Detected) error {
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
