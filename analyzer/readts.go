package analyzer

import (
	"context"
	"errors"
	"io"

	"github.com/refstream/refstream/analyzer/tr101290"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
)

// readTS reads a transport stream to its end, which is no error. begin must have been called.
func (x *extractor) readTS(ctx context.Context, r io.Reader) error {
	var repeats map[string]int
	if x.at.msn != nil {
		repeats = x.repeats
	}
	monitor := tr101290.NewMonitor(repeats, x.transportRecord)
	reader := ts.NewReader(r)
	var damage tsDamage
	reader.HandlePackets(func(p ts.Packet, offset int64) {
		monitor.Packet(p, offset)
		if !p.Readable() {
			damage.tell(x, reader) // however long it goes on, there may be no unit
		}
	}, monitor.Lost)
	reader.HandleID3(func(t ts.TimedID3) { x.id3(t.Tag, t.PTS, t.Offset) })
	for ctx.Err() == nil && x.err == nil {
		au, err := reader.Next()
		damage.tell(x, reader)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		x.unit(au, reader.Offset())
	}
	return ctx.Err()
}

// tsDamage tells of what a transport stream lost, once each.
type tsDamage struct {
	damaged, id3 int64
	scrambled    bool
}

func (d *tsDamage) tell(x *extractor, r *ts.Reader) {
	s := r.Stats()
	if s.Scrambled > 0 && !d.scrambled {
		d.scrambled = true
		x.note(NoteDamaged, nil, "the video is scrambled from packet %d on, and not read", s.Packets)
	}
	if s.Damaged > d.damaged {
		x.note(NoteDamaged, s.LastDamage, "access units that can't be read and are left out: %d", s.Damaged-d.damaged)
		d.damaged = s.Damaged
	}
	if s.DamagedID3 > d.id3 {
		x.note(NoteDamaged, nil, "ID3 tags that can't be read and are left out: %d", s.DamagedID3-d.id3)
		d.id3 = s.DamagedID3
	}
}

// transportRecord passes on what is wrong with a packet.
func (x *extractor) transportRecord(name string, pid int, offset, lasts int64, detail string) {
	b := append(appendText([]byte(`{"indicator":`), name), `,"number":`...)
	b = appendText(b, tr101290.Number(name))
	if pid != tr101290.UnknownPID {
		b = appendInt(append(b, ','), "pid", int64(pid))
	}
	b = append(appendText(append(b, `,"detail":`...), detail), '}')
	r := Record{Source: Transport, Extra: b, Unit: -1}
	if lasts > 0 {
		r.Duration = &lasts
	}
	x.now, x.at.offset = x.o.Now(), offset
	if x.timed {
		pts := x.dts
		seconds := markers.SecondsOf(pts)
		r.PTS, r.StreamTime = &pts, &seconds
	}
	x.record(r)
}
