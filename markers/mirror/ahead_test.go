package mirror

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/journal"
	"github.com/refstream/refstream/markers/storetest"
)

// TestMirrorAhead has each log there end beyond the newest record here: what comes next is not taken in there, which the
// log, Ready and a count report until somebody has put it right.
func TestMirrorAhead(t *testing.T) {
	far := storetest.Frame(1_000_000)
	unknown := storetest.Frame(40)
	unknown.Generator = ""
	marker := storetest.Marker(1_000_000)
	marker.Generator = "g-2"
	for name, c := range map[string]struct {
		kind  markers.Kind
		batch markers.Batch
	}{
		"frames, far away":        {markers.Frames, markers.Batch{Frames: []markers.FrameRecord{far}}},
		"frames of nobody known":  {markers.Frames, markers.Batch{Frames: []markers.FrameRecord{unknown}}},
		"frames that are gone":    {markers.Frames, markers.Batch{Frames: storetest.Frames(40, 41)}},
		"markers of another's":    {markers.Markers, markers.Batch{Markers: []markers.Marker{marker}}},
		"segments":                {markers.Segments, markers.Batch{Segments: []markers.SegmentRecord{storetest.Segment(9000)}}},
		"a trigger, far too soon": {markers.Triggers, markers.Batch{Triggers: []markers.Trigger{storetest.Trigger(1_000_000)}}},
	} {
		t.Run(name, func(t *testing.T) {
			server := storetest.StartRedis(t)
			m := runMirror(t, t.TempDir(), server)
			m.ok(m.PutChannel(m.ctx, storetest.Channel("main")))
			m.frames(0, 10)
			m.arrived(0, 10)
			m.ok(m.Ready(m.ctx))
			m.ok(m.there.Append(m.ctx, "main", c.batch))
			next := int64(10)
			m.until("Ready reports it", func() bool {
				if next < 30 {
					m.frames(next, next+1)
					next++
				}
				err := m.Ready(m.ctx)
				return err != nil && strings.Contains(err.Error(), "ends with record") &&
					strings.Contains(err.Error(), "refstream:{main}:"+string(c.kind))
			})
			if n := m.Ahead()[c.kind]; n != 1 {
				t.Errorf("%d logs of %s are ahead", n, c.kind)
			}
			if !m.log.has("ends with record") {
				t.Errorf("log: %s", m.log.text.String())
			}
			if c.kind == markers.Frames && m.Pending()[markers.Frames] == 0 {
				t.Error("no frame is pending")
			}
			// As the error says.
			server.Command("DEL", "refstream:{main}:"+string(c.kind))
			m.until("all is well again", func() bool {
				return m.Ready(m.ctx) == nil && m.Ahead()[c.kind] == 0
			})
			m.arrived(0, next)
		})
	}
}

// TestMirrorOtherAhead has another generator's records there that are a little ahead: they are the same, and all is well.
func TestMirrorOtherAhead(t *testing.T) {
	m := runMirror(t, t.TempDir(), storetest.StartRedis(t))
	m.ok(m.PutChannel(m.ctx, storetest.Channel("main")))
	m.frames(0, 10)
	m.arrived(0, 10)
	other := storetest.Frames(10, 400)
	for i := range other {
		other[i].Generator = "g-2"
	}
	m.ok(m.there.Append(m.ctx, "main", markers.Batch{Frames: other[:1]}))
	var ahead sync.WaitGroup
	ahead.Go(func() { // it goes on while the mirror looks
		for _, f := range other[1:] {
			if err := m.there.Append(m.ctx, "main", markers.Batch{Frames: []markers.FrameRecord{f}}); err != nil {
				t.Error(err)
			}
		}
	})
	for f := int64(10); f < 400; f++ {
		m.ok(m.there.Wait(m.ctx, "main", markers.Frames, markers.AtFrame(f)))
		m.frames(f, f+1)
		m.ok(m.Ready(m.ctx))
	}
	ahead.Wait()
	m.frames(400, 410)
	m.ok(m.Flush(m.ctx))
	got, err := m.there.Frames(m.ctx, "main", markers.Range{})
	m.ok(err)
	if want := slices.Concat(storetest.Frames(0, 10), other, storetest.Frames(400, 410)); !slices.Equal(got, want) {
		t.Errorf("there\n%+v, want\n%+v", got, want)
	}
	if m.log.has("ends with record") {
		t.Errorf("log: %s", m.log.text.String())
	}
}

