package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/refstream/refstream/api"
	"github.com/refstream/refstream/internal/redact"
	"github.com/refstream/refstream/internal/terminal"
	"github.com/refstream/refstream/recorder"
	"github.com/refstream/refstream/recorder/replay"
	"github.com/refstream/refstream/recorder/replaypage"
	"github.com/refstream/refstream/recorder/truth"
	refserver "github.com/refstream/refstream/server"
	"github.com/refstream/refstream/static"
)

// replayFlags are those of the command replay.
type replayFlags struct {
	sessionFlags
	port                  int
	host, speed, logLevel string
	offset                string
	from                  string
	loop, rebase, atOnce  bool
}

// positionEvery is how often the position is shown.
const positionEvery = 250 * time.Millisecond

func newReplay(stdout, stderr io.Writer) *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay SESSION",
		Short: "Serve a recorded session again, with its timing and its errors",
		Long: `Serve a session that record wrote, as it was served then: each version of a playlist appears when it appeared, answers
take as long as they took, and what failed fails again. The clock starts with the first request for a playlist.

The stream is at /stream.m3u8 and at the paths where it was. What was recorded of refstream's own stream has its truth
with it: /markers, /frames, /clocks and /faults answer as they did, and so do the page, verify and score; other streams have a
plain player at /. After its end the stream stands still, unless --loop begins it anew. A session that is still being
recorded is replayed as far as it was at the start.`,
		Example: `  refstream replay monday
  refstream replay monday -o 90 --speed 2 --loop --rebase`,
		Args: wantsSession("replay", cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), args[0], stdout, stderr) },
	}
	flags := cmd.Flags()
	f.registerIn(flags)
	// Its long name is not port, which is only another name on the command line, see otherName.
	flags.IntVarP(&f.port, "http-port", "p", 9090, "port to serve at, 0 for a free one; also --port (in gaps -p is --playlist)")
	flags.StringVar(&f.host, "host", "127.0.0.1", "address to serve at")
	flags.StringVarP(&f.offset, "offset", "o", "0", "where to begin, from the start of the recording: seconds, or such as 1m30s (in other commands -o is --out)")
	flags.StringVar(&f.from, "from", "", "where to begin, as a time of then: RFC 3339, such as 2026-01-31T12:00:00Z")
	flags.StringVar(&f.speed, "speed", "1", "how fast: 2, 0.5, 3/4; delays too")
	flags.BoolVar(&f.loop, "loop", false, "begin anew at the end, with playlists that go on")
	flags.BoolVar(&f.rebase, "rebase", false, "move PROGRAM-DATE-TIME so that the live edge is now (SEI and the truth stay)")
	flags.BoolVar(&f.atOnce, "at-once", false, "start the clock at once, not with the first request")
	flags.StringVar(&f.logLevel, "log-level", "info", "what to log: debug, info, warn or error")
	return cmd
}

func (f *replayFlags) options() (replay.Options, error) {
	o := replay.Options{Now: time.Now, Loop: f.loop, Rebase: f.rebase, Wait: !f.atOnce}
	var err error
	if o.Speed, err = replay.ParseSpeed(f.speed); err != nil {
		return o, fmt.Errorf("--speed: %w", err)
	}
	if o.Offset, err = parseLength(f.offset); err != nil {
		return o, fmt.Errorf("--offset: %q is not a time from the start: use seconds, or a length such as 1m30s", f.offset)
	}
	if f.from != "" {
		if o.From, err = time.Parse(time.RFC3339Nano, f.from); err != nil {
			return o, fmt.Errorf("--from: %q is not a time such as 2026-01-31T12:00:00Z", f.from)
		}
	}
	switch {
	case f.host == "":
		return o, errors.New("--host: it is empty: use 127.0.0.1, or 0.0.0.0 for all interfaces")
	case f.from != "" && o.Offset > 0:
		return o, errors.New("--offset, --from: both say where to begin: leave one of them out")
	}
	if f.rebase && o.Speed != (replay.Speed{Num: 1, Den: 1}) {
		return o, errors.New("--rebase: at another --speed than 1 the live edge would run away from now: leave one of them out")
	}
	if f.port < 0 || f.port > 65535 {
		return o, fmt.Errorf("--http-port: %d is not a port: use 1 to 65535, or 0 for a free one", f.port)
	}
	return o, nil
}

