package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/internal/atomicfile"
	"github.com/refstream/refstream/recorder"
	"github.com/refstream/refstream/recorder/chunks"
)

// chunksFlags are those of the command chunks.
type chunksFlags struct {
	sessionFlags
	out string
}

func newChunks(stdout io.Writer) *cobra.Command {
	var f chunksFlags
	cmd := &cobra.Command{
		Use:   "chunks SESSION [NAME...]",
		Short: "List or extract what a recorded session holds, by its own names",
		Long: `Lists the segments, initialization sections and keys of a session that record wrote: when each was asked for first, what it
is, its media sequence number, its size in bytes and its own name, the path of its URL. With --out they are written under these
names, as they came. Other content that came of the same URL later has ~2 in its name, a byte range @OFFSET+LENGTH.

A NAME picks those of that name, or whose path ends so; * stands for anything but a slash.`,
		Example: `  refstream chunks monday
  refstream chunks monday 'seg-00000012*' --out chunks`,
		Args: wantsSession("chunks", cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), args[0], args[1:], stdout) },
	}
	flags := cmd.Flags()
	f.registerIn(flags)
	flags.StringVarP(&f.out, "out", "o", "", "write the chunks into this folder, which is made if need be (in replay -o is --offset)")
	return cmd
}

func (f *chunksFlags) run(ctx context.Context, name string, patterns []string, stdout io.Writer) error {
	dir, err := f.dir(name)
	if err != nil {
		return err
	}
	session, err := recorder.Open(ctx, dir)
	if err != nil {
		return fmt.Errorf("chunks: %w", err)
	}
	defer session.Close()
	list, err := chunks.List(ctx, session)
	if err != nil {
		return fmt.Errorf("chunks: %w", err)
	}
	if list, err = pick(list, patterns); err != nil {
		return err
	}
	if f.out == "" {
		return printChunks(ctx, session, list, stdout)
	}
	var total int64
	for _, c := range list {
		if err := extract(ctx, session, c, f.out); err != nil {
			return fmt.Errorf("chunks: %w", err)
		}
		total += c.Bytes
	}
	fmt.Fprintf(stdout, "%s, %s in %s\n", report.Plural(int64(len(list)), "chunk"), size(total), f.out)
	return nil
}

// pick leaves those that a pattern matches, or all where there is none.
func pick(list []chunks.Chunk, patterns []string) (picked []chunks.Chunk, err error) {
	if len(patterns) == 0 {
		return list, nil
	}
	used := make([]bool, len(patterns))
	for _, c := range list {
		matches := false
		for i, p := range patterns {
			ending := strings.Split(c.Name, "/")
			ending = ending[max(len(ending)-1-strings.Count(p, "/"), 0):]
			ok, err := path.Match(p, strings.Join(ending, "/"))
			if err != nil {
				return nil, fmt.Errorf("chunks: %q is no pattern: %w", p, err)
			}
			used[i] = used[i] || ok
			matches = matches || ok
		}
		if matches {
			picked = append(picked, c)
		}
	}
	for i, p := range patterns {
		if !used[i] {
			return nil, fmt.Errorf("chunks: nothing is named %q: leave the names out to see all", p)
		}
	}
	return picked, nil
}

func printChunks(ctx context.Context, s *recorder.Session, list []chunks.Chunk, stdout io.Writer) error {
	runs, err := s.Runs(ctx)
	if err != nil {
		return fmt.Errorf("chunks: %w", err)
	}
	started := map[int64]time.Time{}
	for _, r := range runs {
		started[r.ID] = r.Started
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	for _, c := range list {
		msn := "-"
		if c.MSN >= 0 {
			msn = fmt.Sprint(c.MSN)
		}
		utc := started[c.Run].Add(c.Began).Format("2006-01-02T15:04:05.000Z")
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", utc, c.Resource, msn, c.Bytes, c.Name)
	}
	return w.Flush()
}

// extract writes a chunk below a folder. What is there already stays, if it is the same.
func extract(ctx context.Context, s *recorder.Session, c chunks.Chunk, folder string) error {
	data, err := s.Body(ctx, c.Body)
	if err != nil {
		return err
	}
	own := filepath.FromSlash(c.Name)
	if !filepath.IsLocal(own) { // a name that Windows keeps for itself
		return fmt.Errorf("write %s: this system has no file of that name", own)
	}
	name := filepath.Join(folder, own)
	there, err := os.ReadFile(name)
	switch {
	case err == nil && bytes.Equal(there, data):
		return nil
	case err == nil:
		return fmt.Errorf("write %s: another file is there: give an empty folder with --out", name)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return writeFile(name, atomicfile.Bytes(data))
}
