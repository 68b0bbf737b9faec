package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/refstream/refstream/internal/quietlog"
)

const (
	// logBurst and logQuiet bound the lines of one sort: a run of errors is logged from its start, but does not fill the disk.
	logBurst = 32
	logQuiet = 10 * time.Second
	// maxLogValue is how much of one value is logged, in bytes: a stack of a panic is shorter.
	maxLogValue = 8 << 10
)

// newLogger logs what has at least a level: debug, info, warn or error. What can't be seen in a terminal is quoted by slog.
func newLogger(w io.Writer, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level: %q is not a level: use debug, info, warn or error", level)
	}
	text := slog.NewTextHandler(w, &slog.HandlerOptions{Level: l, ReplaceAttr: cutValue})
	return slog.New(quietlog.New(text, quietlog.Options{Burst: logBurst, Quiet: logQuiet, Now: time.Now})), nil
}

// endLog logs how many lines were left out that no later line accounts for.
func endLog(logger *slog.Logger) {
	if h, ok := logger.Handler().(*quietlog.Handler); ok {
		h.Flush()
	}
}

// cutValue cuts texts that are too long.
func cutValue(_ []string, a slog.Attr) slog.Attr {
	text := ""
	switch v := a.Value.Any().(type) {
	case string:
		text = v
	case error:
		text = v.Error()
	}
	if len(text) > maxLogValue {
		a.Value = slog.StringValue(strings.ToValidUTF8(text[:maxLogValue], "") + "…")
	}
	return a
}

// pprofHeaderTimeout bounds how long a client may hold a connection before its request is there.
const pprofHeaderTimeout = 10 * time.Second

// withPprof gives a command the flag --pprof: while it runs, it serves profiles and traces over HTTP, for `go tool pprof`.
func withPprof(cmd *cobra.Command, stderr io.Writer) *cobra.Command {
	var addr string
	cmd.Flags().StringVar(&addr, "pprof", "", "serve profiles of this program at this address, or port of 127.0.0.1")
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if addr == "" {
			return run(cmd, args)
		}
		l, err := net.Listen("tcp", pprofAddress(addr))
		if err != nil {
			return cmd.FlagErrorFunc()(cmd, fmt.Errorf("--pprof: %w: name a free port, such as 6060", err))
		}
		server := &http.Server{Handler: pprofHandler(), ReadHeaderTimeout: pprofHeaderTimeout}
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(l) }()
		fmt.Fprintf(stderr, "profiles  http://%s/debug/pprof/\n", l.Addr())
		err = run(cmd, args)
		closed := server.Close()
		if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
			closed = errors.Join(closed, served)
		}
		if err == nil && closed != nil {
			err = fmt.Errorf("--pprof: %w", closed)
		}
		return err
	}
	return cmd
}

// pprofAddress is what to listen at: a port alone is one of this machine's own.
func pprofAddress(text string) string {
	host, port, err := net.SplitHostPort(text)
	if err != nil && !strings.Contains(text, ":") {
		host, port, err = "", text, nil
	}
	if err == nil && host == "" {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return text
}

func pprofHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
