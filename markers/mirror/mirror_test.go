package mirror

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/journal"
	"github.com/refstream/refstream/markers/redis"
	"github.com/refstream/refstream/markers/storetest"
)

// patience bounds what should happen soon.
const patience = 2 * time.Minute

func openJournal(t *testing.T, o journal.Options) *journal.Journal {
	t.Helper()
	j, err := journal.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func newRedis(t *testing.T, url string) *redis.Store {
	t.Helper()
	s, err := redis.New(redis.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// logBuffer is a log that a test reads.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) has(s string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(b.text.String(), s)
}

// mirrorTest is a running mirror of a journal to a server, and a look at that server past the mirror.
type mirrorTest struct {
	*testing.T
	*Mirror
	ctx   context.Context
	there *redis.Store
	log   *logBuffer
}

func runMirror(t *testing.T, dir string, server *storetest.RedisServer) *mirrorTest {
	t.Helper()
	return runMirrorTo(t, dir, server, newRedis(t, server.URL))
}

// runMirrorTo is runMirror through a given store on the server.
func runMirrorTo(t *testing.T, dir string, server *storetest.RedisServer, remote remoteStore) *mirrorTest {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	m := &mirrorTest{T: t, ctx: ctx, there: newRedis(t, server.URL), log: &logBuffer{}}
	m.Mirror = New(openJournal(t, journal.Options{Dir: dir}), remote,
		Options{Logger: slog.New(slog.NewTextHandler(m.log, nil))})
	ended := make(chan error, 1)
	go func() { ended <- m.Mirror.Run(ctx) }()
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("close mirror: %v", err)
		}
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
		m.there.Close()
	})
	return m
}

func (m *mirrorTest) ok(err error) {
	m.Helper()
	if err != nil {
		m.Fatal(err)
	}
}

func (m *mirrorTest) frames(from, to int64) {
	m.Helper()
	m.ok(m.Append(m.ctx, "main", markers.Batch{Frames: storetest.Frames(from, to)}))
}

// until looks every few milliseconds whether something has come true.
func (m *mirrorTest) until(what string, come func() bool) {
	m.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !come() {
		select {
		case <-tick.C:
		case <-m.ctx.Done():
			m.Fatalf("%s: it has not come in time", what)
		}
	}
}

// arrived checks that the server holds the frames from from to to, without to, in order, once each.
func (m *mirrorTest) arrived(from, to int64) {
	m.Helper()
	m.ok(m.Flush(m.ctx))
	recs, err := m.there.Frames(m.ctx, "main", markers.Range{})
	m.ok(err)
	if want := storetest.Frames(from, to); !slices.Equal(recs, want) {
		m.Fatalf("%d frames there, want %d: from %d to %d", len(recs), len(want), from, to-1)
	}
}

func TestMirrorConforms(t *testing.T) {
	server := storetest.StartRedis(t)
	var dir string
	var stop func()
	open := func(t *testing.T) markers.Store {
		journal := openJournal(t, journal.Options{Dir: dir})
		m := New(journal, newRedis(t, server.URL), Options{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- m.Run(ctx) }()
		stop = func() {
			cancel()
			<-ended
		}
		return m
	}
	storetest.Run(t, storetest.Options{
		Open: func(t *testing.T) markers.Store {
			dir = t.TempDir()
			clearRedis(t, server)
			return open(t)
		},
		Reopen: func(t *testing.T, s markers.Store) markers.Store {
			stop()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t)
		},
	})
}