// TestMirrorMissing has two generators lack different frames, and find some of them missing late: all is there, also when
// a mirror begins anew, and when the server lost it.
func TestMirrorMissing(t *testing.T) {
	server := storetest.StartRedis(t)
	lacks := func(generator string, frames ...int64) (list []markers.MissingRecord) {
		for _, n := range frames {
			r := storetest.Missing(n)
			r.Generator = generator
			list = append(list, r)
		}
		return list
	}
	dirs := map[string]string{"g-1": t.TempDir(), "g-2": t.TempDir()}
	of := map[string][]int64{"g-1": {20, 40, 10, 60, 5}, "g-2": {600, 40, 80, 3}}
	var a *mirrorTest
	complete := func() {
		t.Helper()
		a.until("every record is there once", func() bool {
			got, err := a.there.Missing(a.ctx, "main", markers.Range{})
			a.ok(err)
			for generator, frames := range of {
				for _, r := range lacks(generator, frames...) {
					if !slices.ContainsFunc(got, r.Same) {
						return false
					}
				}
			}
			if len(got) != 9 {
				t.Fatalf("%d records there, want 9: %+v", len(got), got)
			}
			return true
		})
	}
	t.Run("at once", func(t *testing.T) {
		for _, generator := range []string{"g-2", "g-1"} {
			m := runMirror(t, dirs[generator], server)
			c := storetest.Channel("main")
			c.Generator = generator
			m.ok(m.PutChannel(m.ctx, c))
			for _, r := range lacks(generator, of[generator]...) {
				m.ok(m.Append(m.ctx, "main", markers.Batch{Missing: []markers.MissingRecord{r}}))
			}
			m.ok(m.Flush(m.ctx))
			a = m
		}
		complete()
	})
	t.Run("anew", func(t *testing.T) {
		for _, dir := range dirs {
			a = runMirror(t, dir, server)
		}
		a.ok(a.Flush(a.ctx))
		complete()
		a.ok(a.there.Delete(a.ctx, "main"))
		complete()
	})
}

