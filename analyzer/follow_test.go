package analyzer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// untilUnits is options that follow a stream and end it after so many units.
func (r *result) untilUnits(ctx context.Context, n int) (context.Context, Options) {
	ctx, cancel := context.WithCancel(ctx)
	o := r.options()
	o.Follow, o.Stall, o.RetryMin, o.RetryMax = true, 300*time.Millisecond, time.Millisecond, 20*time.Millisecond
	o.Unit = func(u Unit) {
		if r.units = append(r.units, u); len(r.units) == n {
			cancel()
		}
	}
	return ctx, o
}

// TestFollow follows a stream over HTTP through everything that servers do to people.
func TestFollow(t *testing.T) {
	path := encode(t, "a.ts", "2", "-bf", "0", "-x264-params", "pic-struct=1")
	stream := readFile(t, path)
	small := readFile(t, encode(t, "b.ts", "1", "-bf", "0", "-s", "160x90", "-output_ts_offset", "5"))
	var asked atomic.Int64
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		flush := func(b []byte) {
			_, _ = w.Write(b)
			_ = http.NewResponseController(w).Flush()
		}
		switch asked.Add(1) {
		case 1:
			http.Error(w, "not yet", http.StatusNotFound)
		case 2:
			http.Error(w, "oops", http.StatusInternalServerError)
		case 3: // ends in the middle of a packet, and as if well
			flush(stream[:len(stream)/2])
		case 4: // stalls
			flush(stream[len(stream)/2:])
			<-r.Context().Done()
		case 5: // breaks off
			w.Header().Set("Content-Length", "10000000")
			flush(stream)
			panic(http.ErrAbortHandler)
		default: // starts anew with other parameters and another clock
			flush(small)
			<-r.Context().Done()
		}
	})

	var r result
	inTime(t, answer, func(t *testing.T, client *http.Client) {
		ctx, o := r.untilUnits(t.Context(), 120)
		o.HTTP = client
		if err := Run(ctx, "http://test/live", o, r.handle); !errors.Is(err, context.Canceled) {
			t.Fatalf("ended with %v, %s", err, r.kinds())
		}
	})
	kinds := r.kinds()
	for _, want := range []string{
		"lost lost connected", "lost connected resumed", "parameters", "jump",
	} {
		if !strings.Contains(kinds, want) {
			t.Errorf("nothing said of %q: %s", want, kinds)
		}
	}
	var all []string
	for _, n := range r.notes {
		text := n.Text
		if n.Err != nil {
			text += ": " + n.Err.Error()
		}
		all = append(all, text)
	}
	text := strings.Join(all, "\n")
	for _, want := range []string{
		"404 Not Found", "500 Internal Server Error", "stalled: nothing came for 300ms", "unexpected EOF",
		"from 320x180 avc1.f4000c 25 frames/s to 160x90",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing said of %q in\n%s", want, text)
		}
	}
	for i, u := range r.units {
		if u.Number != int64(i) {
			t.Fatalf("unit %d has number %d", i, u.Number)
		}
	}
}

