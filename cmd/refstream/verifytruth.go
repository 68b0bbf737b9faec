package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
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
// set. Where no flag says, it is looked for beside a file, and on the server that a stream comes from.
func (t *truthFlags) source(of string, given func(flag string) bool) (verify.Source, error) {
	channel := ""
	if given("channel") {
		channel = t.channel
	}
	if t.truth != "" {
		if strings.HasPrefix(t.truth, "http://") || strings.HasPrefix(t.truth, "https://") {
			return verify.Server(t.truth, channel, &http.Client{Timeout: truthTimeout})
		}
		return verify.Folder(t.truth), nil
	}
	if given("seed") || given("epoch") {
		c, err := t.channelInfo(time.Now())
		if err != nil {
			return nil, err
		}
		return verify.Seeded(c), nil
	}
	if u, err := url.Parse(of); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		u.Path, u.RawPath, u.RawQuery, u.Fragment = "/", "", "", ""
		return verify.Server(u.String(), channel, &http.Client{Timeout: truthTimeout})
	}
	if of != "" {
		beside := filepath.Join(filepath.Dir(strings.TrimPrefix(of, "file://")), "truth.json")
		if _, err := os.Stat(beside); err == nil {
			return verify.Folder(beside), nil
		}
	}
	return nil, errors.New("where is the truth? give --truth with a server's address or a truth.json, or --seed with the other flags that the stream was made with")
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
