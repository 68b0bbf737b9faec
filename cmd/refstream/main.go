// Command refstream is a reference video stream with ground truth: it renders, encodes and publishes a live HLS stream
// whose every frame says what it is, and serves the truth about it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

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
