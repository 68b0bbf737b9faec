package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestPprofAddress(t *testing.T) {
	for given, want := range map[string]string{
		"6060": "127.0.0.1:6060", ":6060": "127.0.0.1:6060", "0.0.0.0:6060": "0.0.0.0:6060", "[::1]:0": "[::1]:0", "a:b:c": "a:b:c",
	} {
		if got := pprofAddress(given); got != want {
			t.Errorf("%q is %q, want %q", given, got, want)
		}
	}
}

// While a command runs its profiles can be had; it ends as it does without them.
func TestPprof(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	silent := freeAddr(t)
	var errs printed
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"analyze", "tcp://" + silent + "?listen", "--pprof", "0"}, io.Discard, &errs)
	}()
	var base string
	await(t, "the address", limit, func() bool {
		_, rest, ok := strings.Cut(errs.String(), "profiles  ")
		base, _, _ = strings.Cut(rest, "\n")
		return ok && base != ""
	})
	if !strings.HasPrefix(base, "http://127.0.0.1:") {
		t.Errorf("it serves at %s", base)
	}
	resp, err := http.Get(base + "goroutine?debug=1")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || !bytes.HasPrefix(b, []byte("goroutine profile: total ")) {
		t.Errorf("%.60q, %v", b, err)
	}
	cancel()
	<-ended
	if _, err := http.Get(base); err == nil {
		t.Error("profiles are still served")
	}
	if _, errs, code := refstream(t, "analyze", "x.ts", "--pprof", "nowhere"); code != 1 || !strings.Contains(errs, "--pprof: ") || !strings.Contains(errs, "name a free port") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// Flags answer to the names that they had in earlier programs, and only where they are.
func TestOtherNames(t *testing.T) {
	t.Setenv("REFSTREAM_PORT", "tcp://10.0.0.1:80") // as Kubernetes sets it
	for want, args := range map[string][]string{
		"--http-port: 70000 is not a port":    {"replay", "x", "--port", "70000"},
		`--threshold: "x" is not a length`:    {"gaps", "x", "--time", "x"},
		"is not empty: name another folder":   {"generate", "--output", ".", "--duration", "1s"},
		"unknown flag: --port":                {"gaps", "x", "--port", "1"},
		"open session " + "nowhere" + "/demo": {"chunks", "demo", "-f", "nowhere", "--output", "x"},
	} {
		if _, errs, code := refstream(t, args...); code == 0 || !strings.Contains(errs, want) {
			t.Errorf("%q: exit code %d: %s", args, code, errs)
		}
	}
}
