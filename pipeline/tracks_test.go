package pipeline

import (
	"testing"
	"testing/synctest"

	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

// Where so few frames are missing that there is no room for a new stretch of sound before the next one, the samples follow each other
// without a hole; where more are, the sound begins anew, with what the encoder needs before.
func TestSoundBehindMissingFrames(t *testing.T) {
	rate := media.FrameRate{Num: 60, Den: 1} // 800 samples a frame
	for next, want := range map[int64]int64{102: 102 * 800, 103: whole(102 * 800), 200: whole(200*800) - encoder.SoundLead} {
		synctest.Test(t, func(t *testing.T) {
			enc := newFakeSound()
			s := &soundTrack{soundProcess: enc, rate: rate}
			go func() {
				for _, n := range []int64{100, 101, next} {
					if err := s.feed(t.Context(), frame{n: n}); err != nil {
						t.Errorf("frame %d: %v", n, err)
					}
				}
				close(enc.ended)
			}()
			at, last := int64(0), stretchOfSound{}
			for ended := false; !ended; {
				select {
				case in := <-enc.input:
					if at > 0 && in.first < at {
						t.Errorf("frame %d: samples from %d on follow %d", next, in.first, at)
					}
					at, last = in.first+int64(len(in.samples)/2), in
				case <-enc.ended:
					ended = true
				}
			}
			if last.first != want || at != (next+1)*800 || next > 102 && want%aac.UnitSamples != 0 {
				t.Errorf("frame %d: the last samples are %d to %d, want them from %d on", next, last.first, at, want)
			}
		})
	}
}

// An encoder waits only for those who can take its units: not while the next unit is of another track, whose encoder may wait for the
// frames that it has to take first.
func TestGatheringWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGathering(2)
		put := 0
		go func() {
			for i := range int64(3 * maxWaiting) {
				g.put(0, stream.Unit{Unit: media.Unit{DTS: i}})
				put++
			}
		}()
		synctest.Wait()
		if put != 3*maxWaiting {
			t.Errorf("%d units were taken while another track had none", put)
		}
		go func() {
			g.put(1, stream.Unit{Unit: media.Unit{DTS: 10 * maxWaiting}})
			g.put(0, stream.Unit{})
			put++
		}()
		synctest.Wait()
		if put != 3*maxWaiting {
			t.Error("a unit was taken though many wait and can leave")
		}
		for range 2*maxWaiting + 1 {
			g.get()
		}
		synctest.Wait()
		if put != 3*maxWaiting+1 {
			t.Error("there is room and the encoder still waits")
		}
		g.stop()
		if g.put(0, stream.Unit{}) {
			t.Error("a unit was taken after the end")
		}
	})
}
