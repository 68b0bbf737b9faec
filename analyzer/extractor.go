package analyzer

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/codec/hevc"
	"github.com/refstream/refstream/media"
)

const (
	// tsWrap is where PTS and DTS of a transport stream begin anew (ISO/IEC 13818-1, 2.4.3.6), in ticks.
	tsWrap = media.PTSMask + 1
	// flvWrap is where the milliseconds of FLV and RTMP do, in ticks.
	flvWrap = 1 << 32 * (media.TicksPerSecond / 1000)
	// noWrap is for containers whose times have 64 bits.
	noWrap = 0
	// maxStep is how far apart the DTS of neighbouring units may be without a note: nobody makes a picture every two
	// seconds.
	maxStep = 2 * media.TicksPerSecond
)

// extractor makes the records of one stream, whose parts it is given in the order of the stream. It lives as long as the stream
// is read, over all connections, so that counts and time stamps continue. After an error of the handler it does nothing more.
type extractor struct {
	url    string
	o      Options
	handle func(Record) error
	debug  bool  // each NAL unit and tag is logged
	err    error // of the handler

	at    place
	now   time.Time // when the present unit or tag was read
	units int64     // how many there were

	wrap  int64 // where the time stamps of this connection or segment begin anew
	based bool  // shift is known
	shift int64 // what is added to them, a multiple of wrap
	timed bool  // dts is set
	dts   int64 // of the last unit, shifted

	// repeats is how often the tables and the PCR came again within segments.
	repeats map[string]int

	sets   parameterSets
	counts clockCount
	// dateTime is to be stated with the next unit, nil for none.
	dateTime    *dateTime
	run         int64 // of the last frame record, 0 for none
	interrupted bool  // notes that it is resumed are due
	lackedSPS   bool  // that pic_timing can't be read was reported
}

type place struct {
	msn    *int64
	uri    string
	offset int64
}

// moment is a unit's place in time, which its records share.
type moment struct {
	seconds       media.Seconds
	pts, dts, dur int64
	key, hasDur   bool
	untimed       bool // the stream has no time for it
	number        int64
	// time is the HLS clock, as the unit's frame record has it, nil without one.
	time *media.Seconds
}

func newExtractor(url string, o Options, handle func(Record) error) *extractor {
	return &extractor{
		url: url, o: o, handle: handle, debug: o.Logger.Enabled(context.Background(), slog.LevelDebug),
		at: place{offset: -1}, repeats: map[string]int{},
	}
}

// begin starts another connection or segment, whose time stamps begin anew at wrap ticks.
func (x *extractor) begin(wrap int64, msn *int64, uri string) {
	x.wrap, x.based, x.shift = wrap, wrap == noWrap, 0
	x.at = place{msn: msn, uri: uri, offset: -1}
	x.dateTime = nil
}

// ticks puts a time stamp of this connection or segment onto the timeline of the stream: the first of all stays as it is, the
// first of each further connection is put as near to the last one before as it can be, and the others keep their distance to it.
func (x *extractor) ticks(t int64) int64 {
	if !x.based {
		x.based = true
		if x.timed {
			x.shift = nearestMultiple(x.dts-t, x.wrap)
		}
	}
	return t + x.shift
}

// nearestMultiple is the multiple of unit that is nearest to v.
func nearestMultiple(v, unit int64) int64 {
	half := unit / 2
	if v < 0 {
		half = -half
	}
	return (v + half) / unit * unit
}

// record fills in what all records have and passes it on.
func (x *extractor) record(r Record) {
	if x.err != nil {
		return
	}
	r.StreamURL, r.Timestamp = x.url, x.now
	r.MSN, r.URI, r.Offset = x.at.msn, x.at.uri, x.at.offset
	x.err = x.handle(r)
}

func (x *extractor) unitRecord(m *moment, r Record) {
	if r.Time = m.time; !m.untimed {
		r.StreamTime, r.PTS, r.DTS = &m.seconds, &m.pts, &m.dts
	}
	if m.hasDur {
		r.Duration = &m.dur
	}
	r.Unit, r.Key = m.number, m.key
	x.record(r)
}

func (x *extractor) timedRecord(pts int64, r Record) {
	seconds := media.SecondsOf(pts)
	r.StreamTime, r.PTS, r.Unit = &seconds, &pts, -1
	x.record(r)
}

