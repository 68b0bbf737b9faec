package gaps

import (
	"bytes"
	"fmt"
	"sort"
	"time"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/recorder"
)

// tracker goes through the versions of a playlist in one run.
type tracker struct {
	f *finder
	p *PlaylistReport
	h *history

	run int64
	// prev is the last version that is not stale, last the last of all; nil at first.
	prev, last *loaded
	advance    *loaded // the last version that brought something new
	checked    int64   // the number after the last segment whose own tags were checked
	next       dated   // when segment nextMSN, the first after prev, should begin
	nextMSN    int64
	noTarget   bool     // there is a finding already that the playlist has no target duration
	stale      *Finding // an open finding
}

type loaded struct {
	recorder.Version
	m     *m3u8.Media
	dates []dated
}

// first is the number of its first segment, end that after its last.
func (l *loaded) first() int64 { return l.m.MediaSequence + l.m.Skipped }
func (l *loaded) end() int64   { return l.first() + int64(len(l.m.Segments)) }

func (f *finder) readVersions(p *PlaylistReport) error {
	h := &history{
		byID: map[int64]version{}, exchanges: map[int64]bool{}, bodies: map[recorder.Body]bool{}, loaded: map[int64]time.Duration{},
		sequences: map[place]int64{},
	}
	f.versions[p.ID] = h
	list, err := f.listVersions(p.ID)
	if err != nil {
		return err
	}
	t := &tracker{f: f, p: p, h: h}
	for i := range list {
		v := &list[i]
		h.bodies[v.Body], h.exchanges[v.Exchange] = true, true
		p.Versions++
		if p.Kind == recorder.KindMultivariant {
			continue
		}
		if v.Run != t.run {
			t.endRun()
			t = &tracker{f: f, p: p, h: h, run: v.Run}
		}
		l, err := f.load(v)
		if err != nil {
			return fmt.Errorf("read version %d of %s: %w", v.ID, p.title(), err)
		}
		if l != nil {
			t.take(l)
		}
	}
	t.endRun()
	return nil
}

// listVersions reads the versions of a playlist, without their bodies: the iteration may hold the only connection.
func (f *finder) listVersions(playlist int64) (list []recorder.Version, err error) {
	for v, err := range f.s.Versions(f.ctx, playlist) {
		if err != nil {
			return nil, err
		}
		list = append(list, *v)
	}
	return list, nil
}

// load parses a version. One that can't be parsed is nil: recorders don't call that a version.
func (f *finder) load(v *recorder.Version) (*loaded, error) {
	b, err := f.s.Body(f.ctx, v.Body)
	if err != nil {
		return nil, err
	}
	pl, err := m3u8.Parse(bytes.NewReader(b))
	if err != nil || pl.Media == nil {
		return nil, f.ctx.Err()
	}
	l := &loaded{Version: *v, m: pl.Media}
	l.dates = dates(pl.Media, pl.Version < wholeBefore)
	return l, nil
}

func (t *tracker) take(l *loaded) {
	t.describe(l)
	if l.Unseen >= 0 {
		t.p.uncertain = append(t.p.uncertain, l.Seen-l.Unseen)
	}
	t.last = l
	if l.Stale {
		t.p.Stale++
		t.addStale(l)
		return
	}
	t.endStale(l.Seen)
	if t.prev != nil {
		t.sequence(l)
		if l.Restarted {
			t.checked, t.next = l.first(), dated{}
		} else {
			t.changes(l)
		}
	} else {
		t.checked = l.first()
	}
	t.advances(l)
	if len(l.m.Segments) == 0 && t.prev != nil && len(t.prev.m.Segments) > 0 {
		f := t.finding(KindPlaylistEmpty, l)
		f.Text = "the playlist has no segments, and the one before had some"
		if l.m.End {
			f.Text += "; it is marked as complete"
		}
		t.f.r.add(f)
	}
	t.newSegments(l)
	if len(l.m.Segments) > 0 || t.prev == nil {
		t.prev = l
	}
}

