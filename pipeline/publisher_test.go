package pipeline

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

// The queue of a channel with more tracks is longer. Where it is full, the slot is given up in all of them: the next one that is queued
// begins with the first rendition's key picture, and nothing of a slot that was given up comes behind it.
func TestPublisherGivesUpSlotsOfAllTracks(t *testing.T) {
	info := testInfo()
	info.FramesPerSegment = 2
	c := &Channel{Info: info, Ladder: []Rung{{}}, Sound: func() (soundProcess, error) { return newFakeSound(), nil }, Logger: slog.New(slog.DiscardHandler), Metrics: NewMetrics(prometheus.NewRegistry(), "main")}
	p := newPublisher(c, newCoverage(info.Clock(), 50, time.Now), false)
	other := &media.Track{Codec: media.H264, Timescale: media.TicksPerSecond, Rendition: "small"}
	// The other rendition is three frames behind.
	step := func(n int64) {
		for _, u := range []media.Unit{{Frame: n, Key: n%2 == 0}, {Track: other, Frame: n - 3, Key: n%2 == 1}} {
			if err := p.Write(stream.Unit{Unit: u}); err != nil {
				t.Fatal(err)
			}
		}
	}
	taken := func() (list []string) {
		for len(p.queue) > 0 {
			m := <-p.queue
			switch {
			case m.abandon:
				list = append(list, fmt.Sprintf("up to slot %d: %s", m.last, m.why.code))
			case m.unit.Track == nil:
				list = append(list, fmt.Sprint(m.unit.Frame))
			default:
				list = append(list, fmt.Sprint(m.unit.Frame, " small"))
			}
		}
		return list
	}
	room := 4 * int(c.unitsPerSegment())
	for n := int64(100); n < 121; n++ {
		step(n)
	}
	if got := len(taken()); got != room || room != 4*(2*2+4) { // 3203 samples are 3 or 4 units of sound
		t.Errorf("%d units are queued, want %d: 4 slots of all tracks", got, room)
	}
	for n := int64(121); n < 128; n++ {
		step(n)
	}
	want := fmt.Sprintf("up to slot 60: %s, 122, 123, 124, 125, 122 small, 126, 123 small, 127, 124 small", markers.ReasonPublish)
	if got := strings.Join(taken(), ", "); got != want {
		t.Errorf("behind the slots that were given up are queued\n%s, want\n%s", got, want)
	}
}

// A stop while slots are given up, and later ones were skipped: the former have the reason that they had, from the first one on.
func TestStopWhileSlotsAreGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		script
		stop    int64
		account string
	}{
		// The queue is full with frame 1059; frame 1075 takes so long that the slots behind 1080 are skipped.
		"and the last are skipped":     {script{}, 1102, "1060-1079 publish, 1080-1109 skipped"},
		"with frames in the encoder":   {script{lookahead: 15, stuck: true}, 1102, "1060-1069 publish, 1070-1079 encoder, 1080-1109 skipped"},
		"others follow, not yet whole": {script{}, 1134, "1060-1079 publish, 1080-1109 skipped"}, // those are the next run's
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				c.slow = map[int64]time.Duration{65: 1010 * time.Millisecond}
				r.scripts = []script{c.script}
				r.set = func() { r.hls.stall = map[int64]time.Duration{1019: time.Minute / 2} }
				r.start()
				r.until(c.stop)
				r.stop()
				r.want("1010-1019, 1020-1029, 1030-1039, 1040-1049, 1050-1059, " + c.account)
				r.check()
			})
		})
	}
}
