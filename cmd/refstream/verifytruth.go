package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/refstream/refstream/analyzer/verify"
)

// truthFlags say where the truth about a stream comes from.
type truthFlags struct {
	streamFlags
	truth string
}

func (t *truthFlags) register(f *pflag.FlagSet) {
	f.StringVar(&t.truth, "truth", "", "the truth: the address of the server that made the stream, or the folder or truth.json\nthat generate wrote")
	t.streamFlags.register(f, offlineEpoch, "without --truth: UTC of frame 0", offlineSeed, "without --truth: seed of the events")
}

// source finds the truth about a stream or, where of is empty, about nothing in particular; given tells which flags were
// set. Where no flag says, it is looked for beside a file, and on the server that a stream comes from. The channel is that
// of the flag, or else of the stream's address, or else of what the stream says itself.
func (t *truthFlags) source(of string, given func(flag string) bool) (verify.Source, error) {
	base, named := verify.ServerOf(of)
	channel := named
	if given("channel") {
		channel = t.Name
	}
	client := &http.Client{Timeout: truthTimeout}
	if t.truth != "" {
		if !strings.HasPrefix(t.truth, "http://") && !strings.HasPrefix(t.truth, "https://") {
			return verify.Folder(t.truth), nil
		}
		if of == "" || given("channel") {
			return verify.Server(t.truth, channel, client)
		}
		return verify.Unnamed(func(ctx context.Context, said string) (verify.Source, error) {
			return verify.ServerWith(ctx, t.truth, client, named, said, "") // without a name it is the only channel
		}), nil
	}
	if given("seed") || given("epoch") {
		if of == "" || channel != "" {
			return t.seeded(channel)
		}
		return verify.Unnamed(func(_ context.Context, said string) (verify.Source, error) { return t.seeded(said) }), nil
	}
	if base != "" {
		return verify.Server(base, channel, client)
	}
	if of != "" {
		path := strings.TrimPrefix(of, "file://")
		if _, err := os.Stat(path); err != nil && !strings.Contains(of, "://") {
			return nil, fmt.Errorf("read stream: %w", err)
		}
		beside := filepath.Join(filepath.Dir(path), "truth.json")
		if _, err := os.Stat(beside); err == nil {
			return verify.Folder(beside), nil
		}
	}
	return nil, errors.New("where is the truth? give --truth with a server's address or a truth.json, or --seed with the other flags that the stream was made with")
}

// seeded is the truth that follows from the flags; an empty channel is that of the flag.
func (t *truthFlags) seeded(channel string) (verify.Source, error) {
	c, err := t.channelInfo(time.Now())
	if err != nil {
		return nil, err
	}
	if channel != "" {
		c.Name = channel
	}
	return verify.Seeded(c), nil
}

// truthTimeout bounds each question to a server.
const truthTimeout = 30 * time.Second

// untold is the error of a command that could not tell: its exit code is 2.
func untold(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled): // main would take it for a stop of a command that runs until it is stopped
		err = errors.New("interrupted")
	}
	return &codedError{verify.ExitUnknown, err}
}

// codedError is an error that the program ends with a code of its own for.
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

// notTrue is the error of a command that has told that something is not as it should be.
func notTrue(format string, args ...any) error {
	return &codedError{verify.ExitNotTrue, fmt.Errorf(format, args...)}
}
