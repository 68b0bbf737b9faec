package mpd

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Eyevinn/dash-mpd/mpd"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/media"
)

// elsewhere is a reference to what belongs into the manifest (5.5).
var elsewhere = regexp.MustCompile(`\sxlink:href\s*=\s*["'][^"']`)

// maxSegments bounds the segments of a Representation: a day of those of 0.5 s.
const maxSegments = 200_000

// Reader reads manifests as a client of HLS does playlists: one with several Representations is a multivariant playlist, whose URIs
// are fragments (#0, #1 ...), and each Representation a media playlist, with the Periods one after the other.
type Reader struct {
	// Now is the wall clock, by which segments become available that a template alone describes.
	Now time.Time
	// Representation is the fragment of the one to read, such as "0"; empty for the only one, or the list of all.
	Representation string
}

// Read reads a manifest. numbered reports whether the segments' numbers are their own: else they count from the first that is listed.
// What is written in clear text by others is read as far as it can be; an error names what can't.
func (r Reader) Read(text []byte) (p *m3u8.Playlist, numbered bool, err error) {
	m, err := Parse(text)
	if err != nil {
		return nil, false, err
	}
	if elsewhere.Match(text) {
		return nil, false, errors.New("read manifest: a part of it is elsewhere (xlink:href), which is not read")
	}
	names := tracksOf(m.Periods[len(m.Periods)-1])
	if r.Representation == "" && len(names) != 1 {
		if len(names) == 0 {
			return nil, false, errors.New("read manifest: it has no Representation of video or sound")
		}
		return &m3u8.Playlist{Version: 1, Multivariant: multivariant(names)}, false, nil
	}
	i := 0
	if r.Representation != "" {
		if i, err = strconv.Atoi(r.Representation); err != nil || i < 0 || i >= len(names) {
			return nil, false, fmt.Errorf("read manifest: it has no Representation %s any more", r.Representation)
		}
	}
	l := lister{now: r.Now, m: m, media: &m3u8.Media{End: m.GetType() == mpd.STATIC_TYPE || m.MinimumUpdatePeriod == nil && m.MediaPresentationDuration != nil}}
	if l.start, err = ParseDateTime(m.AvailabilityStartTime); err != nil {
		return nil, false, fmt.Errorf("read manifest: availabilityStartTime %w", err)
	}
	if err := l.periods(names[i]); err != nil {
		return nil, false, fmt.Errorf("read manifest: %w", err)
	}
	return &m3u8.Playlist{Version: 1, Media: l.media}, l.numbered && len(m.Periods) == 1, nil
}

// track is a Representation with what it is in.
type track struct {
	set *mpd.AdaptationSetType
	rep *mpd.RepresentationType
}

// kind is video or audio, or another.
func (t track) kind() string {
	for _, name := range []string{string(t.set.ContentType), t.set.MimeType, t.rep.MimeType} {
		if kind, _, _ := strings.Cut(name, "/"); kind != "" {
			return kind
		}
	}
	return ""
}

// tracksOf are those of video and sound of a Period.
func tracksOf(p *mpd.Period) (list []track) {
	for _, set := range p.AdaptationSets {
		for _, rep := range set.Representations {
			if t := (track{set, rep}); t.kind() == "video" || t.kind() == "audio" {
				list = append(list, t)
			}
		}
	}
	return list
}

// same finds the one of another Period that continues t.
func (t track) same(list []track) (track, bool) {
	if i := slices.IndexFunc(list, func(o track) bool { return o.rep.Id == t.rep.Id && o.kind() == t.kind() }); i >= 0 {
		return list[i], true
	}
	i := slices.IndexFunc(list, func(o track) bool { return o.kind() == t.kind() })
	if i < 0 {
		return track{}, false
	}
	return list[i], true
}

