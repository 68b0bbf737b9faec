package mirror

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
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
	for _, k := range b.Kinds() {
		ours, err := m.Last(m.ctx, "main", k)
		m.ok(err)
		theirs, err := m.there.Last(m.ctx, "main", k)
		m.ok(err)
		if ours != theirs || ours == (markers.ID{}) {
			t.Errorf("last %s: here %s, there %s", k, ours, theirs)
		}
	}
	if c, err := m.there.Channel(m.ctx, "main"); err != nil || !reflect.DeepEqual(c, storetest.Channel("main")) {
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
