package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/internal/levenshtein"
)

// envPrefix begins the environment variable of every flag: --event-every is REFSTREAM_EVENT_EVERY.
const envPrefix = "REFSTREAM_"

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "refstream",
		Short: "A reference video stream with ground truth",
		Long: `refstream renders a video stream whose every frame says what it is (in its pixels, its SEI messages and its time
stamps), publishes it as HLS, and serves the truth about it: every event as a marker, every frame in a ledger.

Every flag can be given as an environment variable: --event-every as ` + envName("event-every") + `.
Lengths of time are written with their units: 90s, 1m30s, 500ms.`,
		Example: "  refstream serve                                                    # then open http://127.0.0.1:8080/\n" +
			"  refstream generate --out clip && refstream verify clip/index.m3u8",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			hint := "see refstream --help"
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				hint = "did you mean " + strings.Join(near, " or ") + "?"
			}
			return fmt.Errorf("there is no command %q: %s", args[0], hint)
		},
		SuggestionsMinimumDistance: 2, // letters that are wrong
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			warnOfUnknown(stderr, cmd.Root(), os.Environ())
			if err := fromEnvironment(cmd.Flags(), os.LookupEnv); err != nil {
				return cmd.FlagErrorFunc()(cmd, err) // with the exit code that a wrong flag has
			}
			return nil
		},
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(unknownFlag)
	setUsage(root)
	for _, group := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"A stream with its truth:", []*cobra.Command{
			withPprof(newServe(stdout, stderr), stderr), withPprof(newGenerate(stdout, stderr), stderr), newTruth(stdout), newScenario(stdout), newFrame(stdout), newHealth(stdout),
		}},
		{"What is in a stream, and whether it is true:", []*cobra.Command{
			withPprof(newAnalyze(stdout, stderr), stderr), withPprof(newVerify(stdout, stderr), stderr), withPprof(newDetect(stdout, stderr), stderr),
			newScore(stdout, stderr),
		}},
		{"Recordings, to look into and to replay:", []*cobra.Command{
			withPprof(newRecord(stdout, stderr), stderr), withPprof(newReplay(stdout, stderr), stderr), newGaps(stdout), newChunks(stdout),
			withPprof(newDVR(stdout, stderr), stderr),
		}},
	} {
		root.AddGroup(&cobra.Group{ID: group.title, Title: group.title})
		for _, cmd := range group.commands {
			cmd.GroupID = group.title
			root.AddCommand(cmd)
		}
	}
	root.AddCommand(&cobra.Command{
		Use: "allow", Short: "What verify --allow can name",
		Long: "What verify --allow can name, a kind of finding also with a bound (missing=3, clock_offset=0.96s..1.04s, clock_offset=40ms):\n" +
			report.AllowanceHelp(),
	})
	root.AddCommand(newMan())
	root.SetGlobalNormalizationFunc(otherName)
	return root
}

// unknownFlag is the error of a wrong flag, with the flag that may have been meant: what differs by two letters at the most, or is longer.
func unknownFlag(cmd *cobra.Command, err error) error {
	var near []string
	if unknown := new(pflag.NotExistError); errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1 {
		name := unknown.GetSpecifiedName()
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if strings.HasPrefix(f.Name, name) || levenshtein.Distance(name, f.Name) <= min(2, len(name)/2) {
				near = append(near, "--"+f.Name)
			}
		})
	}
	if len(near) > 0 {
		return fmt.Errorf("%w: did you mean %s?", err, strings.Join(near, " or "))
	}
	return fmt.Errorf("%w: see %s --help", err, cmd.CommandPath())
}

// wants checks arguments, with an error of its own text, which may be wrapped.
func wants(check cobra.PositionalArgs, text string, wrap ...func(error) error) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check(cmd, args) == nil {
			return nil
		}
		err := errors.New(text)
		for _, w := range wrap {
			err = w(err)
		}
		return err
	}
}

