package gaps

import (
	"context"
	"fmt"
	"iter"

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

// finder is one Find.
type finder struct {
	ctx context.Context
	s   session
	o   Options
	r   *Report
	// versions are by playlist what is known of each of their versions, by id.
	versions map[int64]*history
	// fetches are the segments that came, by the id of the exchange.
	fetches map[int64]fetch
	// open adds the gaps that last to the end of a run, for which it must be known when the playlist was loaded last.
	open []func()
	// lost are the failures of segments that did not come, by the id of the last exchange.
	lost map[int64]Finding
	// same are the segments of all playlists that begin at one time stamp.
	same map[variantKey][]variantSegment
}

// Find looks at a session, which may still be recorded, and reports what it finds. The session stays the caller's. An error
// says what can't be read, which playlists there are where none is the one that is asked for, or is that of ctx.
func Find(ctx context.Context, s *recorder.Session, o Options) (*Report, error) {
	return find(ctx, s, o)
}

func find(ctx context.Context, s session, o Options) (*Report, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	f := &finder{
		ctx: ctx, s: s, o: o, versions: map[int64]*history{}, fetches: map[int64]fetch{}, lost: map[int64]Finding{},
		same: map[variantKey][]variantSegment{},
		r:    &Report{Session: s.Info(), Counts: map[Kind]int64{}, kept: map[kept]int{}},
	}
	if err := f.find(); err != nil {
		return nil, fmt.Errorf("find gaps: %w", err)
	}
	f.r.finish()
	if o.Show {
		if err := f.show(); err != nil {
			return nil, fmt.Errorf("find gaps: %w", err)
		}
	}
	return f.r, nil
}

func (f *finder) find() (err error) {
	if f.r.Runs, err = f.s.Runs(f.ctx); err != nil {
		return err
	}
	f.r.begin()
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
	for _, id := range sortedKeys(f.lost) { // the recording ended before it gave them up
		lost := f.lost[id]
		lost.Text = fmt.Sprintf("%s failed: %s, it did not come before the recording ended", segmentRange(lost.MSN, lost.MSN), lost.Text)
		f.r.add(lost)
	}
	return nil
}
