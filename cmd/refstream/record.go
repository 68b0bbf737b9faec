package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/internal/redact"
	"github.com/refstream/refstream/internal/terminal"
	"github.com/refstream/refstream/recorder"
	"github.com/refstream/refstream/recorder/truth"
)

// recordFlags are those of the command record.
type recordFlags struct {
	sessionFlags
	session                         string
	duration, poll, behind, timeout time.Duration
	persist                         bool
	headers, headerTo               []string
	truth, logLevel                 string
}

func newRecord(stdout, stderr io.Writer) *cobra.Command {
	var f recordFlags
	cmd := &cobra.Command{
		Use:   "record URL",
		Short: "Record an HLS stream with its timing and its errors",
		Long: `Record all that an HLS stream publishes: each version of the master playlist and of the playlist of every variant and
rendition, with the time at which it was seen; every segment, initialization section and key, once each; status, headers
and latency of every answer, and the errors too. Until Ctrl+C, the end of the stream, or --duration.

The session is a folder with session.db (SQLite, see recorder/schema.sql) and the folder chunks. It is whole at any
moment. Recording into one that is there goes on with it; the URL may be left out then. replay serves it again, gaps
says what was wrong.

What refstream serve publishes is recorded with its truth, /frames and /markers, so that replay can be verified.`,
		Example: `  refstream record http://127.0.0.1:8080/hls/main/master.m3u8 -s monday --duration 2m
  refstream record -s monday`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) > 1:
				return errors.New("record: give one URL: each stream is a session of its own")
			case len(args) == 0 && f.session == "":
				return errors.New("record: no stream is given: give the URL of its playlist, or with -s a session to go on with")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), strings.Join(args, ""), cmd.Flags().Changed, stdout, stderr)
		},
	}
	flags := cmd.Flags()
	f.registerOut(flags)
	flags.StringVarP(&f.session, "session", "s", "", "name of the session (default: the time, as 20060102_150405)")
	flags.DurationVar(&f.duration, "duration", 0, "how long to record (0: until Ctrl+C or the end of the stream)")
	flags.DurationVar(&f.poll, "poll", 0, "time between two loadings of a playlist: how exactly it is known when a version appeared\n(0: a fortieth of the target duration, 50 ms to 250 ms)")
	flags.DurationVar(&f.behind, "behind", 0, "how far behind the live edge to begin (0: with all that the playlists hold)")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Second, "give up an answer of which nothing comes for so long")
	flags.BoolVar(&f.persist, "persist", false, "keep asking for a stream that can't be had yet, and record that")
	flags.StringArrayVarP(&f.headers, "header", "H", nil, "add this to each request to the server of the URL, such as \"Authorization: Bearer x\";\nnot recorded, may be repeated")
	flags.StringArrayVar(&f.headerTo, "header-to", nil, "another host that --header is for, such as cdn.example.com or cdn.example.com:8443;\nmay be repeated")
	flags.StringVar(&f.truth, "truth", "", "address of the refstream server that makes the stream (default: where the URL leads)")
	flags.StringVar(&f.logLevel, "log-level", "info", "what to log: debug, info, warn or error")
	return cmd
}

func (f *recordFlags) run(ctx context.Context, address string, given func(string) bool, stdout, stderr io.Writer) error {
	if given("duration") && f.duration <= 0 {
		return fmt.Errorf("--duration: %v is no length of time: use one such as 2m, or leave it out", f.duration)
	}
	header, err := parseHeaders(f.headers)
	if err != nil {
		return err
	}
	for _, host := range f.headerTo {
		if u, err := url.Parse("//" + host); err != nil || u.Host != host || host == "" {
			return fmt.Errorf("--header-to: %q is no host: use a name such as cdn.example.com, also with its port", redact.Address(host))
		}
	}
	name := f.session
	if name == "" {
		name = time.Now().Format(sessionName)
	}
	dir, err := f.dir(name)
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); err != nil && strings.ContainsRune(name, filepath.Separator) {
		return fmt.Errorf("--session: %q is a path and no session is there: give a name, and the folder with --out", name)
	}
	if address == "" {
		if address, err = urlOf(ctx, dir); err != nil {
			return err
		}
	}
	screen := terminal.NewScreen(stderr, time.Now)
	logger, err := newLogger(screen, f.logLevel)
	if err != nil {
		return err
	}
	known, err := truth.NewRecorder(address, f.truth, dir, time.Now, logger)
	if err != nil {
		return err
	}
	limitMemory()
	begun := sync.OnceFunc(func() { fmt.Fprintf(stdout, "recording %s into %s\n", redact.Address(address), dir) })
	// The truth is begun once something was recorded, so that a failure leaves no folder, and is fetched once more at the end.
	sum, err := recorder.Record(ctx, recorder.Options{
		URL: address, Dir: dir, Version: version, Now: time.Now, Header: header, HeaderTo: f.headerTo, Poll: f.poll, Behind: f.behind,
		Duration: f.duration, Timeout: f.timeout, Persist: f.persist, Logger: logger,
		Progress: func(p recorder.Progress) {
			if p.Versions+p.Failures > 0 {
				begun()
			}
			screen.Show(recordLine(p))
			if p.Segments > 0 {
				known.Start(ctx, given("truth"))
			}
		},
	})
	known.Stop()
	screen.Clear()
	if sum.Elapsed > 0 {
		printRecorded(stdout, dir, sum)
	}
	if err == nil && sum.Elapsed == 0 {
		err = fmt.Errorf("record: nothing was recorded: no playlist came from %s before it ended (%s)", redact.Address(address), sum.Reason)
	}
	if err != nil && !strings.HasPrefix(err.Error(), "record") {
		err = fmt.Errorf("record: %w", err)
	}
	return err
}

