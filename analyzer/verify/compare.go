package verify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// comparison holds the statements of a stream against those that the truth wants, field by field.
type comparison struct {
	c *checker
	// frames are the statements about frames, events those about markers, by the frame or by the marker's index.
	frames, events map[analyzer.Source]map[int64][]*analyzer.Record
	samples        map[string][]report.Sample // of each clock
	expected       map[string]int             // statements that each clock should have
	unchecked      map[string]bool            // clocks of which the truth does not know all
	differences    map[fieldKey]*difference
	doubled, added map[analyzer.Source][]report.Place
	missing        map[analyzer.Source][]report.Place
	strange        map[analyzer.Source][]report.Place // events that have no marker
}

type fieldKey struct {
	source analyzer.Source
	field  string
}

// difference is a field that is not as it should be: the finding has its places, and its value at the first of them.
type difference struct {
	fieldKey
	report.Finding
}

// eventSources are the sources of statements about markers.
var eventSources = []analyzer.Source{analyzer.DateRange, analyzer.OnCuePoint, analyzer.ID3}

func (c *checker) compare(j *matcher) *comparison {
	m := &comparison{
		c: c, frames: map[analyzer.Source]map[int64][]*analyzer.Record{}, events: map[analyzer.Source]map[int64][]*analyzer.Record{},
		samples: map[string][]report.Sample{}, expected: map[string]int{}, unchecked: map[string]bool{},
		differences: map[fieldKey]*difference{}, doubled: map[analyzer.Source][]report.Place{}, added: map[analyzer.Source][]report.Place{},
		missing: map[analyzer.Source][]report.Place{}, strange: map[analyzer.Source][]report.Place{},
	}
	for i := range c.in.statements {
		m.sort(&c.in.statements[i], j)
	}
	fi, dated, produced := c.fiFrames(), c.datedFrames(j), c.in.states(analyzer.ProducerTime)
	specs := c.frameSpecs()
	for _, e := range j.entries {
		n := c.in.pictures[e.picture].Frame
		for _, s := range specs {
			needed, wanted := s.always, s.always
			switch s.source {
			case analyzer.OnFI:
				needed, wanted = fi[n]
				needed = needed && c.holdsScripts()
			case analyzer.ProgramDateTime:
				needed, wanted = dated[n], true
			case analyzer.ProducerTime:
				_, begins := dated[n]
				needed, wanted = begins && produced, true
			}
			m.frame(s, n, needed, wanted)
		}
	}
	for _, source := range eventSources {
		for i := range c.truth.Markers {
			m.event(source, i, j)
		}
	}
	for _, list := range m.samples {
		sortSamples(list)
	}
	return m
}

// sort files a statement under its frame or marker.
func (m *comparison) sort(r *analyzer.Record, j *matcher) {
	if slices.Contains(eventSources, r.Source) {
		m.sortEvent(r, j)
		return
	}
	if r.PTS == nil {
		if n, named := j.named[r.Unit]; named { // the access unit has no time
			put(m.frames, r.Source, n, r)
		}
		return
	}
	if i, ok := j.unit(r.Unit, *r.PTS); ok {
		put(m.frames, r.Source, m.c.in.pictures[i].Frame, r)
	}
}

func put(to map[analyzer.Source]map[int64][]*analyzer.Record, s analyzer.Source, at int64, r *analyzer.Record) {
	if to[s] == nil {
		to[s] = map[int64][]*analyzer.Record{}
	}
	to[s][at] = append(to[s][at], r)
}

// sortEvent files a statement under the marker that it names: by its ID, or else by its frame or its time.
func (m *comparison) sortEvent(r *analyzer.Record, j *matcher) {
	c := m.c
	id := markerID(*r)
	i := slices.IndexFunc(c.truth.Markers, func(k markers.Marker) bool { return id != "" && k.ID == id })
	if i >= 0 {
		put(m.events, r.Source, int64(i), r)
		return
	}
	var frame int64
	switch {
	case r.Frame != nil:
		frame = *r.Frame
	case r.UTC != nil:
		frame = c.channel.Rate.Frames(int64(r.UTC.Sub(c.channel.Epoch)))
	case r.PTS != nil:
		k, ok := j.picture(*r.PTS)
		if !ok {
			return
		}
		frame = c.in.pictures[k].Frame
	default:
		return
	}
	i = slices.IndexFunc(c.truth.Markers, func(k markers.Marker) bool { return k.Frame == frame })
	switch {
	case i >= 0:
		put(m.events, r.Source, int64(i), r)
	case frame >= c.first && frame <= c.last:
		// One of an event just outside of what was read is no mistake: it is not known here.
		m.strange[r.Source] = append(m.strange[r.Source], report.Place{First: frame, Last: frame, Time: c.clock.Time(frame), Marker: id})
	}
}

