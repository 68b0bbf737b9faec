package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/refstream/refstream/analyzer/verify/score"
	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/faults/catalogue"
	"github.com/refstream/refstream/internal/redact"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// faultFlags are those of score for alarms.
type faultFlags struct {
	faults         string
	aliases, kinds []string
	minDuration    time.Duration
}

func (f *faultFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.faults, "faults", "", "compare alarms with these labelled faults: a file faults.jsonl, or the folder that it is in")
	flags.StringArrayVar(&f.aliases, "alias", nil, "with --faults: which kind of fault an alarm means, such as TR101290.1.4=ts.lose;\nmay be given several times")
	flags.StringSliceVar(&f.kinds, "kinds", nil, "with --faults: the kinds of faults that the monitor is to find, such as freeze,black; without it all")
	flags.DurationVar(&f.minDuration, "min-duration", 0, "with --faults: leave out faults that are shorter, since the monitor is set to")
}

// check refuses flags that have no effect, or that can't be met.
func (f *faultFlags) check() error {
	if f.faults == "" && (len(f.aliases) > 0 || len(f.kinds) > 0 || f.minDuration != 0) {
		return errors.New("--alias, --kinds, --min-duration: they are for alarms: give the faults with --faults")
	}
	if f.minDuration < 0 {
		return fmt.Errorf("--min-duration: %v is negative", f.minDuration)
	}
	return nil
}

// runFaults compares alarms with faults.
func (f *scoreFlags) runFaults(cmd *cobra.Command, name string, stdout io.Writer) error {
	r, err := f.scoreAlarms(cmd, name)
	if err == nil {
		err = f.write(cmd.Context(), stdout, name, r)
	}
	if err != nil {
		return noVerdict(err)
	}
	return f.demand(r.Precision, r.Recall, r.OnsetP95, fmt.Sprintf("%d alarms, %d faults, %d hits", r.Alarms, r.Faults, r.Hits))
}

func (f *scoreFlags) scoreAlarms(cmd *cobra.Command, name string) (r score.AlarmReport, err error) {
	ctx := cmd.Context()
	options, clock, err := f.options()
	if err != nil {
		return r, err
	}
	o := score.AlarmOptions{Options: options, MinDuration: media.Seconds(f.minDuration), Kinds: f.kinds}
	if o.Aliases, err = score.ParseAliases(f.aliases); err != nil {
		return r, fmt.Errorf("--alias: %w", err)
	}
	if f.faults == "-" && name == "-" {
		return r, errors.New("--faults -: the alarms are read from standard input: name a file for one of them")
	}
	faults, err := readFaults(cmd, f.faults)
	if err != nil {
		return r, err
	}
	in := score.Reading{Clock: clock, Channel: markers.Channel{Epoch: score.Epoch(faults)}}
	source, err := f.beside(cmd, faultsFile(f.faults))
	if err == nil && source != nil {
		in.Channel, err = f.stretch(ctx, source, &o.Options)
	}
	switch {
	case err != nil:
		return r, err
	case clock == score.Gen:
		return r, errors.New("--clock gen_time: faults are not on that clock: use time, frame, pts or utc")
	case source == nil && (clock == score.Frame || clock == score.PTS):
		return r, fmt.Errorf("--clock %s: the frame rate is not known: give the stream's --truth", clock)
	}
	var alarms []score.Alarm
	err = readText(ctx, name, cmd.InOrStdin(), "alarms", func(text *bufio.Reader) (err error) {
		if in.Format, err = f.formatOf(text); err == nil {
			alarms, err = in.Alarms(text)
		}
		return err
	})
	if err != nil {
		return r, err
	}
	if err := catalogue.CheckKinds(o.Kinds, faults); err != nil {
		return r, fmt.Errorf("--kinds: %w", err)
	}
	for alarm, kinds := range o.Aliases {
		if err := catalogue.CheckKinds(kinds, faults); err != nil {
			return r, fmt.Errorf("--alias %s: %w", alarm, err)
		}
	}
	return score.ComputeAlarms(alarms, faults, o)
}

// faultsFile is the file of faults in a folder, or the file itself.
func faultsFile(name string) string {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return filepath.Join(name, "faults.jsonl")
	}
	return name
}

// readFaults reads the records of faults from a file, the folder that it is in, or standard input.
func readFaults(cmd *cobra.Command, name string) (list []markers.FaultRecord, err error) {
	if strings.Contains(name, "://") {
		return nil, fmt.Errorf("--faults: %s is an address, and is to be a file: save it first, as by curl -o faults.json %s", redact.Address(name), redact.Address(name))
	}
	err = readText(cmd.Context(), faultsFile(name), cmd.InOrStdin(), "faults", func(text *bufio.Reader) (err error) {
		list, err = score.ReadFaults(text)
		return err
	})
	return list, err
}

// beside is the truth that the flags name, or that is beside the faults; nil where there is none.
func (f *scoreFlags) beside(cmd *cobra.Command, faults string) (truth.Source, error) {
	given := cmd.Flags().Changed
	if f.truth != "" || given("seed") || given("epoch") {
		return f.source("", given)
	}
	name := filepath.Join(filepath.Dir(faults), "truth.json")
	if _, err := os.Stat(name); err != nil {
		return nil, nil
	}
	return truth.Folder(name), nil
}

// stretch is the channel of a truth. Where the truth has a beginning and an end, they bound what could be detected.
func (f *scoreFlags) stretch(ctx context.Context, source truth.Source, o *score.Options) (markers.Channel, error) {
	if whole, ok := source.(interface {
		Stretch() (from, to media.Seconds, err error)
	}); ok {
		from, to, err := whole.Stretch()
		if err != nil {
			return markers.Channel{}, fmt.Errorf("read truth: %w", err)
		}
		if o.From == nil {
			o.From = &from
		}
		if to--; o.To == nil { // a range has its end
			o.To = &to
		}
	}
	return truth.CheckedChannel(ctx, source)
}
