package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/faults/catalogue"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/recorder/gaps"
	"github.com/refstream/refstream/scenario"
)

func newScenario(stdout io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "scenario",
		Short: "Scenario files: what is broken in a stream, and when",
		Long: `Scenario files name faults and their times. generate --scenario writes a clip that has them, serve --scenario makes a faulty
twin of the live channel; both have the truth about each fault. These scenarios are ready, and can be named in place of a file:
` + strings.Join(catalogue.Ready(), ", ") + `.`,
		Example: "  refstream scenario check freeze-black\n  refstream scenario kinds freeze",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newScenarioCheck(stdout), newScenarioKinds(stdout), &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of scenario files, for editors and validators", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := catalogue.Schema()
			if err == nil {
				_, err = fmt.Fprintf(stdout, "%s\n", text)
			}
			return err
		},
	})
	return cmd
}

func newScenarioCheck(stdout io.Writer) *cobra.Command {
	var o offlineFlags
	var asJSON string
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a scenario file, and print when it does what to which frames",
		Long: `Check a scenario file, or the ready one of a name, and print the timeline of its faults on the stream that the other flags
describe: the frames of each, and their times. What is wrong in the file is printed with its line.`,
		Example: "  refstream scenario check freeze-black\n  refstream scenario check outage.yaml --fps 29.97 --duration 10m --json -",
		Args:    wants(cobra.ExactArgs(1), "name one file, such as refstream scenario check outage.yaml"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, first, count, err := o.stretch(time.Now())
			if err != nil {
				return err
			}
			plan, err := planOf(args[0], "", c)
			if err != nil {
				return err
			}
			list := plan.Between(first, first+count-1)
			if asJSON != "" {
				return writeReport(cmd.Context(), asJSON, stdout, func(w io.Writer) error { return printFaults(w, list, c) })
			}
			return printTimeline(stdout, list, c.Clock())
		},
	}
	o.register(cmd.Flags())
	o.registerTracks(cmd.Flags())
	cmd.Flags().StringVar(&asJSON, "json", "", "write the faults as JSON Lines into this file; - is standard output")
	return cmd
}

// registerScenario adds the flag of commands that take a scenario file.
func registerScenario(f *pflag.FlagSet, file *string) {
	f.StringVar(file, "scenario", "", "faults: a scenario file, or a ready one's name ("+strings.Join(catalogue.Ready(), ", ")+")")
}

// planOf lays a scenario file, or the ready one of a name, on a channel. Errors begin with the flag.
func planOf(name, flag string, c markers.Channel) (*scenario.Plan, error) {
	f, err := catalogue.Load(name)
	if err != nil {
		return nil, fmt.Errorf("%s%w", flag, err)
	}
	return f.Plan(c)
}

// printFaults prints the records of faults of a channel as JSON Lines, before anything is done of them.
func printFaults(w io.Writer, list []scenario.Fault, c markers.Channel) error {
	enc := json.NewEncoder(w)
	for _, f := range list {
		if err := enc.Encode(faults.Planned(f, c.Name, c.Clock())); err != nil {
			return err
		}
	}
	return nil
}

func printTimeline(w io.Writer, list []scenario.Fault, clock markers.Clock) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "There are no faults in this stretch: --start and --duration choose another.")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FAULT\tKIND\tLAYER\tFROM\tTO\tFRAMES\tSEGMENTS\tPARAMETERS")
	for _, f := range list {
		kind := f.Kind.Name
		if f.Decoy {
			kind += " (decoy)"
		}
		var params []string
		for _, p := range f.Kind.Params {
			params = append(params, p.Name+"="+f.Params[p.Name].Text)
		}
		if f.On != "" {
			params = append(params, "on="+string(f.On))
		}
		if f.Requests > 0 {
			params = append(params, fmt.Sprintf("requests=%d", f.Requests))
		}
		if f.Refused != "" {
			params = append(params, "not done: "+f.Refused)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s s\t%s s\t%d-%d\t%d-%d\t%s\n", f.ID, kind, f.Kind.Layer, clock.Time(f.First), clock.Time(f.Last+1),
			f.First, f.Last, clock.MSN(f.First), clock.MSN(f.Last), strings.Join(params, " "))
	}
	return table.Flush()
}

func newScenarioKinds(stdout io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:     "kinds [KIND]",
		Short:   "List the kinds of faults, or all that there is to know of one",
		Example: "  refstream scenario kinds\n  refstream scenario kinds freeze",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "KIND\tLAYER\tWHAT HAPPENS")
				for _, k := range catalogue.Kinds() {
					fmt.Fprintf(table, "%s\t%s\t%s\n", k.Name, k.Layer, k.Doc)
				}
				return table.Flush()
			}
			for _, k := range catalogue.Kinds() {
				if k.Name == args[0] {
					return printKind(stdout, k)
				}
			}
			return catalogue.CheckKinds(args, nil)
		},
	}
}

func printKind(w io.Writer, k *scenario.Kind) error {
	word := "do"
	if k.Decoy {
		word = "decoy"
	}
	carriers := "all"
	if k.Carriers != nil {
		carriers = joined(k.Carriers)
	}
	fmt.Fprintf(w, "%s: %s (layer %s)\n%s\n\n", word, k.Name, k.Layer, k.Doc)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, p := range k.Params {
		required := ""
		if p.Default == "" {
			required = " (required)"
		}
		fmt.Fprintf(table, "with %s%s\t%s\n", p.Name, required, p.Usage())
	}
	verify := func(name string) bool { return report.Kind(name).Known() }
	recorded := func(name string) bool { return slices.Contains(gaps.Kinds(), gaps.Kind(name)) }
	for _, row := range [][2]string{
		{"without for", k.Default.String()}, {"shown by", carriers}, {"monitors' alarms", joined(k.Alarms)}, {"implies", joined(k.Implies)},
		{"verify finds", named(k.Expects, verify)}, {"  and may find", named(k.Tolerates, verify)},
		{"gaps finds", named(k.Expects, recorded)}, {"  and may find", named(k.Tolerates, recorded)}, {"found by", k.Oracle},
	} {
		if row[1] != "" {
			fmt.Fprintf(table, "%s\t%s\n", row[0], row[1])
		}
	}
	return table.Flush()
}

// named are those of a list that a tool gives to its findings.
func named(list []string, by func(string) bool) string {
	return joined(slices.DeleteFunc(slices.Clone(list), func(name string) bool { return !by(name) }))
}

func joined[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = string(s)
	}
	return strings.Join(texts, ", ")
}