// frame compares the statements of a source about a frame. They must be there where they are needed, and may be there where they
// are wanted.
func (m *comparison) frame(s frameSpec, n int64, needed, wanted bool) {
	got := m.frames[s.source][n]
	at := m.c.place(n)
	if len(got) == 0 && (!needed || m.c.explained(report.ClockGaps, string(s.source), n, n)) {
		return
	}
	for _, k := range s.clocks {
		m.expected[k.name]++
	}
	if len(got) == 0 {
		m.missing[s.source] = append(m.missing[s.source], at)
		return
	}
	switch {
	case len(got) > 1:
		m.doubled[s.source] = append(m.doubled[s.source], at)
	case !wanted:
		m.added[s.source] = append(m.added[s.source], at)
	}
	for _, k := range s.clocks {
		m.sample(k, got[0], n)
	}
	for _, r := range got {
		if s.fields != nil {
			m.compareFields(s.source, s.fields(r, n), r, at)
		}
	}
}

// sample adds a clock's statement.
func (m *comparison) sample(k clockSpec, r *analyzer.Record, n int64) {
	err, stated, known := k.err(r, n)
	if !stated {
		return
	}
	m.samples[k.name] = append(m.samples[k.name], report.Sample{Frame: n, At: int64(m.c.clock.Time(n)), Err: err})
	m.unchecked[k.name] = m.unchecked[k.name] || !known
	if known && k.field != "" && max(err, -err) > k.tolerance {
		m.addDifference(fieldKey{k.source, k.field}, k.want(n), k.got(r), m.c.place(n))
	}
}

func (m *comparison) event(source analyzer.Source, i int, j *matcher) {
	c, got, mk := m.c, m.events[source][int64(i)], &m.c.truth.Markers[i]
	if len(got) == 0 {
		return
	}
	at := report.Place{First: mk.Frame, Last: mk.LastFrame, Time: mk.Time, Marker: mk.ID}
	if len(got) > 1 {
		m.doubled[source] = append(m.doubled[source], at)
	}
	want := c.expectedMarker(source, mk)
	for _, r := range got {
		m.compareFields(source, want, r, at)
	}
	name, r := string(source), got[0]
	if r.UTC != nil && source == analyzer.DateRange {
		m.samples[name] = append(m.samples[name], report.Sample{Frame: mk.Frame, At: int64(mk.Time), Err: int64(r.UTC.Sub(mk.UTC))})
	} else if r.PTS != nil {
		// Against the picture, not against the clock: what moved both is a finding of the clock.
		if p, ok := c.pictureOf(mk.Frame); ok {
			off := media.NearestSeconds(centre(*r.PTS+j.shift-p.PTS, c.in.info.Modulus()))
			m.samples[name] = append(m.samples[name], report.Sample{Frame: mk.Frame, At: int64(mk.Time), Err: int64(off)})
			if max(off, -off) > announcementPrecision {
				m.addDifference(fieldKey{source, "pts"}, strconv.FormatInt(p.PTS, 10), strconv.FormatInt(*r.PTS+j.shift, 10), at)
			}
		}
	}
}

func (m *comparison) compareFields(source analyzer.Source, want fields, r *analyzer.Record, at report.Place) {
	got := statedFields(r)
	var slack time.Duration
	if source == analyzer.DateRange {
		slack = time.Duration(announcementPrecision) // playlists are written in milliseconds
	}
	for _, f := range want {
		text, there := got[f.name]
		delete(got, f.name)
		switch {
		case !there:
			m.addDifference(fieldKey{source, f.name}, f.text, nothing, at)
		case !f.unknown && !same(f.text, text, slack):
			m.addDifference(fieldKey{source, f.name}, f.text, text, at)
		}
	}
	for _, name := range encoders {
		delete(got, name)
	}
	for name, text := range got {
		m.addDifference(fieldKey{source, name}, nothing, text, at)
	}
}

// encoders are the fields that are the encoder's own affair.
var encoders = []string{"cpb_removal_delay", "dpb_output_delay"}

