package outputs

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

const (
	testGOP  = 25 // frames, and frames/s
	testStep = 3600
)

// source makes units without end of one GOP that ffmpeg has encoded.
type source struct {
	gop     []media.Unit // in decoding order, PTS and DTS from that of the first picture
	padding []byte       // a NAL unit that makes each unit larger, or nil
	epoch   time.Time
}

// encoded is the GOP of all sources, which is made once.
var encoded struct {
	once sync.Once
	gop  []media.Unit
}

// newSource makes a source whose units are each made larger by padding bytes.
func newSource(t testing.TB, padding int) *source {
	t.Helper()
	encoded.once.Do(func() { encoded.gop = encodeGOP(t) })
	s := &source{gop: encoded.gop, epoch: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	if padding > 0 {
		s.padding = userData(padding)
	}
	return s
}

// encodeGOP encodes 320x180 with B-frames.
func encodeGOP(t testing.TB) (gop []media.Unit) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25",
		"-frames:v", fmt.Sprint(testGOP), "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-b_strategy", "0", "-g", fmt.Sprint(testGOP),
		"-flags", "+cgop", "-f", "mpegts", "-muxdelay", "0", "pipe:1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, &stderr)
	}
	r := ts.NewReader(bytes.NewReader(out))
	for {
		au, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		gop = append(gop, au)
	}
	if len(gop) != testGOP || !gop[0].Key {
		t.Fatalf("ffmpeg made %d units", len(gop))
	}
	first := gop[0].PTS
	for i := range gop {
		gop[i].PTS -= first
		gop[i].DTS -= first
	}
	return gop
}

// userData is a SEI message of type user_data_unregistered (H.264, D.1.6) that says nothing.
func userData(n int) []byte {
	b := []byte{6, 5}
	for size := n; ; size -= 255 {
		if size < 255 {
			b = append(b, byte(size))
			break
		}
		b = append(b, 255)
	}
	return append(append(b, bytes.Repeat([]byte{0x55}, n)...), 0x80)
}

// unit is the i-th in decoding order. The 30th picture of each 50 has a marker.
func (s *source) unit(i int) stream.Unit {
	au := s.gop[i%testGOP]
	shift := int64(i / testGOP * testGOP * testStep)
	au.PTS += markers.PTSOrigin + shift
	au.DTS += markers.PTSOrigin + shift
	au.Frame = (au.PTS - markers.PTSOrigin) / testStep
	if s.padding != nil {
		// Before the slices, after what else there is.
		at := slices.IndexFunc(au.NALs, func(nal []byte) bool { return nal[0]&31 == 1 || nal[0]&31 == 5 })
		au.NALs = slices.Insert(slices.Clone(au.NALs), at, s.padding)
	}
	channel := testChannel()
	clock := channel.Clock()
	u := stream.Unit{Unit: au, Record: markers.FrameRecord{
		Frame: au.Frame, PTS: au.PTS, DTS: au.DTS, Timecode: clock.Timecode(au.Frame).String(), UTC: clock.UTC(au.Frame),
		GenNS: clock.UTC(au.Frame).UnixNano(), Key: au.Key, MSN: clock.MSN(au.Frame), Offset: clock.Offset(au.Frame), Bytes: au.Size(),
	}}
	if au.Frame%50 == 30 {
		u.Markers = []markers.Marker{{
			ID: fmt.Sprint("event-", au.Frame), Channel: channel.Name, Kind: markers.KindScheduled, Text: "test", Frame: au.Frame,
			LastFrame: au.Frame + 5, PTS: au.PTS, LastPTS: au.PTS + 5*testStep, UTC: u.Record.UTC, GenTime: u.Record.UTC,
		}}
	}
	return u
}

// tsOf is the stream of units [from, to) as a transport stream, each unit by itself.
func (s *source) tsOf(t testing.TB, to int) (units [][]byte) {
	t.Helper()
	m := ts.NewMuxer()
	for i := range to {
		u := s.unit(i)
		b, err := m.Unit(u.Unit, annotate.ID3(u.Markers...)...)
		if err != nil {
			t.Fatal(err)
		}
		units = append(units, b)
	}
	return units
}

