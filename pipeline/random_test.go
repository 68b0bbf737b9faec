package pipeline

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/packager"
)

// Faults of all kinds at random frames, over several runs of one channel, some of which are killed: what check wants
// holds always. A failure names its seed.
func TestRandomFaults(t *testing.T) {
	for seed := range uint64(40) {
		inBubble(t, func(r *rig) { randomFaults(r, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func randomFaults(r *rig, seed uint64) {
	// Encoders are made on another goroutine, with random numbers of their own.
	rnd, encoders := rand.New(rand.NewPCG(seed, 42)), rand.New(rand.NewPCG(seed, 43))
	r.info.Seed = rnd.Uint64N(1000)
	r.info.EventLength = 1 + rnd.Int64N(60)
	r.info.EventEvery = r.info.EventLength + 2 + rnd.Int64N(20)
	triggers := rnd.IntN(3) == 0
	if triggers {
		quietRig(r)
	}
	b, lookahead := rnd.IntN(4), []int{0, 0, 4, 15}[rnd.IntN(4)]
	r.next = func() script { return randomScript(encoders, b, lookahead) }
	r.set = func() { randomDisk(rnd, r.hls, r.info.Clock().FrameAt(r.pacer.Now())) }
	lastTrigger := int64(0)
	for range 1 + rnd.IntN(3) {
		if rnd.IntN(4) == 0 {
			r.store.dies.Store(rnd.Int64N(150))
		}
		r.start()
		for range 1 + rnd.IntN(8) {
			r.pass(time.Duration(rnd.Int64N(int64(1500 * time.Millisecond))))
			switch rnd.IntN(6) {
			case 0:
				r.store.diskFull.Store(rnd.IntN(2) == 0)
			case 1:
				r.pacer.step.Store(rnd.Int64N(int64(2 * time.Second)))
			case 2:
				if n := r.info.Clock().FrameAt(r.pacer.Now()) + 2 + rnd.Int64N(20); triggers && n > lastTrigger+1 {
					lastTrigger = n + rnd.Int64N(30)
					r.accept(n, lastTrigger, "")
				}
			}
		}
		randomEnd(r, rnd)
		r.pass(time.Duration(rnd.Int64N(int64(time.Second))))
	}
	// A last run without faults: everything before it is accounted for then.
	r.next, r.set = nil, nil
	r.start()
	r.pass(4 * segmentTime)
	r.stop()
	r.check()
	segments := r.segments()
	if first := r.encoders[len(r.encoders)-1].wrote[0]; len(segments) == 0 || segments[len(segments)-1].LastFrame < first+20 {
		r.t.Errorf("the last run began at frame %d; account %q", first, r.account())
	}
	if r.t.Failed() {
		r.t.Logf("account %q\nlog:\n%s", r.account(), strings.Join(r.log.lines(), ""))
	}
}

func randomScript(rnd *rand.Rand, b, lookahead int) script {
	s := script{b: b, lookahead: lookahead, after: 1 + rnd.IntN(90), stuck: rnd.IntN(4) == 0, slow: map[int64]time.Duration{}}
	switch rnd.IntN(12) {
	case 0, 1, 2:
		s.fate = dies
	case 3:
		s.fate = diesInWrite
	case 4:
		s.fate = ends
	case 5:
		s.fate = hangs
	}
	for range rnd.IntN(4) {
		s.slow[rnd.Int64N(90)] = time.Duration(rnd.Int64N(int64(1500 * time.Millisecond)))
	}
	return s
}

func randomDisk(rnd *rand.Rand, s *fakeSegmenter, now int64) {
	bad := map[int64]bool{}
	for range rnd.IntN(4) {
		bad[s.clock.MSN(now)+rnd.Int64N(20)] = true
	}
	s.fails = func(msn int64) bool { return bad[msn] }
	s.noPlaylist = func(msn int64) bool { return bad[msn+1] }
	s.stall = map[int64]time.Duration{}
	for range rnd.IntN(3) {
		s.stall[now+rnd.Int64N(100)] = time.Duration(rnd.Int64N(int64(4 * time.Second)))
	}
}

// randomEnd ends a run by a stop or a kill.
func randomEnd(r *rig, rnd *rand.Rand) {
	if r.store.dead.Load() || rnd.IntN(5) == 0 {
		r.kill()
		return
	}
	r.cancel()
	if err := r.ended(); err != nil && !errors.Is(err, packager.ErrPlaylist) && !strings.Contains(err.Error(), "encode first frame") {
		r.t.Errorf("run %d ended with %v", r.info.Run, err)
	}
	r.store.dies.Store(-1)
	if r.store.dead.Load() { // while it stopped
		r.killed = true
		r.store.dead.Store(false)
	}
}