// noArgs refuses arguments of a command that has none, such as the "yes" of --audio yes.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("%s takes flags only, not %q: a flag that is on or off has its value behind =, as --flag=false; see %s --help",
		cmd.CommandPath(), args[0], cmd.CommandPath())
}

func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// warnOfUnknown warns of variables with the prefix that no command has a flag for: a typing error must not pass for a
// setting. It is no error, because others use the prefix too: Kubernetes sets REFSTREAM_PORT where a service is so named.
func warnOfUnknown(w io.Writer, root *cobra.Command, environment []string) {
	known := map[string]bool{}
	for _, cmd := range root.Commands() {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known[envName(f.Name)] = true })
	}
	for _, variable := range environment {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, envPrefix) && !known[name] {
			fmt.Fprintf(w, "refstream: environment variable %s stands for no flag and is ignored\n", name)
		}
	}
}

// fromEnvironment sets the flags that the command line leaves out and the environment gives; empty is not given.
func fromEnvironment(flags *pflag.FlagSet, lookup func(string) (string, bool)) error {
	var err error
	flags.VisitAll(func(f *pflag.Flag) {
		value, ok := lookup(envName(f.Name))
		if !ok || value == "" || f.Changed || err != nil || f.Name == "help" || f.Name == "version" {
			return
		}
		if e := flags.Set(f.Name, value); e != nil {
			err = fmt.Errorf("%s=%q: %w", envName(f.Name), value, e)
		}
	})
	return err
}

const (
	// heading is the annotation of a flag with its heading in the help.
	heading = "heading"
	// The headings.
	plainFlags   = "Flags"
	streamTitle  = "Flags of the stream"
	encoderTitle = "Flags of the encoder"
	carrierTitle = "Flags of the live carriers"
	// helpWidth is where the texts of flags are wrapped, in columns.
	helpWidth = 120
)

// under gives the flags that are registered before the returned function is called a heading of their own in the help.
func under(f *pflag.FlagSet, title string) func() {
	before := map[string]bool{}
	f.VisitAll(func(flag *pflag.Flag) { before[flag.Name] = true })
	return func() {
		f.VisitAll(func(flag *pflag.Flag) {
			if !before[flag.Name] {
				flag.Annotations = map[string][]string{heading: {title}}
			}
		})
	}
}

// setUsage has the usage of commands show their flags under headings.
func setUsage(root *cobra.Command) {
	plain := root.UsageFunc()
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		if cmd.HasAvailableSubCommands() || !cmd.Runnable() {
			return plain(cmd)
		}
		var b strings.Builder
		fmt.Fprintf(&b, "Usage:\n  %s\n", cmd.UseLine())
		if cmd.HasExample() {
			fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
		}
		groups := map[string]*pflag.FlagSet{}
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			title := plainFlags
			if other := flag.Annotations[heading]; len(other) > 0 {
				title = other[0]
			}
			if groups[title] == nil {
				groups[title] = pflag.NewFlagSet(title, pflag.ContinueOnError)
			}
			shown := *flag
			shown.Usage = strings.ReplaceAll(flag.Usage, "\n", " ") // it is wrapped here
			groups[title].AddFlag(&shown)
		})
		for _, title := range []string{plainFlags, streamTitle, encoderTitle, carrierTitle} {
			if group := groups[title]; group != nil {
				fmt.Fprintf(&b, "\n%s:\n%s", title, group.FlagUsagesWrapped(helpWidth))
			}
		}
		_, err := fmt.Fprint(cmd.OutOrStderr(), b.String())
		return err
	})
}

// otherName replaces the names that earlier programs of this kind gave a flag by its own. They are no flags, so that they have no
// environment variable: Kubernetes sets REFSTREAM_PORT where a service is called refstream.
func otherName(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	own := map[string]string{"output": "out", "port": "http-port", "time": "threshold"}[name]
	return pflag.NormalizedName(cmp.Or(own, name))
}