// note logs what happened and passes it on.
func (x *extractor) note(kind NoteKind, err error, format string, args ...any) {
	n := Note{StreamURL: x.url, At: x.o.Now(), Kind: kind, Text: fmt.Sprintf(format, args...), Err: err}
	level := slog.LevelInfo
	if slices.Contains([]NoteKind{NoteLost, NoteStalled, NoteMissing, NoteDamaged}, kind) {
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{slog.String("stream", x.url), slog.String("kind", string(kind))}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	x.o.Logger.LogAttrs(context.Background(), level, n.Text, attrs...)
	if x.o.Note != nil {
		x.o.Note(n)
	}
}

// lost marks the stream as interrupted; the next unit reports that it is resumed.
func (x *extractor) lost() { x.interrupted = true }

// unit takes the next access unit, whose packet, tag or sample stands at that offset.
func (x *extractor) unit(au media.Unit, offset int64) {
	if x.err != nil {
		return
	}
	x.now = x.o.Now()
	x.at.offset = offset
	m := x.moment(au)
	if x.o.Unit != nil {
		u := Unit{
			StreamURL: x.url, Number: m.number, PTS: m.pts, DTS: m.dts, Key: m.key, Bytes: au.Size(), MSN: -1,
			URI: x.at.uri, Offset: offset, Untimed: m.untimed,
		}
		if x.at.msn != nil {
			u.MSN = *x.at.msn
		}
		if s := x.sets.active; s != nil && s.VUI != nil {
			u.UnitsInTick, u.TimeScale = s.VUI.NumUnitsInTick, s.VUI.TimeScale
		}
		x.o.Unit(u)
	}
	if x.dateTime != nil && !m.untimed {
		x.stateDateTime(m)
	}
	for _, nal := range au.NALs {
		var kind fmt.Stringer = h264.TypeOf(nal)
		isSEI := h264.TypeOf(nal) == h264.NALSEI
		if au.Codec() == media.HEVC {
			kind, isSEI = hevc.TypeOf(nal), hevc.TypeOf(nal).SEI()
		}
		if x.debug {
			x.o.Logger.Debug("NAL unit", "stream", x.url, "unit", m.number, "offset", offset, "uri", x.at.uri, "pts", m.pts, "dts", m.dts,
				"type", kind.String(), "bytes", len(nal))
		}
		if isSEI {
			x.sei(m, au.Codec(), nal)
		}
	}
}

// moment puts the unit on the timeline and finds the parameter sets that it is coded with.
func (x *extractor) moment(au media.Unit) *moment {
	m := &moment{number: x.units, key: au.Key}
	x.units++
	if m.untimed = au.Untimed; m.untimed {
		m.dts, m.pts = x.dts, x.dts
	} else {
		dts := x.ticks(au.DTS)
		m.dts, m.pts = dts, dts+(au.PTS-au.DTS)
	}
	m.seconds = media.SecondsOf(m.pts)
	x.follow(m)
	if au.Codec() != media.H264 {
		x.sets.active = nil // how long a picture lasts is not read of others
		return m
	}
	before := x.sets.active
	for _, nal := range au.NALs {
		if err := x.sets.take(nal); err != nil {
			x.note(NoteDamaged, err, "unit %d has a parameter set that can't be read", m.number)
		}
	}
	x.sets.activate(au.NALs)
	if now := x.sets.active; now != before && before != nil && describe(now) != describe(before) {
		x.note(NoteParameters, nil, "the coding changes from %s to %s at %s s", describe(before), describe(now), m.seconds)
	}
	m.dur, m.hasDur = frameTicks(x.sets.active, 0)
	return m
}

// follow compares the unit's time with what came before.
func (x *extractor) follow(m *moment) {
	if x.interrupted {
		x.interrupted = false
		x.note(NoteResumed, nil, "the stream goes on at %s s", m.seconds)
	}
	if m.untimed {
		return
	}
	if step := m.dts - x.dts; x.timed && (step <= 0 || step > maxStep) {
		x.note(NoteJump, nil, "time stamps go from %s s to %s s (DTS)", media.SecondsOf(x.dts), media.SecondsOf(m.dts))
	}
	x.timed, x.dts = true, m.dts
}