func (m *comparison) addDifference(k fieldKey, want, got string, at report.Place) {
	if m.c.explained(report.Misreported, string(k.source), at.First, at.First) || m.c.explains(report.ClockStep, string(k.source), at.First, at.First, 0) {
		return
	}
	d := m.differences[k]
	if d == nil {
		d = &difference{k, report.Finding{Kind: report.Misreported, Clock: string(k.source), Field: k.field, Expected: want, Found: got}}
		m.differences[k] = d
	}
	d.Add(at)
}

func (c *checker) place(n int64) report.Place {
	return report.Place{First: n, Last: n, Time: c.clock.Time(n)}
}

// findings are what the comparison found, but for the clocks; those have what they cover taken out before.
func (m *comparison) findings() (list []report.Finding) {
	for _, d := range slices.SortedFunc(maps.Values(m.differences), func(a, b *difference) int {
		return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.Places[0].First, b.Places[0].First), cmp.Compare(a.field, b.field))
	}) {
		d.Text = fmt.Sprintf("%s: %s", d.source, d.describe())
		if d.Count > 1 {
			d.Text += fmt.Sprintf(" first, in %s", report.Plural(d.Count, "statement"))
		}
		list = append(list, d.Finding)
	}
	for _, what := range []struct {
		kind   report.Kind
		places map[analyzer.Source][]report.Place
		text   string
	}{
		{report.Misreported, m.strange, "%s tells of %s without a marker: %s"},
		{report.Doubled, m.doubled, "%s stands more than once in %s: %s"},
		{report.Added, m.added, "%s stands in %s where it should not: %s"},
		{report.ClockGaps, map[analyzer.Source][]report.Place{report.DiscontinuityTag: m.missing[report.DiscontinuityTag]}, "%s does not stand in %s where another encoder begins: %s"},
	} {
		for _, source := range slices.Sorted(maps.Keys(what.places)) {
			places := m.c.places(what.kind, string(source), what.places[source])
			if len(places) == 0 {
				continue
			}
			n := int64(len(places))
			thing := report.Plural(n, "place")
			if what.kind == report.Misreported {
				thing = report.Plural(n, "event")
			}
			list = append(list, report.Finding{
				Kind: what.kind, Clock: string(source), Count: n, Places: places,
				Text: fmt.Sprintf(what.text, source, thing, report.Names(places)),
			})
		}
	}
	return list
}

// describe gives the field and its values at the first of the places.
func (d *difference) describe() string {
	return fmt.Sprintf("%s is %s, not %s, at %s", d.field, excerpt(d.Found), excerpt(d.Expected), report.Names(d.Places[:1]))
}

// excerpt is a value as part of a sentence.
func excerpt(s string) string {
	const long = 60
	if len(s) > long {
		return s[:long] + "…"
	}
	if s == "" {
		return `""`
	}
	return s
}

// explain adds the wrong fields to the findings of clocks, and leaves those fields out of the findings that follow.
func (m *comparison) explain(list []report.Finding) {
	for i := range list {
		f := &list[i]
		if f.Kind == report.ClockGaps || f.Kind == report.ClockGone {
			continue
		}
		var found *difference
		for _, k := range covers(f.Clock) {
			d := m.differences[k]
			if d == nil {
				continue
			}
			if found == nil || d.Count > found.Count {
				found = d
			}
			delete(m.differences, k)
		}
		if found != nil {
			f.Field, f.Expected, f.Found = found.Field, found.Expected, found.Found
			f.Text += ": " + found.describe()
		}
	}
}

// covers are the fields whose errors a clock's finding is about.
func covers(clock string) (list []fieldKey) {
	source := analyzer.Source(clock)
	if clock == report.OnFITCClock || clock == report.OnFIClock {
		source = analyzer.OnFI
	}
	for _, name := range map[string][]string{
		string(analyzer.PicTiming):       {"hours_value", "minutes_value", "seconds_value", "n_frames"},
		string(analyzer.FrameRecord):     {"frame"},
		string(analyzer.MISBTime):        {"us"},
		string(analyzer.TimeCode):        {"timecode"},
		string(analyzer.ProgramDateTime): {"program_date_time"},
		string(analyzer.DateRange):       {"START-DATE"},
		string(analyzer.OnCuePoint):      {"pts"},
		string(analyzer.ID3):             {"pts"},
		string(analyzer.ProducerTime):    {"utc"},
		report.OnFITCClock:               {"tc"},
		report.OnFIClock:                 {"sd", "st", "tz"},
		report.PTSClock:                  {"pts"},
		report.DTSClock:                  {"dts"},
	}[clock] {
		list = append(list, fieldKey{source, name})
	}
	return list
}
