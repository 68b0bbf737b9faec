package gaps

import (
	"context"
	"io"
	"iter"
	"testing"
	"time"

	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/recorder"
	"github.com/refstream/refstream/recorder/timing"
)

// attacked is a session in memory whose playlists and numbers say anything.
type attacked struct {
	texts     []string
	exchanges []recorder.Exchange
	versions  []recorder.Version
	segments  []recorder.Segment
	troubles  []recorder.Trouble
}

func each[T any](list []T) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for i := range list {
			if !yield(&list[i], nil) {
				return
			}
		}
	}
}

func (a *attacked) Info() recorder.Info { return recorder.Info{URL: a.texts[0]} }
func (a *attacked) Runs(context.Context) ([]recorder.Run, error) {
	return []recorder.Run{{ID: 1, Ended: 1 << 62}, {ID: 2}}, nil
}
func (a *attacked) Playlists(context.Context) ([]recorder.Playlist, error) {
	return []recorder.Playlist{{ID: 1, URL: a.texts[0], Kind: recorder.KindVariant, Name: a.texts[1]}, {ID: 2}}, nil
}
func (a *attacked) Exchanges(context.Context) iter.Seq2[*recorder.Exchange, error] {
	return each(a.exchanges)
}
func (a *attacked) Versions(context.Context, int64) iter.Seq2[*recorder.Version, error] {
	return each(a.versions)
}
func (a *attacked) Segments(context.Context, int64) iter.Seq2[*recorder.Segment, error] {
	return each(a.segments)
}
func (a *attacked) Troubles(context.Context) iter.Seq2[*recorder.Trouble, error] {
	return each(a.troubles)
}
func (a *attacked) Body(_ context.Context, b recorder.Body) ([]byte, error) {
	return []byte(a.texts[uint64(b)%uint64(len(a.texts))]), nil
}

// FuzzFind: whatever the rows and playlists say, there is a report.
func FuzzFind(f *testing.F) {
	f.Add("#EXTM3U\n#EXTINF:2,\na\n", "#EXTM3U\n#EXTINF:3,\na\n#EXTINF:3,\nb\n", int64(1), int64(2), int64(3))
	f.Add("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:9\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\n#EXTINF:2,\na\n",
		"#EXTM3U\n#EXT-X-DISCONTINUITY-SEQUENCE:7\n#EXT-X-TARGETDURATION:9223372036\n#EXTINF:9223372036,\nb\n", int64(-1), int64(1)<<62, int64(-1)<<63)
	f.Add("#EXTM3U\n#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXTINF:0,\na", "", int64(0), int64(0), int64(0))
	f.Fuzz(func(t *testing.T, one, two string, x, y, z int64) {
		a := &attacked{texts: []string{one, two}}
		for i := range int64(4) {
			run := 1 + i/2
			d := time.Duration(y)
			a.versions = append(a.versions, recorder.Version{
				ID: i, Run: run, Exchange: i, Body: recorder.Body(i), Seen: d, Unseen: time.Duration(z), Stale: x&4 != 0,
				Restarted: x&1 == i, Missed: z,
			})
			a.exchanges = append(a.exchanges,
				recorder.Exchange{ID: x, Run: run, Playlist: 1 + y&1, Resource: hlsclient.ResourcePlaylist, Body: recorder.Body(x + i), Began: d, Ended: time.Duration(x), Error: two},
				recorder.Exchange{ID: i, Run: run, Playlist: 1, Resource: hlsclient.ResourceSegment, URL: one, Body: recorder.Body(i), MSN: x, Began: time.Duration(z), Ended: d})
			a.segments = append(a.segments, recorder.Segment{
				ID: i, Run: run, Playlist: 1, Version: i, Exchange: i, MSN: x + i, Duration: time.Duration(z),
				Timing: &timing.Span{First: x, End: y},
			})
			a.troubles = append(a.troubles, recorder.Trouble{Moment: recorder.Moment{Run: run, At: d}, Playlist: y, Error: one})
		}
		r, err := Find(t.Context(), a, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.WriteTable(io.Discard); err != nil {
			t.Error(err)
		}
		if err := r.WriteJSON(io.Discard); err != nil {
			t.Error(err)
		}
	})
}
