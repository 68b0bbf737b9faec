package gaps

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/recorder"
)

const maxStrange = 16 // how many contents of one stretch that may be no playlists are checked

type loads struct {
	// troubles are those of the playlist that were not checked yet, unexplained those that no loading explains.
	troubles, unexplained []recorder.Trouble
	last                  recorder.Moment // the loading before
	bad                   bool            // it was no playlist
	strange               []*strange      // the stretches of loadings without a version
	open                  bool            // the last of them is not over
}

// strange is a stretch of loadings in a row whose contents are no versions.
type strange struct {
	Finding
	bodies []recorder.Body
	ended  bool // there was a version afterwards
}

func (l *loads) take(f *finder, e *recorder.Exchange) {
	now := recorder.Moment{Run: e.Run, At: e.Began}
	l.explain(now)
	l.last = now
	h := f.versions[e.Playlist]
	if h != nil && h.exchanges[e.ID] {
		h.bodies[e.Body] = true // its compressed form is another content
	}
	known := h != nil && h.bodies[e.Body]
	l.bad = !known
	if e.Run != 0 && l.open && e.Error == "" && known {
		s := l.strange[len(l.strange)-1]
		s.Amount, s.ended, l.open = e.Ended-s.At, s.Run == e.Run, false
	}
	switch {
	case e.Error != "":
		l.bad = true
		return
	case !known:
		l.addStrange(e)
		return
	}
	h.loaded[e.Run] = e.Began
	if f.r.labels != nil {
		f.r.loadings = append(f.r.loadings, f.r.utc(now))
	}
	p := f.r.playlist(e.Playlist)
	if p == nil {
		return
	}
	p.Loadings++
	target := h.targetAt(now)
	if target == 0 { // a multivariant playlist has none
		for i := range f.r.Playlists {
			target = max(target, f.r.Playlists[i].TargetDuration)
		}
	}
	if took := e.Ended - e.Began; target > 0 && took > target/2 {
		f.r.add(Finding{
			Kind: KindPlaylistSlow, Playlist: e.Playlist, Moment: now, MSN: -1, Exchanges: addRow(nil, e.ID), Amount: took,
			Text: fmt.Sprintf("the answer took %s, more than half the target duration of %s", seconds(took), seconds(target)),
		})
	}
}

func (l *loads) addStrange(e *recorder.Exchange) {
	if !l.open || l.strange[len(l.strange)-1].Run != e.Run {
		l.strange = append(l.strange, &strange{Finding: Finding{
			Kind: KindUnparsable, Playlist: e.Playlist, Moment: recorder.Moment{Run: e.Run, At: e.Began}, MSN: -1,
		}})
		l.open = true
	}
	s := l.strange[len(l.strange)-1]
	s.Count++
	s.Amount = e.Ended - s.At
	s.Exchanges = addRow(s.Exchanges, e.ID)
	if len(s.bodies) < maxStrange && !slices.Contains(s.bodies, e.Body) {
		s.bodies = append(s.bodies, e.Body)
	}
}

// explain checks the troubles until now: one after a bad loading is its reason, which is reported already.
func (l *loads) explain(now recorder.Moment) {
	for len(l.troubles) > 0 {
		t := &l.troubles[0]
		if t.Run > now.Run || t.Run == now.Run && t.At >= now.At {
			return
		}
		if !l.bad || t.Run != l.last.Run {
			l.unexplained = append(l.unexplained, *t)
		}
		l.troubles = l.troubles[1:]
	}
}

func (l *loads) finish(f *finder) error {
	l.explain(recorder.Moment{Run: 1<<63 - 1})
	for _, t := range l.unexplained {
		f.r.add(Finding{Kind: KindTrouble, Playlist: t.Playlist, Moment: t.Moment, MSN: -1, Text: printable(t.Error)})
	}
	for _, s := range l.strange {
		why, err := f.unparsable(s)
		if err != nil {
			return err
		}
		if why == nil {
			continue // the session grew while it was read, or ended before the version was noted
		}
		until := "to the end of the recording"
		if s.ended {
			until = "until the next playlist"
		}
		s.Text = fmt.Sprintf("the answer is no such playlist: %s (%s, %s %s)", printable(why.Error()), plural(s.Count, "loading"),
			seconds(s.Amount), until)
		f.r.add(s.Finding)
	}
	return nil
}

// unparsable returns why the contents of a stretch are no playlists, nil if they are.
func (f *finder) unparsable(s *strange) (why, err error) {
	for _, id := range s.bodies {
		b, err := f.s.Body(f.ctx, id)
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(b, []byte("\x1f\x8b")) { // RFC 1952, 2.3.1
			if b, err = hlsclient.PlaylistText(http.Header{"Content-Encoding": {"gzip"}}, b); err != nil {
				return err, nil
			}
		}
		p, err := m3u8.Parse(bytes.NewReader(b))
		if err != nil {
			return err, nil
		}
		pl := f.r.playlist(s.Playlist)
		switch {
		case pl == nil:
		case pl.Kind == recorder.KindMultivariant && p.Multivariant == nil:
			return errors.New("it is a media playlist, and was one of variants"), nil
		case pl.Kind != recorder.KindMultivariant && p.Media == nil:
			return errors.New("it is a playlist of variants, and should be a media playlist"), nil
		}
	}
	return nil, nil
}
