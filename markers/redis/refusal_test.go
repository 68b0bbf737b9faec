package redis_test

import (
	"bufio"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/redis"
)

// refusing is the address of a server that answers every connection, or every command of one, with a line.
func refusing(t *testing.T, line string, closes bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() { l.Close(); running.Wait() })
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				if closes { // without having read anything, as Redis does it
					_, _ = c.Write([]byte(line + "\r\n"))
					return
				}
				for in := bufio.NewScanner(c); in.Scan(); {
					if strings.HasPrefix(in.Text(), "*") {
						_, _ = c.Write([]byte(line + "\r\n"))
					}
				}
			})
		}
	})
	return "redis://" + l.Addr().String()
}

// TestRefused: what Redis says where it refuses is in the error, and nobody is told to start a server that runs.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		line               string
		closes             bool
		unavailable, named bool
	}{
		{"-DENIED Redis is running in protected mode because protected mode is enabled", true, true, true},
		{"-ERR max number of clients reached", true, true, true},
		{"-LOADING Redis is loading the dataset in memory", false, true, true},
		{"-NOAUTH Authentication required.", false, false, false},
		{"-WRONGPASS invalid username-password pair or user is disabled.", false, false, false},
	} {
		for range 20 { // whatever is first: what it says, or that the connection is closed
			s, err := redis.Open(t.Context(), redis.Options{URL: refusing(t, c.line, c.closes)})
			if err == nil {
				t.Fatalf("%s: opened", c.line)
			}
			if s != nil || !strings.Contains(err.Error(), strings.TrimPrefix(c.line, "-")) || strings.Contains(err.Error(), "see that redis-server runs") ||
				errors.Is(err, markers.ErrUnavailable) != c.unavailable || errors.Is(err, redis.ErrRefused) != c.named {
				t.Fatalf("%s: %v", c.line, err)
			}
		}
	}
}

// TestClosedIsNotRefused: a server that closes connections without a word, or after it has served, is one that can't be reached.
func TestClosedIsNotRefused(t *testing.T) {
	_, err := redis.Open(t.Context(), redis.Options{URL: refusing(t, "", true)})
	if !errors.Is(err, markers.ErrUnavailable) || errors.Is(err, redis.ErrRefused) {
		t.Errorf("%v", err)
	}
}
