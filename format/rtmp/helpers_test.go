package rtmp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/flv/amf0"
)

// testTimeout ends what hangs; it is far above what anything takes.
const testTimeout = 2 * time.Minute

// shortLimit is a time limit of a server or client that a test waits for, while nothing that comes in time may be late.
const shortLimit = 3 * time.Second

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	t.Cleanup(cancel)
	return ctx
}

// run runs a program to its end and returns what it prints.
func run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(testContext(t), name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.Bytes())
	}
	return stdout.Bytes()
}

// sampleFrames is how many pictures the sample has, in GOPs of 25 of which the key frames are larger than a chunk. In all
// it is less than an acknowledgement window.
const sampleFrames = 50

// sample is a stream that ffmpeg has made, as tags: metadata, sequence header, and pictures with B-frames.
func sample(t testing.TB) []flv.Tag {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sample.flv")
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=25", "-frames:v", fmt.Sprint(sampleFrames),
		"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-b_strategy", "0", "-g", "25", "-qp", "14", "-flvflags", "no_duration_filesize", "-f", "flv", file)
	tags := readFLV(t, file)
	biggest, total := 0, 0
	for _, tag := range tags {
		total += len(tag.Body)
		biggest = max(biggest, len(tag.Body))
	}
	if total > windowSize || biggest <= ownChunkSize {
		t.Fatalf("%d bytes, the largest picture %d", total, biggest)
	}
	return tags
}

// readFLV reads a file of tags.
func readFLV(t testing.TB, file string) []flv.Tag {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := flv.NewReader(f)
	var tags []flv.Tag
	for {
		tag, err := r.Next()
		if err == io.EOF {
			return tags
		}
		if err != nil {
			t.Fatal(err)
		}
		tags = append(tags, tag)
	}
}

func script(t testing.TB, ms uint32, values ...any) flv.Tag {
	t.Helper()
	b, err := amf0.Append(nil, values...)
	if err != nil {
		t.Fatal(err)
	}
	return flv.Tag{Type: flv.Script, Time: ms, Body: b}
}

// timed is the sample at a time, with timing scripts among the pictures: one onFI that is larger than the smallest chunk,
// and one onCuePoint that is larger than the usual one.
func timed(t testing.TB, tags []flv.Tag, start uint32) []flv.Tag {
	t.Helper()
	var out []flv.Tag
	for i, tag := range tags {
		tag.Time += start
		if i == 10 || i == 40 {
			out = append(out, script(t, tag.Time, "onFI", amf0.Object{
				{Name: "sd", Value: "21-11-2026"}, {Name: "st", Value: fmt.Sprintf("12:00:%02d.040", i)},
				{Name: "tc", Value: fmt.Sprintf("12:00:%02d:01", i)}, {Name: "tz", Value: "+00:00"},
				{Name: "filler", Value: strings.Repeat("x", 300)},
			}))
		}
		if i == 20 {
			out = append(out, script(t, tag.Time, "onCuePoint", amf0.Object{
				{Name: "name", Value: "e1"}, {Name: "time", Value: float64(tag.Time) / 1000}, {Name: "type", Value: "event"},
				{Name: "parameters", Value: amf0.Object{{Name: "text", Value: strings.Repeat("long ", 20000)}}},
			}))
		}
		out = append(out, tag)
	}
	return out
}

// listSource gives tags in batches of two, and then waits for the end of its context or ends.
type listSource struct {
	mu    sync.Mutex
	tags  []flv.Tag
	stays bool
	err   error // at the end, in place of io.EOF
}

func (s *listSource) Next(ctx context.Context) ([]flv.Tag, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tags) > 0 {
		n := min(2, len(s.tags))
		b := s.tags[:n]
		s.tags = s.tags[n:]
		return b, nil
	}
	if s.stays {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if s.err != nil {
		return nil, s.err
	}
	return nil, io.EOF
}

// testServer listens on a free port. Its errors, one for each connection, come from results.
type testServer struct {
	addr    string
	results chan error
}

func (s *testServer) url(path string) string { return "rtmp://" + s.addr + "/" + path }

// result is what the server says about the next connection that has ended.
func (s *testServer) result(t testing.TB) error {
	t.Helper()
	select {
	case err := <-s.results:
		return err
	case <-time.After(testTimeout):
		t.Fatal("the connection does not end")
		return nil
	}
}

func startServer(t testing.TB, s *Server) *testServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	out := &testServer{addr: l.Addr().String(), results: make(chan error, 1000)}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() { out.results <- s.ServeConn(ctx, c) })
		}
	})
	t.Cleanup(func() {
		cancel()
		l.Close()
		group.Wait()
	})
	return out
}

// playing serves the tags as live/test.
func playing(tags []flv.Tag) *Server {
	return &Server{Play: func(app, stream string) (Source, error) {
		if app != "live" || stream != "test" {
			return nil, fmt.Errorf("no %s in %s", stream, app)
		}
		return &listSource{tags: tags}, nil
	}}
}

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(testContext(t), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// sameTags fails where the tags differ.
func sameTags(t testing.TB, got, want []flv.Tag) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if err := differ(got[i], want[i]); err != nil {
			t.Fatalf("tag %d: %v", i, err)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d tags, want %d", len(got), len(want))
	}
}

func differ(got, want flv.Tag) error {
	if got.Type != want.Type || got.Time != want.Time {
		return fmt.Errorf("type %d at %d ms, want type %d at %d ms", got.Type, got.Time, want.Type, want.Time)
	}
	if !bytes.Equal(got.Body, want.Body) {
		i := 0
		for i < min(len(got.Body), len(want.Body)) && got.Body[i] == want.Body[i] {
			i++
		}
		return fmt.Errorf("bodies of %d and %d bytes differ from byte %d", len(got.Body), len(want.Body), i)
	}
	return nil
}

// allTags reads a player to its end.
func allTags(t testing.TB, p *Player) []flv.Tag {
	t.Helper()
	ctx := testContext(t)
	var tags []flv.Tag
	for {
		tag, err := p.Next(ctx)
		if errors.Is(err, io.EOF) {
			return tags
		}
		if err != nil {
			t.Fatal(err)
		}
		tags = append(tags, tag)
	}
}

func target(t testing.TB, url string) Target {
	t.Helper()
	got, err := ParseTarget(url)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// errorHas says whether an error has a part in it; an empty part is no error.
func errorHas(err error, part string) bool {
	if part == "" {
		return err == nil
	}
	return err != nil && strings.Contains(err.Error(), part)
}
