// Package gaps analyzes a recorded HLS session (package recorder): successive versions of a playlist that are too far apart, and
// whatever else a monitor would flag. The rules are those of RFC 8216bis: 4.4.3 and 4.4.4 for the content of a playlist, 6.2.1
// and 6.2.2 for how it may change, 6.3.4 for how often it does.
//
// Each run is analyzed alone: a recording's own pauses are never reported. The time of a version is known to within the
// recorder's polling period, or less exactly if loadings failed or were slow: each gap has a shortest and a longest length.
package gaps

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/refstream/refstream/faults/verdict"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/recorder"
)

// session is what is read of a recorder.Session.
type session interface {
	Info() recorder.Info
	Runs(ctx context.Context) ([]recorder.Run, error)
	Playlists(ctx context.Context) ([]recorder.Playlist, error)
	Exchanges(ctx context.Context) iter.Seq2[*recorder.Exchange, error]
	Versions(ctx context.Context, playlist int64) iter.Seq2[*recorder.Version, error]
	Segments(ctx context.Context, playlist int64) iter.Seq2[*recorder.Segment, error]
	Troubles(ctx context.Context) iter.Seq2[*recorder.Trouble, error]
	Body(ctx context.Context, b recorder.Body) ([]byte, error)
}

type finder struct {
	ctx      context.Context
	s        session
	o        Options
	r        *Report
	versions map[int64]*history // by playlist what is known of each of their versions, by id
	fetches  map[int64]fetch    // the received segments, by the id of the exchange
	// open adds the gaps that last to the end of a run, for which it must be known when the playlist was loaded last.
	open []func()
	lost map[int64]Finding               // the failures of segments that were not received, by the id of the last exchange
	same map[variantKey][]variantSegment // the segments of all playlists that begin at one time stamp
}

// Find analyzes a session, which may still be recorded, and does not close it. The error is that of reading, of ctx, or lists the
// playlists if none is the requested one.
func Find(ctx context.Context, s session, o Options) (*Report, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	f := &finder{
		ctx: ctx, s: s, o: o, versions: map[int64]*history{}, fetches: map[int64]fetch{}, lost: map[int64]Finding{},
		same: map[variantKey][]variantSegment{},
		r:    &Report{Session: s.Info(), Counts: map[Kind]int64{}, kept: map[kept]int{}, ahead: o.Ahead},
	}
	if len(o.Faults) > 0 {
		f.r.labels = verdict.New(o.Faults)
	}
	err := f.find()
	f.r.finish()
	f.judge()
	if o.Show && err == nil {
		err = f.show()
	}
	if err != nil {
		return nil, fmt.Errorf("find gaps: %w", err)
	}
	return f.r, nil
}

func (f *finder) find() (err error) {
	if f.r.Runs, err = f.s.Runs(f.ctx); err != nil {
		return err
	}
	f.r.timeline = recorder.NewTimeline(f.r.Runs)
	list, err := f.s.Playlists(f.ctx)
	if err != nil {
		return err
	}
	if f.r.Playlists, err = choose(list, f.r.Session.URL, f.o.Playlist); err != nil {
		return err
	}
	for i := range f.r.Playlists {
		if err := f.readVersions(&f.r.Playlists[i]); err != nil {
			return err
		}
	}
	if err := f.readExchanges(); err != nil {
		return err
	}
	for _, add := range f.open {
		add()
	}
	for i := range f.r.Playlists {
		if err := f.readSegments(&f.r.Playlists[i]); err != nil {
			return err
		}
	}
	f.variants()
	for _, id := range slices.Sorted(maps.Keys(f.lost)) { // the recording ended before it gave them up
		lost := f.lost[id]
		lost.Text = fmt.Sprintf("segment %d failed: %s, it was not received before the recording ended", lost.MSN, lost.Text)
		f.r.add(lost)
	}
	return nil
}

// defaultTolerance is about three pictures, or five frames of AAC: how far apart encoders start their tracks.
const defaultTolerance = 100 * time.Millisecond

// Options are those of Find. The zero value reports everything, with the usual limits.
type Options struct {
	// Threshold is how far neighbouring versions may be apart; 0 for one and a half target durations of theirs.
	Threshold time.Duration
	// Playlist picks those that are checked: by URL, by path or the end of one, by name, or by id. Empty is all.
	Playlist string
	// Tolerance is the allowed difference of EXTINF from the time stamps, and of EXT-X-PROGRAM-DATE-TIME from the sum of EXTINF; 0
	// for 100 ms.
	Tolerance time.Duration
	// Lateness is how long after it was first requested a segment may be there; 0 for its duration and a target duration.
	Lateness time.Duration
	// Faults are the labelled faults of the stream: findings that they explain are left out. Ahead is how far the clock of the server
	// was ahead of the recorder's.
	Faults []markers.FaultRecord
	Ahead  time.Duration
	// Show adds to the report the two versions of the playlist around each finding, whole.
	Show bool
}

func (o *Options) validate() error {
	if min(o.Threshold, o.Tolerance, o.Lateness) < 0 {
		return errors.New("find gaps: the threshold, tolerance or lateness is negative: give 0 for the default")
	}
	if o.Tolerance == 0 {
		o.Tolerance = defaultTolerance
	}
	return nil
}
