package mirror

import (
	"errors"
	"testing"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/journal"
	"github.com/refstream/refstream/markers/storetest"
)

// Detections of all processes are in one log, in the remote store, which is trimmed with the others. While it hangs they are
// refused, and nothing else waits. Those that a journal has of its own from before are left alone.
func TestMirrorDetections(t *testing.T) {
	server, dir := storetest.StartRedis(t), t.TempDir()
	alone := openJournal(t, journal.Options{Dir: dir})
	old := markers.Batch{Detections: []markers.Detection{storetest.Detection(1)}}
	if err := errors.Join(alone.Append(t.Context(), "main", old), alone.Close()); err != nil {
		t.Fatal(err)
	}
	m := runMirror(t, dir, server)
	m.ok(m.PutChannel(m.ctx, storetest.Channel("main")))
	m.ok(m.there.Append(m.ctx, "main", markers.Batch{Detections: []markers.Detection{storetest.Detection(5)}}))
	m.ok(m.Append(m.ctx, "main", markers.Batch{Frames: storetest.Frames(0, 9), Detections: []markers.Detection{storetest.Detection(4)}}))
	m.ok(m.Wait(m.ctx, "main", markers.Detections, markers.ID{Frame: 5, Sub: 1}))
	if list, err := m.Detections(m.ctx, "main", markers.Range{}); err != nil || len(list) != 2 || list[1].Frame != 4 {
		t.Errorf("detections %+v, %v", list, err)
	}
	m.arrived(0, 9)
	server.Hang()
	if err := m.Append(m.ctx, "main", markers.Batch{Detections: []markers.Detection{storetest.Detection(6)}}); !errors.Is(err, markers.ErrUnavailable) {
		t.Errorf("a hung server: %v", err)
	}
	m.ok(m.Trim(m.ctx, "main", markers.Detections, markers.ID{Frame: 5, Sub: 2}))
	server.Continue()
	m.until("the trim goes along", func() bool {
		list, err := m.Detections(m.ctx, "main", markers.Range{})
		return err == nil && len(list) == 1 && list[0].Frame == 4
	})
	if lost, err := m.Lost(), m.Ready(m.ctx); lost[markers.Detections] != 0 || err != nil {
		t.Errorf("lost %v, %v", lost, err)
	}
}