// multivariant lists tracks. Where there is no video, sound is what is listed.
func multivariant(list []track) *m3u8.Multivariant {
	m := &m3u8.Multivariant{}
	video := slices.ContainsFunc(list, func(t track) bool { return t.kind() == "video" })
	for i, t := range list {
		uri, id := "#"+strconv.Itoa(i), m3u8.Attribute{Name: "ID", Value: t.rep.Id, Quoted: true}
		if t.kind() == "audio" && video {
			m.Renditions = append(m.Renditions, m3u8.Rendition{Type: "AUDIO", GroupID: "audio", Name: t.rep.Id, Language: t.set.Lang, URI: uri,
				Attributes: []m3u8.Attribute{id}})
			continue
		}
		v := m3u8.Variant{URI: uri, Bandwidth: int64(t.rep.Bandwidth), Codecs: t.rep.GetCodecs(), FrameRate: string(t.rep.FrameRate),
			Width: int64(t.rep.Width), Height: int64(t.rep.Height), Attributes: []m3u8.Attribute{id}}
		if v.Width == 0 {
			v.Width, v.Height = int64(t.set.Width), int64(t.set.Height)
		}
		if v.FrameRate == "" {
			v.FrameRate = string(t.set.FrameRate)
		}
		m.Variants = append(m.Variants, v)
	}
	return m
}

// lister lists the segments of a track.
type lister struct {
	now      time.Time
	m        *mpd.MPD
	start    time.Time // availabilityStartTime
	media    *m3u8.Media
	numbered bool
}

// periods lists all Periods' segments.
func (l *lister) periods(last track) error {
	at, first := time.Duration(0), true
	for i, p := range l.m.Periods {
		if p.Start != nil {
			at = time.Duration(*p.Start)
		}
		end := time.Duration(math.MaxInt64)
		switch {
		case p.Duration != nil:
			end = at + time.Duration(*p.Duration)
		case i+1 < len(l.m.Periods) && l.m.Periods[i+1].Start != nil:
			end = time.Duration(*l.m.Periods[i+1].Start)
		case l.m.MediaPresentationDuration != nil:
			end = time.Duration(*l.m.MediaPresentationDuration)
		}
		t, ok := last.same(tracksOf(p))
		if ok {
			from := len(l.media.Segments)
			if err := l.period(p, t, at, end); err != nil {
				return fmt.Errorf("period %q: %w", p.Id, err)
			}
			if !first && len(l.media.Segments) > from {
				l.media.Segments[from].Discontinuity = true
			}
			first = first && len(l.media.Segments) == from
		}
		at = end
	}
	number, longest := int64(0), media.Seconds(0)
	for i := range l.media.Segments {
		s := &l.media.Segments[i]
		if s.Discontinuity {
			number++
		}
		if s.DiscontinuitySequence = number; len(l.m.Periods) > 1 {
			s.MSN = int64(i)
		}
		longest = max(longest, s.Duration)
	}
	if len(l.media.Segments) > 0 {
		l.media.MediaSequence = l.media.Segments[0].MSN
	}
	l.media.TargetDuration = longest
	if l.media.TargetDuration == 0 && l.m.MinimumUpdatePeriod != nil {
		l.media.TargetDuration = media.Seconds(*l.m.MinimumUpdatePeriod)
	}
	return nil
}

// period lists the segments of a Period from at to end in MPD time.
func (l *lister) period(p *mpd.Period, t track, at, end time.Duration) error {
	if len(t.set.ContentProtections)+len(t.rep.ContentProtections) > 0 {
		return errors.New("it is encrypted (ContentProtection): only clear text is read")
	}
	base := ""
	for _, list := range [][]*mpd.BaseURLType{l.m.BaseURL, p.BaseURLs, t.set.BaseURLs, t.rep.BaseURLs} {
		if len(list) > 0 {
			base = join(base, strings.TrimSpace(string(list[0].Value)))
		}
	}
	w := walk{lister: l, base: base, track: t, at: at, end: end}
	switch {
	case p.SegmentTemplate != nil || t.set.SegmentTemplate != nil || t.rep.SegmentTemplate != nil:
		return w.template(mergeTemplates(p.SegmentTemplate, t.set.SegmentTemplate, t.rep.SegmentTemplate))
	case p.SegmentList != nil || t.set.SegmentList != nil || t.rep.SegmentList != nil:
		return errors.New("its segments are in a SegmentList, which is not read")
	case base == "":
		return errors.New("it names no segments")
	}
	// A whole file, which has its index in itself.
	d := end - at
	if end == math.MaxInt64 {
		d = 0
	}
	l.media.Segments = append(l.media.Segments, m3u8.MediaSegment{URI: base, Duration: media.Seconds(d)})
	return nil
}