// recordLine is what matters first: a terminal may cut it off.
func recordLine(p recorder.Progress) string {
	elapsed := p.Elapsed.Round(time.Second)
	if p.Versions == 0 {
		return fmt.Sprintf("%v: no playlist yet, %s failed", elapsed, report.Plural(p.Failures, "request"))
	}
	line, behind := elapsed.String()+": ", fmt.Sprintf("%.1f s behind, ", p.Behind.Seconds())
	if p.Silent > 0 { // what was published since the last news is behind too, if anything was
		line += fmt.Sprintf("nothing new for %.0f s, up to %.0f s behind live, ", p.Silent.Seconds(), (p.Behind + p.Silent).Seconds())
		behind = ""
	}
	if p.Failures > 0 {
		line += report.Plural(p.Failures, "request") + " failed, "
	}
	return line + fmt.Sprintf("%s, %s, %s%s, %s", report.Plural(p.Segments, "segment"), size(p.Stored), behind,
		report.Plural(p.Versions, "version"), report.Plural(p.Playlists, "playlist"))
}

// urlOf is the address that a session was begun with.
func urlOf(ctx context.Context, dir string) (string, error) {
	s, err := recorder.Open(ctx, dir)
	if err != nil {
		return "", fmt.Errorf("record: %w: give the URL to begin one", err)
	}
	defer s.Close()
	return s.Info().URL, nil
}

func printRecorded(w io.Writer, dir string, sum recorder.Summary) {
	fmt.Fprintf(w, "recorded %v: %s, %s, %s\n", sum.Elapsed.Round(100*time.Millisecond), report.Plural(sum.Versions, "playlist version"),
		report.Plural(sum.Segments, "segment"), size(sum.Stored))
	if sum.Failed+sum.Failures > 0 {
		fmt.Fprintf(w, "%s failed, %s could not be had: see refstream gaps\n", report.Plural(sum.Failures, "request"), report.Plural(sum.Failed, "segment"))
	}
	where := filepath.Base(dir)
	if folder := filepath.Dir(dir); folder != sessionsFolder {
		where += " -f " + folder
	}
	fmt.Fprintf(w, "ended: %s; replay it: refstream replay %s\n", sum.Reason, where)
}

// parseHeaders reads lines such as "Name: value".
func parseHeaders(lines []string) (http.Header, error) {
	h := http.Header{}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		name = strings.TrimSpace(name)
		if !ok || name == "" || strings.ContainsAny(line, "\r\n") || strings.ContainsAny(name, " \t") {
			return nil, errors.New("--header: use a form such as \"Name: value\"") // the value may be a secret
		}
		h.Add(name, strings.TrimSpace(value))
	}
	return h, nil
}

// sessionsFolder is where sessions are unless a flag says otherwise.
const sessionsFolder = "sessions"

// sessionFlags state where sessions are.
type sessionFlags struct {
	folder string
}

// registerOut adds the flag of a command that writes sessions, registerIn that of one that reads them.
func (s *sessionFlags) registerOut(f *pflag.FlagSet) {
	f.StringVarP(&s.folder, "out", "o", sessionsFolder, "folder to make the session's folder in; also --output (in replay -o is --offset)")
}

func (s *sessionFlags) registerIn(f *pflag.FlagSet) {
	f.StringVarP(&s.folder, "folder", "f", sessionsFolder, "folder that the session's folder is in")
}

// dir is the folder of a session: in the folder of sessions, or where a path leads.
func (s *sessionFlags) dir(session string) (string, error) {
	switch {
	case session == "" || session == "." || session == "..":
		return "", errors.New("give the session a name")
	case strings.ContainsRune(session, 0):
		return "", fmt.Errorf("session %q: a name can't hold a zero byte", session)
	case strings.ContainsRune(session, filepath.Separator):
		return filepath.Clean(session), nil
	}
	return filepath.Join(s.folder, session), nil
}

// wantsSession checks the arguments of a command on a session, as wants does.
func wantsSession(command string, check cobra.PositionalArgs, wrap ...func(error) error) cobra.PositionalArgs {
	return wants(check, fmt.Sprintf("%s: give the name of one session, as record says it: refstream %s monday", command, command), wrap...)
}

// parseLength reads a length of time that is not negative: a number of seconds, or a duration with its unit.
func parseLength(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		d, err = time.ParseDuration(text + "s")
	}
	if err == nil && d < 0 {
		err = errors.New("it is negative")
	}
	return d, err
}

// sessionName is the form of the name of a session that has none: when it was begun.
const sessionName = "20060102_150405"
