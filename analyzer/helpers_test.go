package analyzer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/refstream/refstream/internal/testnet"
)

// ffmpeg runs ffmpeg.
func ffmpeg(tb testing.TB, args ...string) {
	tb.Helper()
	all := append([]string{"-v", "error", "-y", "-nostdin"}, args...)
	if msg, err := exec.Command("ffmpeg", all...).CombinedOutput(); err != nil {
		tb.Fatalf("ffmpeg %v: %v\n%s", args, err, msg)
	}
}

// encodings are the bytes of the streams that encode made, each once a run, by their arguments.
var encodings sync.Map

// encode makes a stream of a test picture with x264 in a file whose name says the container; args come behind the codec.
func encode(tb testing.TB, name, seconds string, args ...string) string {
	tb.Helper()
	out := filepath.Join(tb.TempDir(), name)
	what := fmt.Sprintf("%q", append([]string{filepath.Ext(name), seconds}, args...))
	if b, ok := encodings.Load(what); ok {
		if err := os.WriteFile(out, b.([]byte), 0o600); err != nil {
			tb.Fatal(err)
		}
		return out
	}
	all := []string{
		"-f", "lavfi", "-i", "testsrc=rate=25:size=320x180:duration=" + seconds, "-c:v", "libx264", "-preset", "ultrafast",
		"-g", "12",
	}
	ffmpeg(tb, append(append(all, args...), out)...)
	encodings.Store(what, readFile(tb, out))
	return out
}

// packet is a packet of a stream as ffprobe reads it.
type packet struct {
	PTS, DTS int64 // in ticks of 90 kHz
	Pos      int64
	Key      bool
}

// packets is the packets of the first video stream in decoding order.
func packets(tb testing.TB, path string) []packet {
	tb.Helper()
	b, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "v:0", "-show_packets", "-show_streams", "-of", "json", path).Output()
	if err != nil {
		tb.Fatalf("ffprobe %s: %v", path, err)
	}
	var all struct {
		Packets []struct {
			PTS, DTS   int64
			Pos, Flags string
		}
		Streams []struct {
			TimeBase string `json:"time_base"`
		}
	}
	if err := json.Unmarshal(b, &all); err != nil {
		tb.Fatal(err)
	}
	base, err := strconv.ParseInt(strings.TrimPrefix(all.Streams[0].TimeBase, "1/"), 10, 64)
	if err != nil {
		tb.Fatal(err)
	}
	var out []packet
	for _, p := range all.Packets {
		pos, err := strconv.ParseInt(p.Pos, 10, 64)
		if err != nil {
			pos = -1
		}
		out = append(out, packet{p.PTS * 90000 / base, p.DTS * 90000 / base, pos, strings.HasPrefix(p.Flags, "K")})
	}
	return out
}

// traced is the syntax elements of one SEI message as ffmpeg's trace_headers reads it.
type traced map[string]int64

// traceMessages is the SEI messages under a heading of trace_headers, of each packet.
func traceMessages(tb testing.TB, path, heading string) [][]traced {
	tb.Helper()
	log, err := exec.Command("ffmpeg", "-hide_banner", "-nostats", "-nostdin", "-i", path, "-map", "0:v:0", "-c", "copy",
		"-bsf:v", "trace_headers", "-f", "null", "-").CombinedOutput()
	if err != nil {
		tb.Fatalf("trace %s: %v\n%s", path, err, log)
	}
	var out [][]traced
	wanted := false
	for line := range strings.Lines(string(log)) {
		_, text, ok := strings.Cut(line, "] ")
		if !ok || !strings.HasPrefix(line, "[trace_headers") {
			continue
		}
		text = strings.TrimSpace(text)
		left, value, isField := strings.Cut(text, " = ")
		words := strings.Fields(left)
		switch {
		case strings.HasPrefix(text, "Packet: "):
			out, wanted = append(out, nil), false
		case len(out) == 0:
		case !isField || len(words) < 2:
			if wanted = text == heading; wanted {
				out[len(out)-1] = append(out[len(out)-1], traced{})
			}
		case wanted:
			v, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				tb.Fatalf("trace: %s", line)
			}
			last := out[len(out)-1]
			last[len(last)-1][words[1]] = v
		}
	}
	return out
}

// result is what Run says of a stream.
type result struct {
	records []Record
	units   []Unit
	notes   []Note
}

// of is the records of one source.
func (r *result) of(s Source) []Record {
	var out []Record
	for _, rec := range r.records {
		if rec.Source == s {
			out = append(out, rec)
		}
	}
	return out
}

// kinds is the kinds of the notes, in order.
func (r *result) kinds() string {
	var out []string
	for _, n := range r.notes {
		out = append(out, string(n.Kind))
	}
	return strings.Join(out, " ")
}

// options collects everything in r.
func (r *result) options() Options {
	return Options{
		Now:  time.Now,
		Note: func(n Note) { r.notes = append(r.notes, n) },
		Unit: func(u Unit) { r.units = append(r.units, u) },
	}
}

func (r *result) handle(rec Record) error {
	r.records = append(r.records, rec)
	return nil
}

// analyze reads a stream to its end.
func analyze(tb testing.TB, url string) *result {
	tb.Helper()
	var r result
	if err := Run(tb.Context(), url, r.options(), r.handle); err != nil {
		tb.Fatalf("analyze %s: %v", url, err)
	}
	return &r
}

// inTime serves h, at any address of http, while f runs in a bubble: its time passes only while everybody waits, and a limit
// of a millisecond is over when a millisecond of silence is, however slow the machine. Sockets are not for a bubble.
func inTime(t *testing.T, h http.Handler, f func(t *testing.T, client *http.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := testnet.NewPipes()
		server := &http.Server{Handler: h}
		transport := &http.Transport{DialContext: l.Dial}
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(l) })
		defer serving.Wait()
		defer server.Close()
		defer transport.CloseIdleConnections()
		f(t, &http.Client{Transport: transport})
	})
}

// within is a context that ends long after a test should have.
func within(tb testing.TB) context.Context {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	tb.Cleanup(cancel)
	return ctx
}

// ffmpegQuietly runs ffmpeg, and lets it fail.
func ffmpegQuietly(args ...string) error {
	return exec.Command("ffmpeg", append([]string{"-v", "quiet", "-nostdin"}, args...)...).Run()
}

// freePort is an address on this machine at which nobody listens.
func freePort(tb testing.TB, network string) string {
	tb.Helper()
	if network == "udp" {
		return testnet.FreeUDP(tb)
	}
	return testnet.FreeTCP(tb)
}

// segmentsIn counts the segments of a stored HLS stream.
func segmentsIn(t *testing.T, c Captured) int {
	t.Helper()
	return bytes.Count(readFile(t, c.Path), []byte("#EXTINF"))
}
