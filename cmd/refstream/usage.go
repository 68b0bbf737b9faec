package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	// heading is the annotation of a flag that names what it stands under in the help.
	heading = "heading"
	// What flags stand under.
	plainFlags   = "Flags"
	streamTitle  = "Flags of the stream"
	encoderTitle = "Flags of the encoder"
	carrierTitle = "Flags of the live carriers"
	// helpWidth is where the texts of flags are wrapped, in columns.
	helpWidth = 120
)

// under puts the flags that are registered between its call and that of what it returns under a heading of their own in the help.
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