// describe keeps what the segments of a version are judged by.
func (t *tracker) describe(l *loaded) {
	d := bounded(time.Duration(l.m.TargetDuration))
	v := version{
		seen: l.Seen, target: d, live: !l.m.End, first: t.last == nil, restarted: l.Restarted, iFrames: l.m.IFramesOnly,
	}
	for i := range l.m.Segments {
		t.h.sequences[place{l.Run, l.m.Segments[i].MSN}] = l.m.Segments[i].DiscontinuitySequence
		for _, k := range l.m.Segments[i].Keys {
			v.protected = v.protected || k.Method != "AES-128" || k.Format != "identity"
		}
	}
	v.whole = len(l.dates) > 0 && l.dates[0].whole
	t.h.byID[l.ID] = v
	if n := len(t.h.targets); !l.Stale && (n == 0 || t.h.targets[n-1].value != d) {
		if n > 0 && d > 0 && t.h.targets[n-1].Run == l.Run && !l.Restarted {
			f := t.finding(KindTargetDuration, l) // RFC 8216bis, 6.2.1
			f.Amount = d
			f.Text = fmt.Sprintf("EXT-X-TARGETDURATION was %s and is %s", seconds(t.h.targets[n-1].value), seconds(d))
			t.f.r.add(f)
		}
		t.h.targets = append(t.h.targets, target{recorder.Moment{Run: l.Run, At: l.Seen}, d})
	}
	t.p.TargetDuration = d
}

func (t *tracker) finding(kind Kind, l *loaded) Finding {
	return Finding{
		Kind: kind, Playlist: t.p.ID, Moment: recorder.Moment{Run: l.Run, At: l.Seen}, MSN: -1,
		Versions: addRow(nil, l.ID), Exchanges: addRow(nil, l.Exchange),
	}
}

// between makes a finding of a version and the one before.
func (t *tracker) between(kind Kind, l *loaded) Finding {
	f := t.finding(kind, l)
	f.Versions = []int64{t.prev.ID, l.ID}
	return f
}

func (t *tracker) addStale(l *loaded) {
	if t.stale == nil {
		f := t.finding(KindStale, l)
		if t.prev != nil && len(l.m.Segments) > 0 {
			f.Text = fmt.Sprintf("an older version was served, which ends with segment %d, after one to segment %d",
				l.end()-1, t.prev.end()-1)
		} else {
			f.Text = "an older version was served"
		}
		t.stale = &f
	}
	t.stale.Count++
	t.stale.Versions = addRow(t.stale.Versions, l.ID)
	t.stale.Exchanges = addRow(t.stale.Exchanges, l.Exchange)
}

func (t *tracker) endStale(at time.Duration) {
	if t.stale == nil {
		return
	}
	t.stale.Amount = max(0, at-t.stale.At)
	t.stale.Text += fmt.Sprintf(", for %s", seconds(t.stale.Amount))
	if t.stale.Count > 1 {
		t.stale.Text += fmt.Sprintf(" (%d older versions)", t.stale.Count)
	}
	t.f.r.add(*t.stale)
	t.stale = nil
}

func (t *tracker) endRun() {
	run := t.f.r.run(t.run)
	if run == nil || t.last == nil {
		return
	}
	t.endStale(run.Ended)
	if t.advance == nil || t.advance.m.End {
		return
	}
	if interval, threshold := run.Ended-t.advance.Seen, t.threshold(t.advance.m, nil); threshold > 0 && interval > threshold {
		t.f.open = append(t.f.open, func() { t.gap(nil, interval, threshold, run) })
	}
}

// history is what is kept of a playlist's versions.
type history struct {
	byID map[int64]version
	// exchanges brought versions, bodies are what they brought, and what the versions are.
	exchanges map[int64]bool
	bodies    map[recorder.Body]bool
	targets   []target                // the target durations, in order, one for each change
	loaded    map[int64]time.Duration // for each run when the last loading began that brought a version
	sequences map[place]int64         // the discontinuity sequence numbers of the segments
}

// place is a segment of a playlist.
type place struct{ run, msn int64 }

// version is what its segments are judged by.
type version struct {
	seen   time.Duration
	target time.Duration
	// live: without EXT-X-ENDLIST. first: the first of its run. restarted: the numbering is not continued.
	live, first, restarted bool
	// iFrames: its segments are single pictures. protected: some are encrypted in a way that recorders can't read. whole: EXTINF
	// is in whole seconds (RFC 8216, 4.3.2.1: before version 3).
	iFrames, protected, whole bool
}

// target is a target duration and since when it holds.
type target struct {
	recorder.Moment
	value time.Duration
}

// targetAt is the target duration that was known at a moment, or else the first; 0 if there is none.
func (h *history) targetAt(m recorder.Moment) time.Duration {
	if len(h.targets) == 0 {
		return 0
	}
	i := sort.Search(len(h.targets), func(i int) bool {
		t := &h.targets[i]
		return t.Run > m.Run || t.Run == m.Run && t.At > m.At
	})
	return h.targets[max(i-1, 0)].value
}

// bounded keeps durations that a stream claims from running over when they are added: 36 years are as good as any.
func bounded(d time.Duration) time.Duration { return min(d, 1<<60) }
