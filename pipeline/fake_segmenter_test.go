package pipeline

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/stream"
)

var errDiskFull = errors.New("no space left on device")

// fakeSegmenter keeps slots as packager.Writer does, without files. TestFakeSegmenter holds the two against each other.
type fakeSegmenter struct {
	clock markers.Clock
	// stall is how long it takes to write the unit of a frame.
	stall map[int64]time.Duration
	// fails says which slots can't be written, noPlaylist after which ones the playlist can't.
	fails, noPlaylist func(msn int64) bool
	closeErr          error

	active        bool
	msn, newest   int64
	frames        map[int64]bool
	any, breaks   bool // a segment was published; the next one does not go on from it
	discontinuity int64

	published          []markers.SegmentRecord
	markers            map[string]int // by ID: how many segments were published before it was added
	addedTwice         []string
	abandoned, refused int
	closed             bool
}

// newFakeSegmenter goes on after the segments and markers of earlier runs.
func newFakeSegmenter(c markers.Clock, segments []markers.SegmentRecord, known []markers.Marker) *fakeSegmenter {
	s := &fakeSegmenter{clock: c, newest: -1, markers: map[string]int{}}
	for _, r := range segments {
		s.newest, s.any, s.breaks, s.discontinuity = r.MSN, true, true, r.DiscontinuitySequence
	}
	for _, m := range known {
		s.addMarker(m)
	}
	return s
}

func (s *fakeSegmenter) addMarker(m markers.Marker) {
	if _, twice := s.markers[m.ID]; twice {
		s.addedTwice = append(s.addedTwice, m.ID)
		return
	}
	s.markers[m.ID] = len(s.published)
}

func (s *fakeSegmenter) Write(au stream.Unit) (*markers.SegmentRecord, error) {
	if rendition(&au.Unit) != "" {
		return nil, nil
	}
	for _, m := range au.Markers {
		s.addMarker(m)
	}
	msn := s.clock.MSN(au.Frame)
	if d := s.stall[au.Frame]; d > 0 {
		<-time.After(d)
	}
	var lost error
	switch opens := au.Key && s.clock.Offset(au.Frame) == 0 && msn > s.newest; {
	case opens:
		if s.active {
			lost = s.giveUp(errors.New("the next slot began"))
		}
		s.active, s.msn, s.newest, s.frames = true, msn, msn, map[int64]bool{}
	case !s.active || msn != s.msn || s.frames[au.Frame]:
		s.refused++
		return nil, fmt.Errorf("write frame %d: %w", au.Frame, packager.ErrUnit)
	}
	s.frames[au.Frame] = true
	if int64(len(s.frames)) < s.clock.FramesPerSegment {
		return nil, lost
	}
	rec, err := s.publish()
	return rec, errors.Join(lost, err)
}

func (s *fakeSegmenter) publish() (*markers.SegmentRecord, error) {
	if s.fails != nil && s.fails(s.msn) {
		return nil, s.giveUp(errDiskFull)
	}
	r := markers.SegmentRecord{MSN: s.msn, FirstFrame: s.clock.FirstFrame(s.msn), Bytes: 188 * int64(len(s.frames)),
		PublishedAt: time.Now().UTC(), URI: packager.TS.SegmentFile(s.msn), Discontinuity: s.breaks, DiscontinuitySequence: s.discontinuity}
	r.LastFrame = r.FirstFrame + int64(len(s.frames)) - 1
	if s.breaks {
		r.DiscontinuitySequence++
	}
	s.active, s.any, s.breaks, s.discontinuity = false, true, false, r.DiscontinuitySequence
	s.published = append(s.published, r)
	if s.noPlaylist != nil && s.noPlaylist(r.MSN) {
		return &r, fmt.Errorf("%w: %w", packager.ErrPlaylist, errDiskFull)
	}
	return &r, nil
}

func (s *fakeSegmenter) giveUp(why error) error {
	s.active = false
	first := s.clock.FirstFrame(s.msn)
	return &packager.PublishError{MSN: s.msn, First: first, Last: s.last(), Err: why}
}

func (s *fakeSegmenter) last() int64 {
	last := int64(-1)
	for n := range s.frames {
		last = max(last, n)
	}
	return last
}

func (s *fakeSegmenter) Abandon() {
	s.abandoned++
	s.breaks = s.breaks || s.any
	s.active = false
}

func (s *fakeSegmenter) Close() (*markers.SegmentRecord, error) {
	s.closed = true
	if !s.active {
		return nil, s.closeErr
	}
	if int64(len(s.frames)) != s.last()-s.clock.FirstFrame(s.msn)+1 {
		return nil, errors.Join(s.giveUp(errors.New("the stream ended with a hole")), s.closeErr)
	}
	rec, err := s.publish()
	return rec, errors.Join(err, s.closeErr)
}

// x264's SPS for 1280x720 at 30000/1001, without pic_struct_present_flag and with it.
const (
	plainSPS = "6764001facd9405005bb011000003e90000ea600f1831960"
	testSPS  = "6764001facd9405005bb011000003e90000ea601f1831960"
)

func mustHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The fake and the real one answer alike to whatever an encoder gives them.
func TestFakeSegmenter(t *testing.T) {
	info := testInfo()
	c := info.Clock()
	sps := mustHex(t, testSPS)
	for seed := range uint64(12) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		o := packager.Options{Dir: t.TempDir(), Channel: info, Window: packager.MinWindow(c), Now: fixedNow}
		real, err := packager.New(o)
		if err != nil {
			t.Fatal(err)
		}
		fake := newFakeSegmenter(c, nil, nil)
		same := func(what string, got, want *markers.SegmentRecord, gotErr, wantErr error) {
			t.Helper()
			var a, b *packager.PublishError
			if errors.As(gotErr, &a) != errors.As(wantErr, &b) || errors.Is(gotErr, packager.ErrUnit) != errors.Is(wantErr, packager.ErrUnit) ||
				a != nil && (a.MSN != b.MSN || a.First != b.First || a.Last != b.Last) {
				t.Fatalf("seed %d, %s: error %v, want %v", seed, what, gotErr, wantErr)
			}
			if (got == nil) != (want == nil) || got != nil && (got.MSN != want.MSN || got.FirstFrame != want.FirstFrame ||
				got.LastFrame != want.LastFrame || got.URI != want.URI || got.Discontinuity != want.Discontinuity ||
				got.DiscontinuitySequence != want.DiscontinuitySequence) {
				t.Fatalf("seed %d, %s: record %+v, want %+v", seed, what, got, want)
			}
		}
		msn, b := int64(100), rnd.IntN(4)
		for range 12 {
			enc := newFakeEncoder(c, generator.Options{}, script{b: b, sps: sps})
			for i := range 1 + rnd.Int64N(c.FramesPerSegment) {
				enc.take(c.FirstFrame(msn) + i)
			}
			if rnd.IntN(3) == 0 {
				enc.reference()
			}
			for _, au := range enc.held {
				got, gotErr := fake.Write(stream.Unit{Unit: au})
				want, wantErr := real.Write(stream.Unit{Unit: au})
				same(fmt.Sprint("frame ", au.Frame), got, want, gotErr, wantErr)
			}
			if rnd.IntN(4) == 0 {
				fake.Abandon()
				real.Abandon()
			}
			msn += 1 + rnd.Int64N(2)
		}
		got, gotErr := fake.Close()
		want, wantErr := real.Close()
		same("close", got, want, gotErr, wantErr)
	}
}
