package mirror

import (
	"errors"
	"slices"
	"testing"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/storetest"
)

func TestMirrorTriggers(t *testing.T) {
	server := storetest.StartRedis(t)
	m := runMirror(t, t.TempDir(), server)
	m.ok(m.PutChannel(m.ctx, storetest.Channel("main")))
	m.ok(m.there.Append(m.ctx, "main", markers.Batch{Triggers: []markers.Trigger{storetest.Trigger(100)}}))
	m.ok(m.Wait(m.ctx, "main", markers.Triggers, markers.AtFrame(100)))
	m.ok(m.Append(m.ctx, "main", markers.Batch{Triggers: []markers.Trigger{storetest.Trigger(200)}}))
	m.ok(m.there.Wait(m.ctx, "main", markers.Triggers, markers.AtFrame(200)))
	m.ok(m.there.Append(m.ctx, "main", markers.Batch{Triggers: []markers.Trigger{storetest.Trigger(300)}}))
	m.ok(m.Wait(m.ctx, "main", markers.Triggers, markers.AtFrame(300)))
	want := []markers.Trigger{storetest.Trigger(100), storetest.Trigger(200), storetest.Trigger(300)}
	for name, s := range map[string]markers.Store{"here": m, "there": m.there} {
		if got, err := s.Triggers(m.ctx, "main", markers.Range{}); err != nil || !slices.Equal(got, want) {
			t.Errorf("triggers %s: %v, %v", name, got, err)
		}
	}
	if n := m.LateTriggers(); n != 0 {
		t.Errorf("%d late triggers", n)
	}
}

// TestMirrorLateTrigger has a trigger written there before a later one is written here, while neither knows of the
// other.
func TestMirrorLateTrigger(t *testing.T) {
	server := storetest.StartRedis(t)
	dir := t.TempDir()
	m := runMirror(t, dir, server)
	m.ok(m.PutChannel(m.ctx, storetest.Channel("main")))
	m.ok(m.there.Append(m.ctx, "main", markers.Batch{Triggers: []markers.Trigger{storetest.Trigger(5)}}))
	m.ok(m.Wait(m.ctx, "main", markers.Triggers, markers.ID{}))
	server.Hang()
	m.ok(m.Append(m.ctx, "main", markers.Batch{Triggers: []markers.Trigger{storetest.Trigger(100)}}))
	server.Continue()
	err := m.there.Append(m.ctx, "main", markers.Batch{Triggers: []markers.Trigger{storetest.Trigger(50)}})
	if !errors.Is(err, markers.ErrLate) {
		m.ok(err)
	}
	m.ok(m.there.Wait(m.ctx, "main", markers.Triggers, markers.AtFrame(100)))
	there, err := m.there.Triggers(m.ctx, "main", markers.Range{From: markers.AtFrame(50), To: markers.EndOfFrame(50)})
	m.ok(err)
	// Whichever came first, the process that asked for 50 can find out, or the mirror has said it.
	m.until("the late trigger is counted", func() bool { return len(there) == 0 || m.LateTriggers() == 1 })
}