// flvOf is what a player gets who begins with unit from, of a stream of to units that has ended.
func (s *source) flvOf(t testing.TB, from, to int) []byte {
	t.Helper()
	var file bytes.Buffer
	m, w := flv.NewMuxer(testFLV()), flv.NewWriter(&file)
	write := func(tags []flv.Tag) {
		if err := w.Write(tags...); err != nil {
			t.Fatal(err)
		}
	}
	for i := range to {
		u := s.unit(i)
		c, err := m.Unit(u.Unit, annotate.Scripts(u.Record, u.Markers))
		if err != nil {
			t.Fatal(err)
		}
		if i == from {
			write(c.Head)
		}
		if i >= from {
			write(c.Tags)
		}
	}
	write(m.Flush())
	return file.Bytes()
}

func testChannel() markers.Channel {
	return markers.Channel{
		Name: "main", Run: 1, Epoch: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Rate: media.FrameRate{Num: 25, Den: 1},
		FramesPerSegment: testGOP, PTSOrigin: markers.PTSOrigin, Width: 320, Height: 180,
	}
}

func testFLV() flv.Options {
	return flv.Options{Rate: media.FrameRate{Num: 25, Den: 1}, Encoder: "libx264", Version: "refstream test"}
}

// logged is a log in memory.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// patience is how long anything may take here, on the slowest machine.
const patience = 2 * time.Minute

// slow is how long a consumer may take for one access unit where the test waits for one to be dropped that takes none:
// longer than a busy machine stops the others.
const slow = 5 * time.Second

// newHub makes a hub that tries again soon and gives nothing up for being slow, as only the machine is, and its log. At the test's end it is closed, and nothing may be left running.
func newHub(t testing.TB, change ...func(*Options)) (*Hub, *logged) {
	t.Helper()
	log := &logged{}
	o := Options{
		Channel: testChannel(), FLV: testFLV(), Now: time.Now, WriteTimeout: patience,
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&o)
	}
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	h.times = times{
		connect: patience, first: 5 * time.Millisecond, most: 50 * time.Millisecond, steady: 300 * time.Millisecond,
		quiet: time.Minute, farewell: 100 * time.Millisecond, open: patience, trailer: patience, kill: patience,
	}
	t.Cleanup(func() {
		h.Close()
		noneLeft(t)
	})
	return h, log
}

// noneLeft fails the test unless all goroutines of this package and of those that serve it end.
func noneLeft(t testing.TB) {
	t.Helper()
	left := func() string {
		buf := make([]byte, 1<<20)
		var found []string
		for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if !strings.Contains(g, "noneLeft") && (strings.Contains(g, "refstream/outputs.") || strings.Contains(g, "format/rtmp.") ||
				strings.Contains(g, "refstream/stream.")) && !strings.Contains(g, "testing.(*T).Run(") && !strings.Contains(g, "testing/synctest.") {
				found = append(found, g)
			}
		}
		return strings.Join(found, "\n\n")
	}
	if !await(func() bool { return left() == "" }) {
		t.Errorf("these are left running:\n%s", left())
	}
}

// await waits for something to become true, as long as patience at the most.
func await(done func() bool) bool {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-limit.C:
			return false
		}
	}
	return true
}

// eventually fails the test unless something becomes true.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	if !await(done) {
		t.Fatalf("in vain waited for %s", what)
	}
}

// statusOf is the status of the first output of a kind, empty while there is none.
func statusOf(t testing.TB, h *Hub, kind string) Status {
	t.Helper()
	for _, s := range h.Status() {
		if s.Kind == kind {
			return s
		}
	}
	return Status{}
}

// write gives the hub units [from, to).
func (s *source) write(t testing.TB, h *Hub, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := h.Write(s.unit(i)); err != nil {
			t.Error(err)
			return
		}
	}
}

// listen is a listener on loopback.
func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// tail gathers what comes over a connection.
type tail struct {
	mu   sync.Mutex
	b    []byte
	err  error // io.EOF at the end
	done chan struct{}
}

func gather(r io.Reader) *tail {
	g := &tail{done: make(chan struct{})}
	go func() {
		defer close(g.done)
		buf := make([]byte, 256<<10)
		for {
			n, err := r.Read(buf)
			g.mu.Lock()
			g.b, g.err = append(g.b, buf[:n]...), err
			g.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return g
}

func (g *tail) len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.b)
}

// all waits for the end and returns everything.
func (g *tail) all(t testing.TB) ([]byte, error) {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-g.done:
	case <-limit.C:
		t.Fatal("the stream does not end")
	}
	return g.b, g.err
}

// same fails the test at the first byte in which two streams differ.
func same(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	t.Errorf("%s: %d bytes, want %d; they differ from byte %d on", what, len(got), len(want), i)
}

// join puts pieces together.
func join(pieces [][]byte) []byte { return bytes.Join(pieces, nil) }