func clearRedis(t *testing.T, server *storetest.RedisServer) {
	s := newRedis(t, server.URL)
	defer s.Close()
	for _, name := range []string{"a", "b", "c", "main", "other", "none", "new", "zero"} {
		if err := s.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMirrorCopies(t *testing.T) {
	m := runMirror(t, t.TempDir(), storetest.StartRedis(t))
	m.ok(m.PutChannel(m.ctx, storetest.Channel("main")))
	b := storetest.Batch()
	b.Frames = storetest.Frames(0, 1234)
	m.ok(m.Append(m.ctx, "main", b))
	m.arrived(0, 1234)
	for _, k := range markers.Kinds() {
		ours, err := m.Last(m.ctx, "main", k)
		m.ok(err)
		theirs, err := m.there.Last(m.ctx, "main", k)
		m.ok(err)
		if ours != theirs || ours == (markers.ID{}) {
			t.Errorf("last %s: here %s, there %s", k, ours, theirs)
		}
	}
	if c, err := m.there.Channel(m.ctx, "main"); err != nil || c != storetest.Channel("main") {
		t.Errorf("channel there: %+v, %v", c, err)
	}
	// A trim goes along, soon after the next record.
	m.ok(m.Trim(m.ctx, "main", markers.Frames, markers.AtFrame(1000)))
	m.frames(1234, 1235)
	m.until("the trim goes along", func() bool {
		first, err := m.there.Frames(m.ctx, "main", markers.Range{Limit: 1})
		m.ok(err)
		return first[0].Frame == 1000
	})
	if lost := m.Lost(); lost[markers.Frames] != 0 {
		t.Errorf("lost %v", lost)
	}
}

// TestMirrorOutage has the server away at first, killed again and again under appends, and once come back empty.
func TestMirrorOutage(t *testing.T) {
	server := storetest.StartRedis(t)
	server.Kill()
	m := runMirror(t, t.TempDir(), server)
	m.ok(m.PutChannel(m.ctx, storetest.Channel("main")))
	next := int64(0)
	add := func(n int64) {
		for range n {
			m.frames(next, next+1)
			next++
		}
	}
	add(700)
	m.until("the outage is logged", func() bool {
		add(1) // appends go on
		return m.log.has("records wait in the journal")
	})
	if err := m.Ready(m.ctx); !errors.Is(err, markers.ErrUnavailable) || !strings.Contains(err.Error(), "frames") {
		t.Fatalf("Ready while the server is away: %v", err)
	}
	if n := m.Pending()[markers.Frames]; n != next {
		t.Fatalf("%d frames pending, want %d", n, next)
	}
	server.Start()
	m.arrived(0, next)
	for range 3 {
		add(50)
		server.Kill()
		add(50)
		server.Start()
		add(50)
	}
	m.arrived(0, next)
	server.Kill()
	add(10)
	server.Clear()
	server.Start()
	add(10)
	// Nothing is appended any more: the mirror finds by itself what is missing.
	m.ok(m.there.Wait(m.ctx, "main", markers.Frames, markers.ID{Frame: next - 2, Sub: 1}))
	m.arrived(0, next)
	m.until("the channel is described again", func() bool {
		_, err := m.there.Channel(m.ctx, "main")
		return err == nil
	})
	if lost := m.Lost()[markers.Frames]; lost != 0 {
		t.Errorf("%d frames lost", lost)
	}
}

// TestMirrorEmptiedIdle has the server lose everything between two records, without an error that tells of it.
func TestMirrorEmptiedIdle(t *testing.T) {
	server := storetest.StartRedis(t)
	m := runMirror(t, t.TempDir(), server)
	m.ok(m.PutChannel(m.ctx, storetest.Channel("main")))
	m.frames(0, 100)
	m.arrived(0, 100)
	m.ok(m.there.Delete(m.ctx, "main"))
	m.frames(100, 101)
	m.arrived(0, 101)
}

// emptying is a store whose server is emptied when the mirror has asked for the end of a log and is about to append to it.
type emptying struct {
	*redis.Store
	server *storetest.RedisServer
	kind   markers.Kind
	when   atomic.Bool
}

func (e *emptying) AppendAfter(ctx context.Context, channel string, k markers.Kind, end markers.ID, b markers.Batch,
) (bool, error) {
	if k == e.kind && e.when.CompareAndSwap(true, false) {
		e.server.Command("FLUSHALL")
	}
	return e.Store.AppendAfter(ctx, channel, k, end, b)
}

// TestMirrorEmptiedUnderAppend has the server lose everything between the mirror's look at the end of a log and its append:
// nobody who reads there meanwhile sees a log with a hole, and all comes again.
func TestMirrorEmptiedUnderAppend(t *testing.T) {
	batch := func(k markers.Kind, frames ...int64) (b markers.Batch) {
		for _, n := range frames {
			switch k {
			case markers.Frames:
				b.Frames = append(b.Frames, storetest.Frame(n))
			case markers.Missing:
				b.Missing = append(b.Missing, storetest.Missing(n))
			default:
				b.Markers = append(b.Markers, storetest.Marker(n))
			}
		}
		return b
	}
	for name, c := range map[string]struct {
		kind markers.Kind
		next int64
	}{
		"frames": {markers.Frames, 40}, "markers": {markers.Markers, 40},
		"missing": {markers.Missing, 40}, "missing, known late": {markers.Missing, 15},
	} {
		t.Run(name, func(t *testing.T) {
			server := storetest.StartRedis(t)
			remote := &emptying{Store: newRedis(t, server.URL), server: server, kind: c.kind}
			m := runMirrorTo(t, t.TempDir(), server, remote)
			m.ok(m.PutChannel(m.ctx, storetest.Channel("main")))
			m.ok(m.Append(m.ctx, "main", batch(c.kind, 10, 20, 30)))
			m.ok(m.Flush(m.ctx))
			remote.when.Store(true)
			m.ok(m.Append(m.ctx, "main", batch(c.kind, c.next)))
			// What is there is always a beginning of what is here.
			m.until("all is there again", func() bool {
				here, there := m.frameNumbers(m.Mirror, c.kind), m.frameNumbers(m.there, c.kind)
				if n := len(there); n > len(here) || !slices.Equal(there, here[:n]) {
					t.Fatalf("%v there, %v here", there, here)
				}
				return !remote.when.Load() && len(there) == 4
			})
		})
	}
}

// frameNumbers lists the frames of the records of a kind in the order of their log.
func (m *mirrorTest) frameNumbers(s markers.Store, k markers.Kind) (list []int64) {
	m.Helper()
	frames, err := s.Frames(m.ctx, "main", markers.Range{})
	m.ok(err)
	missing, err := s.Missing(m.ctx, "main", markers.Range{})
	m.ok(err)
	known, err := s.Markers(m.ctx, "main", markers.Range{})
	m.ok(err)
	switch k {
	case markers.Frames:
		for _, r := range frames {
			list = append(list, r.Frame)
		}
	case markers.Missing:
		for _, r := range missing {
			list = append(list, r.Frame)
		}
	default:
		for _, r := range known {
			list = append(list, r.ScheduledFrame)
		}
	}
	return list
}

// TestMirrorHang has the server hang: appends, trims and descriptions go on at once. No disk takes part.
func TestMirrorHang(t *testing.T) {
	server := storetest.StartRedis(t)
	m := runMirror(t, "", server)
	m.ok(m.PutChannel(m.ctx, storetest.Channel("main")))
	m.frames(0, 10)
	m.arrived(0, 10)
	server.Hang()
	f := int64(10)
	m.until("the outage is logged", func() bool {
		m.frames(f, f+1)
		m.ok(m.PutChannel(m.ctx, storetest.Channel("main")))
		m.ok(m.Trim(m.ctx, "main", markers.Missing, markers.AtFrame(f)))
		f++
		return m.log.has("records wait in the journal")
	})
	// One that waits for the server has done one thing when it is known to hang.
	if f < 10+5 {
		t.Errorf("a hung server held up the local store: %d frames were appended", f-10)
	}
	last, err := m.Last(m.ctx, "main", markers.Frames)
	m.ok(err)
	server.Continue()
	m.arrived(0, last.Frame+1)
}

// TestMirrorTrimmedBeforeCopied loses records to the server, and says so; it goes on with what there is.
func TestMirrorTrimmedBeforeCopied(t *testing.T) {
	server := storetest.StartRedis(t)
	m := runMirror(t, t.TempDir(), server)
	m.frames(0, 10)
	m.arrived(0, 10)
	server.Kill()
	m.frames(10, 100)
	m.until("the outage is logged", func() bool { return m.log.has("records wait in the journal") })
	held := m.Pending()[markers.Frames] // what a failed append holds is not lost by the trim
	m.ok(m.Trim(m.ctx, "main", markers.Frames, markers.AtFrame(90)))
	lost := m.Lost()[markers.Frames]
	server.Start()
	m.ok(m.Flush(m.ctx))
	recs, err := m.there.Frames(m.ctx, "main", markers.Range{From: markers.AtFrame(10)})
	m.ok(err)
	if int64(len(recs))+lost != held {
		t.Fatalf("%d frames came, %d are counted as lost, of %d", len(recs), lost, held)
	}
	if lost > 0 != m.log.has("were trimmed before") {
		t.Errorf("%d frames lost, log %v", lost, m.log.text.String())
	}

	// The same while it is not known what the server has.
	server.Kill()
	dir := t.TempDir()
	j := openJournal(t, journal.Options{Dir: dir})
	m.ok(j.Append(m.ctx, "fresh", markers.Batch{Frames: storetest.Frames(0, 50)}))
	m.ok(j.Close())
	u := runMirror(t, dir, server)
	u.ok(u.Trim(u.ctx, "fresh", markers.Frames, markers.AtFrame(20)))
	if n := u.Lost()[markers.Frames]; n != 0 {
		t.Fatalf("%d frames lost before anything is known", n)
	}
	server.Start()
	u.ok(u.there.Wait(u.ctx, "fresh", markers.Frames, markers.ID{Frame: 48, Sub: 1}))
	if n := u.Lost()[markers.Frames]; n != 20 {
		t.Fatalf("%d frames lost, want 20", n)
	}
}

// TestMirrorOtherStream refuses to add to the records of another stream.
func TestMirrorOtherStream(t *testing.T) {
	server := storetest.StartRedis(t)
	there := newRedis(t, server.URL)
	defer there.Close()
	other := storetest.Channel("main")
	other.Seed = 5
	if err := there.PutChannel(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	m := runMirror(t, t.TempDir(), server)
	m.ok(m.PutChannel(m.ctx, storetest.Channel("main")))
	m.frames(0, 10)
	m.until("the log names the other stream", func() bool { return m.log.has("another stream") })
	if err := m.Ready(m.ctx); err == nil || !strings.Contains(err.Error(), "seed 5") {
		t.Errorf("Ready: %v", err)
	}
	if last, err := there.Last(m.ctx, "main", markers.Frames); err != nil || last != (markers.ID{}) {
		t.Errorf("last frame there: %v, %v", last, err)
	}
	// The other one goes away, and the records come.
	m.ok(there.Delete(m.ctx, "main"))
	m.arrived(0, 10)
}

// TestMirrorTwoGenerators has two mirrors of one stream write each record once, and one of them go on where the other
// ends.
func TestMirrorTwoGenerators(t *testing.T) {
	server := storetest.StartRedis(t)
	a, b := runMirror(t, t.TempDir(), server), runMirror(t, t.TempDir(), server)
	var group sync.WaitGroup
	for _, m := range []*mirrorTest{a, b} {
		m.ok(m.PutChannel(m.ctx, storetest.Channel("main")))
		group.Go(func() {
			for f := range int64(300) {
				if err := m.Append(m.ctx, "main", markers.Batch{Frames: storetest.Frames(f, f+1)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	a.arrived(0, 300)
	b.arrived(0, 300)
	b.frames(300, 400)
	b.arrived(0, 400)
}

// TestMirrorLatency measures the time from a local append to the record at the server.
func TestMirrorLatency(t *testing.T) {
	m := runMirror(t, t.TempDir(), storetest.StartRedis(t))
	var took []time.Duration
	for f := range int64(300) {
		began := time.Now()
		m.frames(f, f+1)
		m.ok(m.there.Wait(m.ctx, "main", markers.Frames, markers.AtFrame(f)))
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("p50 %v, p99 %v, most %v", took[150], took[297], took[299])
	// A tenth of a second is far more than it takes, and far less than any timer or retry.
	if took[150] > 100*time.Millisecond {
		t.Errorf("it takes %v from a local append to the server", took[150])
	}
}
