package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// envPrefix begins the environment variable of every flag: --event-every is REFSTREAM_EVENT_EVERY.
const envPrefix = "REFSTREAM_"

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "refstream",
		Short: "A reference video stream with ground truth",
		Long: `refstream renders a video stream whose every frame says what it is (in its pixels, its SEI messages and its time
stamps), publishes it as HLS, and serves the truth about it: every event as a marker, every frame in a ledger. The other
commands are for the other end of a stream, ours or anybody's: what it says (analyze), whether that is true (verify,
score, detect), what it did (record, replay, gaps, chunks), and what is to be seen (dvr).

Every flag can be given as an environment variable: --event-every as ` + envName("event-every") + `.`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
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
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w: see %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(newTruth(stdout), newFrame(stdout), newHealth(stdout), newScore(stdout, stderr), newGaps(stdout), newChunks(stdout))
	for _, cmd := range []*cobra.Command{
		newServe(stdout, stderr), newGenerate(stdout, stderr), newAnalyze(stdout, stderr), newVerify(stdout, stderr),
		newRecord(stdout, stderr), newReplay(stdout, stderr), newDVR(stdout, stderr), newDetect(stdout, stderr),
	} {
		root.AddCommand(withPprof(cmd, stderr))
	}
	root.SetGlobalNormalizationFunc(otherName)
	return root
}

func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// warnOfUnknown tells of variables with the prefix that no command has a flag for: a slip of the pen must not pass for a
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