// mergeTemplates puts templates together: what an inner one has counts (ISO/IEC 23009-1, 5.3.9.1).
func mergeTemplates(list ...*mpd.SegmentTemplateType) (m mpd.SegmentTemplateType) {
	for _, t := range list {
		if t == nil {
			continue
		}
		override(&m.Timescale, t.Timescale)
		override(&m.PresentationTimeOffset, t.PresentationTimeOffset)
		override(&m.Duration, t.Duration)
		override(&m.StartNumber, t.StartNumber)
		override(&m.EndNumber, t.EndNumber)
		override(&m.SegmentTimeline, t.SegmentTimeline)
		override(&m.FailoverContent, t.FailoverContent)
		if t.Media != "" {
			m.Media = t.Media
		}
		if t.Initialization != "" {
			m.Initialization = t.Initialization
		}
	}
	return m
}

func override[T any](to **T, from *T) {
	if from != nil {
		*to = from
	}
}

// walk lists the segments of one Period.
type walk struct {
	*lister
	base    string
	track   track
	at, end time.Duration
	scale   int64
	offset  int64 // presentationTimeOffset
	section *m3u8.Map
	gaps    *mpd.FailoverContentType
}

func (w *walk) template(t mpd.SegmentTemplateType) error {
	if t.Media == "" {
		return errors.New("its SegmentTemplate has no media")
	}
	w.scale, w.gaps = int64(t.GetTimescale()), t.FailoverContent
	if w.scale == 0 {
		return errors.New("its timescale is 0")
	}
	if o := t.PresentationTimeOffset; o != nil {
		w.offset = int64(min(*o, math.MaxInt64/4))
	}
	if t.Initialization != "" {
		uri, err := w.name(t.Initialization, 0, 0)
		if err != nil {
			return err
		}
		w.section = &m3u8.Map{URI: uri}
	}
	number := int64(1)
	if t.StartNumber != nil {
		number = int64(*t.StartNumber)
	}
	if t.SegmentTimeline != nil {
		// Where names have no numbers, the first of a window need not have one that goes with it.
		w.numbered = strings.Contains(t.Media, "$Number")
		return w.timeline(t.Media, number, t.SegmentTimeline)
	}
	if t.Duration == nil || *t.Duration == 0 {
		return errors.New("its SegmentTemplate has neither a SegmentTimeline nor a duration")
	}
	w.numbered = true
	return w.regular(t, number, int64(*t.Duration))
}

// timeline lists those of a SegmentTimeline (5.3.9.6).
func (w *walk) timeline(pattern string, number int64, list *mpd.SegmentTimelineType) error {
	at := w.offset
	for i, s := range list.S {
		if s.T != nil {
			at = int64(min(*s.T, math.MaxInt64/4))
		}
		length, repeat := int64(min(s.D, math.MaxInt64/4)), s.R
		if length == 0 {
			return fmt.Errorf("S element %d has no duration", i+1)
		}
		if s.N != nil {
			number = int64(min(*s.N, math.MaxInt64/4))
		}
		if repeat < 0 { // up to the next one, or the end
			end := w.available()
			if i+1 < len(list.S) && list.S[i+1].T != nil {
				end = int64(min(*list.S[i+1].T, math.MaxInt64/4))
			}
			repeat = int(min(max((end-at)/length-1, -1), maxSegments))
		}
		for range repeat + 1 {
			if err := w.add(pattern, number, at, length); err != nil {
				return err
			}
			number, at = number+1, at+length
		}
	}
	return nil
}

// regular lists those of a template with a duration (5.3.9.5.3): of a live stream those that are available and in its window.
func (w *walk) regular(t mpd.SegmentTemplateType, number, length int64) error {
	first, end := int64(0), w.available()
	if w.m.GetType() != mpd.STATIC_TYPE {
		end -= (end - w.offset) % length // whole ones
		if depth := w.m.TimeShiftBufferDepth; depth != nil {
			first = max(0, (end-w.offset-media.MulDivFloor(int64(*depth), w.scale, int64(time.Second)))/length)
		}
	}
	last := (end - w.offset + length - 1) / length
	if t.EndNumber != nil {
		last = min(last, int64(*t.EndNumber)-number+1)
	}
	for i := first; i < last; i++ {
		if err := w.add(t.Media, number+i, w.offset+i*length, min(length, end-w.offset-i*length)); err != nil {
			return err
		}
	}
	return nil
}

