package mirror

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/storetest"
)

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

// TestMirrorRenditions has two renditions go on at their own pace while the server is away, and after a restart: all is copied.
func TestMirrorRenditions(t *testing.T) {
	server, dir := storetest.StartRedis(t), t.TempDir()
	m := runMirror(t, dir, server)
	add := func(list ...markers.SegmentRecord) {
		t.Helper()
		m.ok(m.Append(m.ctx, "main", markers.Batch{Segments: list}))
	}
	same := func(fast, slow int) {
		t.Helper()
		for k, want := range map[markers.Kind]int{markers.Segments: fast, markers.Segments.Of("hd"): slow} {
			m.until(fmt.Sprintf("%d of %s here and there", want, k), func() bool {
				here, err := m.Read(m.ctx, "main", k, markers.Range{})
				m.ok(err)
				there, err := m.there.Read(m.ctx, "main", k, markers.Range{})
				return err == nil && len(here) == want && reflect.DeepEqual(here, there)
			})
		}
	}
	m.ok(m.PutChannel(m.ctx, storetest.Channel("main")))
	add(storetest.Segment(0), storetest.Segment(1), storetest.Segment(2))
	add(storetest.Rendition("hd", 0))
	same(3, 1)
	server.Kill()
	server.Clear()
	add(storetest.Segment(3))
	add(storetest.Rendition("hd", 1), storetest.Rendition("hd", 2))
	if n := m.Pending()[markers.Segments]; n < 3 {
		t.Errorf("%d segments wait, want 3 at least", n)
	}
	m.ok(m.Close())
	server.Start()
	m = runMirror(t, dir, server)
	same(4, 3)
	m.ok(m.Trim(m.ctx, "main", markers.Segments.Of("hd"), markers.AtFrame(60)))
	add(storetest.Rendition("hd", 3))
	same(4, 3)
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
