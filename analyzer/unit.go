package analyzer

import (
	"context"
	"log/slog"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/codec/hevc"
	"github.com/refstream/refstream/media"
)

// unit takes the next access unit, whose packet, tag or sample stands at that offset.
func (x *extractor) unit(au media.AccessUnit, offset int64) {
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
		if x.debug {
			x.o.Logger.LogAttrs(context.Background(), slog.LevelDebug, "NAL unit", slog.String("stream", x.url),
				slog.Int64("unit", m.number), slog.Int64("offset", offset), slog.String("uri", x.at.uri),
				slog.Int64("pts", m.pts), slog.Int64("dts", m.dts), slog.String("type", nalType(au.Codec, nal)),
				slog.Int("bytes", len(nal)))
		}
		if au.Codec == media.HEVC && hevc.TypeOf(nal).SEI() || au.Codec != media.HEVC && h264.TypeOf(nal) == h264.NALSEI {
			x.sei(m, au.Codec, nal)
		}
	}
}

func nalType(c media.Codec, nal []byte) string {
	if c == media.HEVC {
		return hevc.TypeOf(nal).String()
	}
	return h264.TypeOf(nal).String()
}

// moment puts the unit on the timeline and finds the parameter sets that it is coded with.
func (x *extractor) moment(au media.AccessUnit) *moment {
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
	if au.Codec != media.H264 {
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