// available is the media time up to which there is something: the end of the Period, or of what is there by now.
func (w *walk) available() int64 {
	end := w.end
	if w.m.GetType() != mpd.STATIC_TYPE && !w.start.IsZero() {
		end = min(end, w.now.Sub(w.start))
	}
	if end == math.MaxInt64 {
		return w.offset
	}
	return w.offset + media.MulDivFloor(int64(max(end-w.at, 0)), w.scale, int64(time.Second))
}

// add lists a segment at a media time.
func (w *walk) add(pattern string, number, at, length int64) error {
	if len(w.media.Segments) == maxSegments {
		return fmt.Errorf("it has more than %d segments", maxSegments)
	}
	uri, err := w.name(pattern, number, at)
	if err != nil {
		return err
	}
	s := m3u8.MediaSegment{URI: uri, MSN: number, Map: w.section, Duration: w.seconds(length), Gap: w.gap(at), ProgramDateTime: w.date(at)}
	if n := len(w.media.Segments); !w.numbered {
		s.MSN = int64(n)
	}
	w.media.Segments = append(w.media.Segments, s)
	return nil
}

func (w *walk) seconds(ticks int64) media.Seconds {
	return media.Seconds(media.MulDivFloor(ticks, int64(time.Second), w.scale))
}

// gap reports whether the manifest says that a segment is not there (5.3.9.2, FailoverContent).
func (w *walk) gap(at int64) bool {
	if w.gaps == nil || w.gaps.Valid == nil || *w.gaps.Valid {
		return false
	}
	return slices.ContainsFunc(w.gaps.FCS, func(f *mpd.FCS) bool { return at >= int64(f.T) && (f.D == 0 || at < int64(f.T+f.D)) })
}

// date is the nominal wall clock of a media time: of a live stream by availabilityStartTime, otherwise by a ProducerReferenceTime.
func (w *walk) date(at int64) time.Time {
	if w.m.GetType() != mpd.STATIC_TYPE && !w.start.IsZero() {
		return w.start.Add(w.at + time.Duration(w.seconds(at-w.offset)))
	}
	for _, list := range [][]*mpd.ProducerReferenceTimeType{w.track.rep.ProducerReferenceTimes, w.track.set.ProducerReferenceTimes} {
		for _, r := range list {
			if t, err := ParseDateTime(mpd.DateTime(r.WallClockTime)); err == nil && !t.IsZero() {
				return t.Add(time.Duration(w.seconds(at - int64(min(r.PresentationTime, math.MaxInt64/4)))))
			}
		}
	}
	return time.Time{}
}

// identifier is one of a template, with its width (5.3.9.4.4).
var identifier = regexp.MustCompile(`\$(RepresentationID|Number|Time|Bandwidth)?(?:%0(\d{1,3})d)?\$`)

// name is the URI that a template makes.
func (w *walk) name(pattern string, number, at int64) (string, error) {
	name := identifier.ReplaceAllStringFunc(pattern, func(match string) string {
		parts := identifier.FindStringSubmatch(match)
		var value int64
		switch parts[1] {
		case "":
			return "$"
		case "RepresentationID":
			return w.track.rep.Id
		case "Number":
			value = number
		case "Time":
			value = at
		case "Bandwidth":
			value = int64(w.track.rep.Bandwidth)
		}
		width, _ := strconv.Atoi(parts[2]) // none is 0
		return fmt.Sprintf("%0*d", width, value)
	})
	if strings.Contains(identifier.ReplaceAllString(pattern, ""), "$") {
		return "", fmt.Errorf("template %q has an identifier that is not known", pattern)
	}
	return join(w.base, name), nil
}

// join resolves a reference against a base that may be relative itself.
func join(base, reference string) string {
	if u, err := url.Parse(reference); base == "" || err == nil && (u.IsAbs() || strings.HasPrefix(reference, "/")) {
		if b, err := url.Parse(base); err == nil && b.IsAbs() && strings.HasPrefix(reference, "/") {
			if r, err := b.Parse(reference); err == nil {
				return r.String()
			}
		}
		return reference
	}
	path, _, _ := strings.Cut(base, "?")
	return path[:strings.LastIndexByte(path, '/')+1] + reference
}