func readFile(tb testing.TB, path string) []byte {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// TestWithoutFollow ends at the first trouble, and says what it was.
func TestWithoutFollow(t *testing.T) {
	stream := readFile(t, encode(t, "a.ts", "1"))
	mux := http.NewServeMux()
	mux.HandleFunc("/404.ts", http.NotFound)
	mux.HandleFunc("/500.m3u8", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	mux.HandleFunc("/stall.ts", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(stream[:3000])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/silent", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<!doctype html><p>Hello") })
	mux.HandleFunc("/dash", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `<?xml version="1.0"?><MPD/>`) })
	mux.HandleFunc("/empty", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/empty.ts", func(http.ResponseWriter, *http.Request) {})
	refused := func(t *testing.T, url, want string, o Options) {
		if err := Run(within(t), url, o, func(Record) error { return nil }); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
	inTime(t, mux, func(t *testing.T, client *http.Client) {
		for path, want := range map[string]string{
			"/404.ts":   "404 Not Found",
			"/500.m3u8": "500",
			"/stall.ts": "stalled: nothing came for 200ms",
			"/silent":   "stalled: nothing came for 200ms",
			"/page":     `begins with "<!doctype ht": neither HLS`,
			"/dash":     "it has no Period",
			"/empty":    "nothing came",
			"/empty.ts": "nothing came",
		} {
			refused(t, "http://test"+path, want, Options{Now: time.Now, HTTP: client, Stall: 200 * time.Millisecond})
		}
	})
	for url, want := range map[string]string{
		"/nowhere/a.ts":      "no such file",
		t.TempDir():          "is a directory",
		"":                   "it is empty",
		"gopher://a/b":       `scheme "gopher" is not read`,
		"tcp://localhost":    "no port",
		"http:///a":          "no host",
		"http://a b/":        "not a URL",
		"rtmp://localhost/a": "no application and stream",
		"tcp://127.0.0.1:1":  "connection refused",
	} {
		refused(t, url, want, Options{Now: time.Now})
	}
}

// TestHandlerEnds ends the reading with the handler's own error.
func TestHandlerEnds(t *testing.T) {
	path := encode(t, "a.ts", "1", "-x264-params", "pic-struct=1")
	enough := errors.New("enough")
	for _, follow := range []bool{false, true} {
		n := 0
		err := Run(t.Context(), path, Options{Now: time.Now, Follow: follow}, func(Record) error {
			if n++; n == 3 {
				return enough
			}
			return nil
		})
		if err != enough || n != 3 {
			t.Errorf("after %d records: %v", n, err)
		}
	}
	if err := Run(t.Context(), path, Options{}, nil); err == nil || !strings.Contains(err.Error(), "Now is missing") {
		t.Errorf("without a clock: %v", err)
	}
}

// TestDuration ends a stream that has no end.
func TestDuration(t *testing.T) {
	stream := readFile(t, encode(t, "a.ts", "1"))
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(stream)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	inTime(t, answer, func(t *testing.T, client *http.Client) {
		var r result
		o := r.options()
		o.HTTP, o.Duration = client, 300*time.Millisecond
		began := time.Now()
		if err := Run(t.Context(), "http://test/", o, r.handle); err != nil || len(r.units) < 20 || time.Since(began) != o.Duration {
			t.Errorf("%v after %d units, %v", err, len(r.units), time.Since(began))
		}
	})
}

// TestGrowingFile follows a file that is being written, and written anew.
func TestGrowingFile(t *testing.T) {
	stream := readFile(t, encode(t, "a.ts", "2", "-bf", "0"))
	path := filepath.Join(t.TempDir(), "live.ts")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	at := 0
	grow := func(n int) {
		n = min(n, len(stream)-at)
		if _, err := f.Write(stream[at : at+n]); err != nil {
			t.Error(err)
		}
		at += n
	}
	grow(len(stream)/3 + 7)
	var r result
	ctx, o := r.untilUnits(within(t), 49+49)
	inner := o.Unit
	o.Unit = func(u Unit) {
		inner(u)
		switch len(r.units) {
		case 10:
			grow(len(stream) / 3)
		case 25:
			grow(len(stream))
		case 49: // the last picture is not known to be complete
			if err := f.Truncate(0); err != nil {
				t.Error(err)
			}
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				t.Error(err)
			}
			at = 0
			grow(len(stream) - 188)
		}
	}
	if err := Run(ctx, path, o, r.handle); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v after %d units: %s", err, len(r.units), r.kinds())
	}
	if k := r.kinds(); !strings.HasPrefix(k, "connected damaged lost connected resumed jump") {
		t.Errorf("notes %s", k)
	}
}

// TestSockets reads a transport stream over TCP, both ways, and UDP with and without RTP.
func TestSockets(t *testing.T) {
	path := encode(t, "a.ts", "1", "-bf", "0", "-x264-params", "pic-struct=1")
	stream := readFile(t, path)
	t.Run("TCP", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		done := make(chan struct{})
		go func() {
			defer close(done)
			c, err := l.Accept()
			if err == nil {
				_, _ = c.Write(stream)
				c.Close()
			}
		}()
		r := analyze(t, "tcp://"+l.Addr().String())
		<-done
		if len(r.units) != 25 {
			t.Errorf("%d units", len(r.units))
		}
	})
	t.Run("TCP listen", func(t *testing.T) {
		address := freePort(t, "tcp")
		ctx := within(t)
		var sending sync.WaitGroup
		sending.Go(func() { // until somebody listens
			for ctx.Err() == nil && ffmpegQuietly("-i", path, "-c", "copy", "-f", "mpegts", "tcp://"+address) != nil {
			}
		})
		var r result
		o := r.options()
		err := Run(ctx, "tcp://"+address+"?listen", o, r.handle)
		sending.Wait()
		if err != nil || len(r.units) != 25 {
			t.Errorf("%v after %d units", err, len(r.units))
		}
	})
	for name, format := range map[string]string{"UDP": "mpegts", "UDP RTP": "rtp_mpegts"} {
		t.Run(name, func(t *testing.T) {
			address := freePort(t, "udp")
			to := "udp://" + address + "?pkt_size=1316"
			if format != "mpegts" {
				to = "rtp://" + address
			}
			stop := make(chan struct{})
			done := make(chan struct{})
			go func() { // what is sent before anybody listens is lost
				defer close(done)
				for {
					select {
					case <-stop:
						return
					default:
						_ = ffmpegQuietly("-re", "-i", path, "-c", "copy", "-f", format, to)
					}
				}
			}()
			var r result
			ctx, o := r.untilUnits(within(t), 20)
			o.Stall = 0
			err := Run(ctx, "udp://"+address, o, r.handle)
			close(stop)
			<-done
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v after %d units", err, len(r.units))
			}
		})
	}
}

// TestSniff knows kinds by their bytes alone, under names that say nothing or something else.
func TestSniff(t *testing.T) {
	for _, name := range []string{"a.ts", "a.flv"} {
		stream := readFile(t, encode(t, name, "0.4"))
		for _, as := range []string{"stream", "stream.bin", "stream.mp4", "stream.ts"} {
			path := filepath.Join(t.TempDir(), as)
			b := stream
			if name == "a.ts" && as == "stream.bin" {
				b = append(bytes.Repeat([]byte{9}, 100), b...) // joined amid a packet
			}
			if name == "a.ts" && as == "stream.mp4" {
				continue // the name decides where the bytes don't
			}
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if r := analyze(t, path); len(r.units) != 10 {
				t.Errorf("%s as %s: %d units", name, as, len(r.units))
			}
		}
	}
}
