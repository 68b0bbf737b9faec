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

	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
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
	first, frames, err = scenario.Stretch(c, o.start, o.duration)
	return c, first, frames, err
}

func newTruth(stdout io.Writer) *cobra.Command {
	var o offlineFlags
	var scenarioFile string
	cmd := &cobra.Command{
		Use:   "truth",
		Short: "Print the markers of a stretch of time, without rendering it",
		Long: `Print the markers of a stretch of time as JSON Lines, the same that generate writes into markers.jsonl for the same
flags, and that serve writes for the same seed and epoch but for the times at which frames were really produced. With
--scenario it prints the faults of a scenario file in their place, as generate --scenario plans them.`,
		Example: "  refstream truth --seed 7 --duration 1h\n  refstream truth --seed 7 --start 240h --duration 10m --fps 29.97",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, first, frames, err := o.stretch(time.Now())
			if err != nil {
				return err
			}
			out := bufio.NewWriter(stdout)
			enc := json.NewEncoder(out)
			if scenarioFile != "" {
				plan, err := planOf(scenarioFile, c)
				if err != nil {
					return err
				}
				for _, f := range plan.Between(first, first+frames-1) {
					err = errors.Join(err, enc.Encode(faults.Planned(f, c.Name, c.Clock())))
				}
				if err = errors.Join(err, out.Flush()); err != nil {
					return fmt.Errorf("print faults: %w", err)
				}
				return nil
			}
			err = scenario.Markers(c, first, first+frames-1, func(m markers.Marker) error {
				return errors.Join(cmd.Context().Err(), enc.Encode(m))
			})
			if err = errors.Join(err, out.Flush()); err != nil {
				return fmt.Errorf("print markers: %w", err)
			}
			return nil
		},
	}
	o.register(cmd.Flags())
	registerScenario(cmd.Flags(), &scenarioFile)
	return cmd
}