func (f *replayFlags) run(ctx context.Context, name string, stdout, stderr io.Writer) error {
	o, err := f.options()
	if err != nil {
		return err
	}
	screen := terminal.NewScreen(stderr, time.Now)
	if o.Logger, err = newLogger(screen, f.logLevel); err != nil {
		return err
	}
	dir, err := f.dir(name)
	if err != nil {
		return err
	}
	session, err := recorder.Open(ctx, dir)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	defer session.Close()
	known, err := truth.Load(ctx, dir, session.Info().URL)
	switch {
	case err == nil:
		defer known.Store.Close()
	case !errors.Is(err, fs.ErrNotExist):
		o.Logger.Warn("the truth that was recorded can't be served", "error", err)
	}
	var server *replay.Server // set before anything is served
	page := &replaypage.Page{Dir: dir, Options: o, Forward: known != nil}
	o.Fallback = page.Before(plainPlayer())
	if known != nil {
		answers, err := truthHandler(known, func() time.Time { return server.UTC() })
		if err != nil {
			return err
		}
		o.Fallback = page.Before(func(string) http.Handler { return answers })
		if o.Rebase || o.Loop {
			o.Logger.Warn("--rebase and --loop change dates in playlists only: the page and verify will find them different " +
				"from SEI, /markers and /frames; verify --allow clock_offset takes a rebased stream as it is")
		}
	}
	if server, err = replay.New(ctx, session, o); err != nil {
		return err
	}
	page.Server = server
	listener, err := net.Listen("tcp", net.JoinHostPort(f.host, strconv.Itoa(f.port)))
	if err != nil {
		hint := "give an address of this machine with --host"
		if errors.Is(err, syscall.EADDRINUSE) {
			hint = "take another port with -p, or 0 for a free one"
		}
		return fmt.Errorf("replay: %w: %s", err, hint)
	}
	base := "http://" + listener.Addr().String()
	fmt.Fprintf(stdout, "replaying %s, %v of %s\n", dir, server.Position().Length.Round(100*time.Millisecond), redact.Address(session.Info().URL))
	paths := server.Paths() // the first is /stream.m3u8, the next where the stream was
	for _, path := range paths[:min(len(paths), 2)] {
		fmt.Fprintf(stdout, "stream    %s%s\n", base, path)
	}
	if known != nil {
		fmt.Fprintf(stdout, "truth     %s/markers, channel %s\n", base, known.Channel.Name)
		if known.Twin != "" {
			fmt.Fprintf(stdout, "faults    %s/faults?channel=%s\n", base, known.Twin)
		}
	}
	fmt.Fprintf(stdout, "page      %s/\n", base)
	if known != nil { // the page is that of the stream
		fmt.Fprintf(stdout, "recording %s/player.html\n", base)
	}
	group, serving := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Serve(serving, listener) })
	group.Go(func() error {
		showPosition(serving, server, screen, stdout)
		return nil
	})
	if known != nil {
		group.Go(func() error { return known.Run(serving, server.UTC) })
	}
	err = group.Wait()
	screen.Clear()
	if errors.Is(err, context.Canceled) {
		return nil // that is how it ends
	}
	return err
}

// truthHandler answers what refstream's API did then, but for what was published. now is as of [truth.Replay.Run].
func truthHandler(t *truth.Replay, now func() time.Time) (http.Handler, error) {
	answers, err := api.New(api.Config{
		Store: t.Store, HLSDir: func(string) string { return "" }, Page: static.Handler(), Version: version, CORSOrigins: []string{"*"},
		Now: func() time.Time { return t.ServerTime(now()) },
		Faults: func(ctx context.Context, twin string) (api.FaultLog, error) {
			return refserver.StoredFaults(ctx, t.Store, twin)
		},
	})
	if err != nil {
		return nil, err
	}
	return answers.Handler(), nil
}

// plainPlayer finds the plain player at / and its assets, for streams that are not refstream's.
func plainPlayer() func(path string) http.Handler {
	player := static.Player()
	return func(path string) http.Handler {
		if path == "/" || path == "/player.html" || strings.HasPrefix(path, "/static/") {
			return player
		}
		return nil
	}
}

// showPosition shows how far a replay is until ctx ends.
func showPosition(ctx context.Context, server *replay.Server, screen *terminal.Screen, stdout io.Writer) {
	tick := time.NewTicker(positionEvery)
	defer tick.Stop()
	done := server.Done()
	for {
		select {
		case <-ctx.Done():
			return
		case <-done:
			done = nil
			screen.Clear()
			fmt.Fprintln(stdout, "the recording has ended: its playlists stay as they were last")
		case <-tick.C:
			if done != nil {
				screen.Show(positionLine(server.Position()))
			}
		}
	}
}

func positionLine(p replay.Position) string {
	if !p.Started {
		return "waiting for the first request"
	}
	line := fmt.Sprintf("%v of %v", p.At.Round(time.Second), p.Length.Round(time.Second))
	if p.Pass > 0 {
		line += fmt.Sprintf(", pass %d", p.Pass+1)
	}
	return line
}
