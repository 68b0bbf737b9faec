package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newMan makes the command that writes the man pages of all commands: make dist runs it.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIR",
		Short:   "Write the man pages into a folder",
		Hidden:  true,
		Args:    wants(cobra.ExactArgs(1), "give one folder: refstream man DIR"),
		Example: "  refstream man /usr/local/share/man/man1",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("%w: name a folder that can be written", err)
			}
			for _, c := range append(cmd.Root().Commands(), cmd.Root()) {
				if c.Hidden || c.Name() == "help" {
					continue
				}
				name := filepath.Join(args[0], strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
				if err := writeFile(name, func(w io.Writer) error { return writeMan(w, c) }); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// roff escapes text for man pages; each line of it stays one.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}

// writeMan writes the man page of a command.
func writeMan(w io.Writer, c *cobra.Command) error {
	var b strings.Builder
	title := strings.ReplaceAll(c.CommandPath(), " ", "-")
	section := func(name string) { fmt.Fprintf(&b, ".SH %s\n", name) }
	lines := func(text string) { fmt.Fprintf(&b, ".nf\n%s\n.fi\n", roff(text)) }
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"refstream %s\"\n", roff(strings.ToUpper(title)), roff(version))
	section("NAME")
	fmt.Fprintf(&b, "%s \\- %s\n", roff(title), roff(c.Short))
	section("SYNOPSIS")
	fmt.Fprintln(&b, roff(c.UseLine()))
	if c.Long != "" {
		section("DESCRIPTION")
		lines(c.Long)
	}
	section("OPTIONS")
	c.Flags().VisitAll(func(f *pflag.Flag) {
		value, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		fmt.Fprintf(&b, ".TP\n\\fB%s\\fR %s\n%s", roff(name), roff(value), roff(strings.ReplaceAll(usage, "\n", " ")))
		if f.DefValue != "" && f.DefValue != "[]" && f.DefValue != "false" {
			fmt.Fprintf(&b, " (default %s)", roff(f.DefValue))
		}
		fmt.Fprintln(&b)
	})
	if c.HasExample() {
		section("EXAMPLES")
		lines(c.Example)
	}
	if !c.HasParent() {
		section("SEE ALSO")
		for _, other := range c.Commands() {
			if !other.Hidden && other.Name() != "help" {
				fmt.Fprintf(&b, "\\fB%s\\fR(1) ", roff("refstream-"+other.Name()))
			}
		}
		fmt.Fprintln(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
