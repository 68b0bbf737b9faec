package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/refstream/refstream/markers"
)

// offlineFlags are those of the commands that work without a clock.
type offlineFlags struct {
	streamFlags
	start, duration time.Duration
}

func (o *offlineFlags) register(f *pflag.FlagSet) {
	o.streamFlags.register(f, offlineEpoch, "UTC of frame 0, or now", offlineSeed, "seed of the events, 0 to 2^53-1, or random")
	f.DurationVar(&o.start, "start", 0, "where to begin, in time since the epoch, to the nearest segment")
	f.DurationVar(&o.duration, "duration", time.Minute, "how much of the stream, to the nearest whole frame")
}

// stretch makes the channel's description and the frames that are asked for.
func (o *offlineFlags) stretch(now time.Time) (c markers.Channel, first, frames int64, err error) {
	c, err = o.channelInfo(now)
	if err != nil {
		return c, 0, 0, err
	}
	c.Window = 0
	if o.start < 0 {
		return c, 0, 0, fmt.Errorf("--start: %v is before the epoch: use 0s or later", o.start)
	}
	if frames = c.Rate.Frames(o.duration.Nanoseconds()); frames < 1 {
		return c, 0, 0, fmt.Errorf("--duration: %v is less than a frame: use a length such as 60s", o.duration)
	}
	g := c.FramesPerSegment
	first = (c.Rate.Frames(o.start.Nanoseconds()) + g/2) / g * g
	if o.start > maxStretch || o.duration > maxStretch || c.Clock().UTC(first+frames).After(lastInstant()) {
		return c, 0, 0, fmt.Errorf("--start, --duration: the stretch goes on for too long: it may end %v after the epoch and in %d at the latest",
			2*maxStretch, lastInstant().Year())
	}
	return c, first, frames, nil
}

// maxStretch bounds --start and --duration each, to half of what the HLS clock's nanoseconds can tell.
const maxStretch = 50 * 365 * 24 * time.Hour

// lastInstant is where the nanoseconds since 1970 that the ledger tells come to their end in an int64.
func lastInstant() time.Time { return time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC) }

func newTruth(stdout io.Writer) *cobra.Command {
	var o offlineFlags
	cmd := &cobra.Command{
		Use:   "truth",
		Short: "Print the markers of a stretch of time, without rendering it",
		Long: `Print the markers of a stretch of time as JSON Lines, the same that generate writes into markers.jsonl for the same
flags, and that serve writes for the same seed and epoch but for the times at which frames were really produced.`,
		Example: "  refstream truth --seed 7 --duration 1h\n  refstream truth --seed 7 --start 240h --duration 10m --fps 29.97",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, first, frames, err := o.stretch(time.Now())
			if err != nil {
				return err
			}
			out := bufio.NewWriter(stdout)
			enc := json.NewEncoder(out)
			err = scheduledMarkers(c, first, first+frames-1, func(m markers.Marker) error {
				return errors.Join(cmd.Context().Err(), enc.Encode(m))
			})
			if err = errors.Join(err, out.Flush()); err != nil {
				return fmt.Errorf("print markers: %w", err)
			}
			return nil
		},
	}
	o.register(cmd.Flags())
	return cmd
}
