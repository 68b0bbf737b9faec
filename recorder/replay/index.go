package replay

import (
	"cmp"
	"context"
	"net/url"
	"slices"

	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/recorder"
)

// index knows all that was requested. Contents stay in the session.
type index struct {
	mapping   mapping
	timeline  recorder.Timeline
	byPath    map[string]*resource   // with the query, as it is written
	loose     map[string][]*resource // by the path alone, unescaped
	playlists []*resource            // those that were requested, that of the session first
}

func readIndex(ctx context.Context, s source) (*index, error) {
	m, err := newMapping(s.Info().URL)
	if err != nil {
		return nil, err
	}
	runs, err := s.Runs(ctx)
	if err != nil {
		return nil, err
	}
	x := &index{mapping: m, timeline: recorder.NewTimeline(runs), byPath: map[string]*resource{}, loose: map[string][]*resource{}}
	urls, err := s.URLs(ctx)
	if err != nil {
		return nil, err
	}
	for _, u := range urls {
		if err := x.read(ctx, s, u); err != nil {
			return nil, err
		}
	}
	u, err := parseAddress(s.Info().URL)
	if err != nil {
		return nil, err
	}
	first := x.byPath[m.path(u)]
	if first == nil || len(first.outcomes) == 0 {
		return nil, errNothing
	}
	x.playlists = append([]*resource{first}, slices.DeleteFunc(x.playlists, func(r *resource) bool { return r == first })...)
	return x, nil
}

func (x *index) read(ctx context.Context, s source, address string) error {
	var r *resource
	for e, err := range s.Outcomes(ctx, address) {
		if err != nil {
			return err
		}
		if r == nil {
			if r, err = x.resource(address); err != nil {
				return err
			}
		}
		if e.Resource == hlsclient.ResourcePlaylist && !r.listed {
			r.playlist, r.listed = true, true
			x.playlists, r.ids = append(x.playlists, r), map[int64]bool{}
		}
		if e.Resource == hlsclient.ResourcePlaylist && e.Playlist != 0 {
			r.ids[e.Playlist] = true
		}
		o := newOutcome(e, x.timeline.Offset(recorder.Moment{Run: e.Run}))
		if o.final, err = x.resource(o.base); err != nil {
			return err
		}
		o.final.playlist = o.final.playlist || r.playlist
		if o.final != r && !slices.Contains(o.final.from, r) {
			o.final.from = append(o.final.from, r)
		}
		r.add(o)
	}
	if r != nil { // spellings of one address are one resource
		slices.SortStableFunc(r.outcomes, func(a, b outcome) int { return cmp.Compare(a.began, b.began) })
	}
	return nil
}

// resource finds what is at an address, or makes it known.
func (x *index) resource(address string) (*resource, error) {
	u, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	at := x.mapping.path(u)
	if r := x.byPath[at]; r != nil {
		return r, nil
	}
	r := &resource{path: at}
	x.byPath[at] = r
	p := at // without its query, unescaped
	if u, err := url.ParseRequestURI(at); err == nil {
		p = u.Path
	}
	x.loose[p] = append(x.loose[p], r)
	return r, nil
}

// find finds the resource of a request, nil for none. An unknown query is ignored if the path is unique; escapes may differ from
// the playlist's.
func (x *index) find(u *url.URL) *resource {
	if u.Path == streamPath {
		return x.playlists[0]
	}
	if r := x.byPath[requestURI(u)]; r != nil {
		return r
	}
	list := x.loose[u.Path]
	if len(list) == 1 {
		return list[0]
	}
	for _, r := range list {
		if v, err := url.ParseRequestURI(r.path); err == nil && (v.RawQuery == u.RawQuery || v.Query().Encode() == u.Query().Encode()) {
			return r
		}
	}
	return nil
}
