// Command refstream is a reference video stream with ground truth: it renders, encodes and publishes a live HLS stream
// whose every frame identifies itself, and serves the truth about it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/refstream/refstream/internal/redact"
)

// version is the release. make names it after the git tag: go build -ldflags "-X main.version=v1.2.0".
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "refstream:", redact.UnseenLines(err.Error()))
		os.Exit(exitCode(err))
	}
}

// run carries out one command line. A stop that ctx asks for is a success for the commands that run until stopped.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return errors.New("interrupted")
	}
	return err
}

// Exit codes of commands that judge something.
const (
	exitNotTrue = 1
	exitUnknown = 2
)

// noVerdict is the error of a command that has no result: its exit code is 2.
func noVerdict(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled): // main would take it for a stop of a command that runs until it is stopped
		err = errors.New("interrupted")
	}
	return &codedError{exitUnknown, err}
}

// wrongFlag is the error of a wrong flag of a command that has exit code 2 without a result.
func wrongFlag(cmd *cobra.Command, err error) error {
	return noVerdict(unknownFlag(cmd, err))
}

// codedError is an error with an exit code of its own.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// exitCode is the program's: 0 for no error, and 1 for those that have none of their own.
func exitCode(err error) int {
	var coded *codedError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &coded):
		return coded.code
	}
	return 1
}

// notTrue is the error of a command that has found that something is not as it should be.
func notTrue(format string, args ...any) error {
	return &codedError{exitNotTrue, fmt.Errorf(format, args...)}
}

// memoryLimit is for the garbage collector: what a server can make a command keep (hlsclient: 96 MiB) and half as much again.
const memoryLimit = 144 << 20

// limitMemory keeps the memory of a command that reads what anybody's server sends below 200 MB, unless GOMEMLIMIT is set in the
// environment.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
