package api

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
)

// Triggers that no POST can have made are in the log: they are passed over, or named where they block it.
func TestBadTriggersInTheLog(t *testing.T) {
	for name, bad := range map[string]markers.Trigger{
		"for ever":     {Frame: 2000, LastFrame: 1_000_000_000_000},
		"an hour long": {Frame: 2000, LastFrame: 2000 + 3600*30},
		"broken text":  {Frame: 2000, LastFrame: 4000, Text: "two\nlines"},
	} {
		t.Run(name, func(t *testing.T) {
			f := live(t)
			f.append(markers.Batch{Triggers: []markers.Trigger{bad}})
			if w := f.post("{}"); w.Code != http.StatusAccepted {
				t.Errorf("trigger: %d %s", w.Code, w.Body)
			}
			event, _, err := f.server.eventAt(context.Background(), testChannel("main"), quiet(t, 3500, 1))
			if err != nil || event {
				t.Errorf("a frame to come shows the event of the bad trigger: %v, %v", event, err)
			}
		})
	}
	f := live(t)
	f.append(markers.Batch{Triggers: []markers.Trigger{{Frame: 5_000_000, LastFrame: 1_000_000_000_000}}})
	if w := f.post("{}"); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "frame 5000000") {
		t.Errorf("trigger: %d %s", w.Code, w.Body)
	}
}
