package pipeline

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

var testClock = markers.Clock{Rate: media.FrameRate{Num: 30, Den: 1}, Epoch: time.Unix(1000, 0), FramesPerSegment: 10}

func fixedNow() time.Time { return time.Unix(2000, 0) }

// lines writes records in short for comparison.
func short(list []markers.MissingRecord) (s []string) {
	for _, m := range list {
		s = append(s, fmt.Sprintf("%d-%d %s", m.Frame, m.LastFrame, m.Reason))
	}
	return s
}

func TestCoverage(t *testing.T) {
	type step struct {
		first, last int64
		code        string
		due         []string
	}
	cases := map[string][]step{
		"published in order": {{3, 3, "", nil}, {4, 4, "", nil}},
		"a skip that is told early waits for what comes before": {
			{5, 6, "skipped", nil}, {3, 3, "", nil}, {4, 4, "", []string{"50-69 skipped"}}, {7, 7, "", nil}},
		"the encoder ends before a skip": {
			{5, 5, "skipped", nil}, {0, 7, "encoder", []string{"30-49 encoder", "50-59 skipped", "60-79 encoder"}}},
		"the first report stands": {
			{3, 3, "publish", []string{"30-39 publish"}}, {3, 3, "", nil}, {3, 4, "encoder", []string{"40-49 encoder"}}},
		"a hole between published segments is never closed by itself": {{3, 3, "", nil}, {5, 5, "", nil}, {6, 6, "encoder", nil}},
	}
	for name, steps := range cases {
		t.Run(name, func(t *testing.T) {
			c := newCoverage(testClock, 3, fixedNow)
			for i, s := range steps {
				why := reason{code: s.code}
				if got := short(c.report(s.first, s.last, why)); !slices.Equal(got, s.due) {
					t.Fatalf("step %d: due %v, want %v", i, got, s.due)
				}
			}
			for msn := range c.known {
				if msn < c.accounted() {
					t.Errorf("the report about slot %d is kept", msn)
				}
			}
		})
	}
}

// Whatever the order of the reports, each slot is told once, in order.
func TestCoverageAnyOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		const slots = 40
		fate := make([]string, slots)
		for i := range fate {
			fate[i] = []string{"", "skipped", "encoder"}[rnd.IntN(3)]
		}
		c := newCoverage(testClock, 0, fixedNow)
		var due []markers.MissingRecord
		for _, i := range rnd.Perm(slots) {
			due = append(due, c.report(int64(i), int64(i), reason{code: fate[i]})...)
		}
		if len(c.known) > 0 {
			t.Fatalf("%d reports are kept", len(c.known))
		}
		if c.accounted() != slots {
			t.Fatalf("accounted up to slot %d, want %d", c.accounted(), slots)
		}
		told := make([]string, slots)
		next := int64(0)
		for _, m := range due {
			if m.Frame < next {
				t.Fatalf("record %v out of order", m)
			}
			next = m.LastFrame + 1
			for msn := m.Frame / 10; msn <= m.LastFrame/10; msn++ {
				told[msn] = m.Reason
			}
		}
		if !slices.Equal(told, fate) {
			t.Fatalf("told %q, want %q", told, fate)
		}
	}
}