// TestMirrorRestore gives a journal that lost its end the records back that its own generator wrote, and no others.
func TestMirrorRestore(t *testing.T) {
	server := storetest.StartRedis(t)
	there := newRedis(t, server.URL)
	defer there.Close()
	other := storetest.Frames(30, 31)
	other[0].Generator = "g-2"
	late := storetest.Missing(2)
	late.Place = markers.ID{Frame: 25, Sub: 2}
	b := markers.Batch{
		Frames:   slices.Concat(storetest.Frames(0, 30), other),
		Missing:  []markers.MissingRecord{storetest.Missing(25), late},
		Segments: []markers.SegmentRecord{storetest.Segment(0), storetest.Rendition("hd", 0)},
		Markers:  []markers.Marker{storetest.Marker(7)}, Triggers: []markers.Trigger{storetest.Trigger(90)},
	}
	for _, err := range []error{
		there.PutChannel(t.Context(), storetest.Channel("main")), there.Append(t.Context(), "main", b),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	j := openJournal(t, journal.Options{Dir: t.TempDir()})
	m := New(j, newRedis(t, server.URL), Options{})
	defer m.Close()
	if n, err := m.Restore(t.Context(), "main"); n != 0 || err != nil {
		t.Fatalf("a new data directory got %d records of another, %v", n, err)
	}
	for _, err := range []error{
		m.PutChannel(t.Context(), storetest.Channel("main")),
		m.Append(t.Context(), "main", markers.Batch{Frames: storetest.Frames(0, 20), Missing: []markers.MissingRecord{storetest.Missing(25)}}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int{14, 0} {
		if n, err := m.Restore(t.Context(), "main"); n != want || err != nil {
			t.Fatalf("%d records came back, %v: want %d", n, err, want)
		}
	}
	frames, err := j.Frames(t.Context(), "main", markers.Range{})
	if err != nil || !slices.Equal(frames, storetest.Frames(0, 30)) {
		t.Errorf("frames %+v, %v", frames, err)
	}
	if hd, err := j.Read(t.Context(), "main", markers.Segments.Of("hd"), markers.Range{}); err != nil || len(hd) != 1 {
		t.Errorf("segments of a rendition: %+v, %v", hd, err)
	}
	missing, err := j.Missing(t.Context(), "main", markers.Range{})
	if err != nil || !slices.Equal(missing, b.Missing) {
		t.Errorf("missing %+v, %v", missing, err)
	}
}

// TestMirrorBadTriggers has triggers there that no generator can take: they stay there, and the next one is taken.
func TestMirrorBadTriggers(t *testing.T) {
	server := storetest.StartRedis(t)
	m := runMirror(t, t.TempDir(), server)
	m.ok(m.PutChannel(m.ctx, storetest.Channel("main")))
	m.frames(0, 10)
	long, broken := storetest.Trigger(10), storetest.Trigger(11)
	long.LastFrame, broken.Text = 10+18_000, "two\nlines"
	m.ok(m.there.Append(m.ctx, "main", markers.Batch{Triggers: []markers.Trigger{long, broken}}))
	server.Command("XADD", "refstream:{main}:triggers", "12-1", "json", `{"frame":12,"last_frame":1000000000000}`)
	m.until("the one that can't be read is reported", func() bool {
		err := m.Ready(m.ctx)
		return err != nil && strings.Contains(err.Error(), "entry 12-1 of refstream:{main}:triggers")
	})
	m.ok(m.there.Append(m.ctx, "main", markers.Batch{Triggers: []markers.Trigger{storetest.Trigger(300)}}))
	m.ok(m.Wait(m.ctx, "main", markers.Triggers, markers.ID{}))
	got, err := m.Triggers(m.ctx, "main", markers.Range{})
	m.ok(err)
	if !slices.Equal(got, []markers.Trigger{storetest.Trigger(300)}) || m.RefusedTriggers() != 2 || m.LateTriggers() != 0 {
		t.Errorf("triggers %+v, %d refused, %d late", got, m.RefusedTriggers(), m.LateTriggers())
	}
	if !m.log.has("is too long") || !m.log.has("control character") {
		t.Errorf("log: %s", m.log.text.String())
	}
	server.Command("XDEL", "refstream:{main}:triggers", "12-1")
	m.until("all is well again", func() bool { return m.Ready(m.ctx) == nil })
}

// TestMirrorTriggerFarAhead has a trigger there that may be too far ahead: that is decided when it is known how far the
// stream has got, and the trigger behind it waits.
func TestMirrorTriggerFarAhead(t *testing.T) {
	server := storetest.StartRedis(t)
	m := runMirror(t, t.TempDir(), server)
	m.ok(m.PutChannel(m.ctx, storetest.Channel("main")))
	m.ok(m.there.Append(m.ctx, "main", markers.Batch{Triggers: []markers.Trigger{storetest.Trigger(9000), storetest.Trigger(99_000)}}))
	m.frames(8000, 8010)
	m.until("the second one is refused", func() bool { return m.RefusedTriggers() == 1 && m.log.has("as far ahead as may be") })
	m.ok(m.Wait(m.ctx, "main", markers.Triggers, markers.ID{}))
	got, err := m.Triggers(m.ctx, "main", markers.Range{})
	m.ok(err)
	if !slices.Equal(got, []markers.Trigger{storetest.Trigger(9000)}) {
		t.Errorf("triggers %+v", got)
	}
}

// TestMirrorIdle counts what a mirror asks the server while nothing happens there, an entry that can't be read at the end
// of a log included.
func TestMirrorIdle(t *testing.T) {
	server := storetest.StartRedis(t)
	m := runMirror(t, t.TempDir(), server)
	m.ok(m.PutChannel(m.ctx, storetest.Channel("main")))
	m.frames(0, 10)
	server.Command("XADD", "refstream:{main}:triggers", "5-1", "json", "{")
	m.until("the entry is met", func() bool { return m.Ready(m.ctx) != nil })
	reads := func() int {
		_, text, _ := strings.Cut(server.Command("INFO", "commandstats"), "cmdstat_xrange:calls=")
		n := 0
		for _, c := range text {
			if c < '0' || c > '9' {
				break
			}
			n = 10*n + int(c-'0')
		}
		return n
	}
	before := reads()
	m.ok(m.there.Append(m.ctx, "main", markers.Batch{Triggers: []markers.Trigger{storetest.Trigger(300)}}))
	m.ok(m.Wait(m.ctx, "main", markers.Triggers, markers.ID{}))
	if n := reads() - before; n > 100 {
		t.Errorf("%d reads until the next trigger came", n)
	}
}
