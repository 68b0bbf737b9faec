package packets

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// What packets carry, as parameters name it.
const (
	video = "video"
	tags  = "id3"
	psi   = "psi"
	pat   = "pat"
	pmt   = "pmt"
)

// unit is the packets of a frame, copies of the clean ones.
type unit struct {
	frame   int64
	packets []ts.Packet
	tables  *ts.PSI
	streams []ts.ProgramStream
}

func newUnit(frame int64, packets []byte, tables *ts.PSI) unit {
	u := unit{frame: frame, tables: tables}
	for p := range slices.Chunk(bytes.Clone(packets), ts.PacketSize) {
		u.packets = append(u.packets, p)
	}
	for _, pid := range tables.PAT.Maps() {
		if m := tables.PMTs[pid]; m != nil {
			u.streams = append(u.streams, m.Program().Streams...)
		}
	}
	return u
}

// carries reports whether a packet is one of what has that name.
func (u unit) carries(p ts.Packet, what string) bool {
	const patPID, typeMetadata = 0, 0x15 // H.222.0, tables 2-3 and 2-34
	switch what {
	case pat:
		return p.PID() == patPID
	case pmt:
		return u.tables.PMTs[p.PID()] != nil
	case psi:
		return u.carries(p, pat) || u.carries(p, pmt)
	}
	return slices.ContainsFunc(u.streams, func(s ts.ProgramStream) bool {
		return s.PID == p.PID() && (what == video && s.Video() || what == tags && s.Type == typeMetadata)
	})
}

// places are where the packets of one PID of something are, in order.
func (u unit) places(what string) (list []int) {
	for i, p := range u.packets {
		if u.carries(p, what) {
			list = append(list, i)
		}
	}
	return list
}

// pick chooses n packets of something that follow each other, by the fault's draw. Of a picture it leaves those with the header
// of its PES packet and a PCR alone, and if it can the last one, so that the next packet, which shows what is missing, is of the
// same frame.
func (u unit) pick(f scenario.Fault, what string, n int) (at []int, why string) {
	at = u.places(what)
	if what == video {
		at = slices.DeleteFunc(at, func(i int) bool {
			_, clock := u.packets[i].PCR()
			return clock || u.packets[i].Starts() || !u.packets[i].HasPayload()
		})
		if len(at) > n {
			at = at[:len(at)-1]
		}
	}
	if len(at) < n {
		return nil, fmt.Sprintf("the frame has %d packets of %s that it can be made with, not %d", len(at), what, n)
	}
	first := int((f.Draw + uint64(u.frame-f.First)) % uint64(len(at)-n+1))
	return at[first : first+n], ""
}

// disposable reports whether no other picture refers to the frame's: nal_ref_idc of its first slice is 0 (ITU-T H.264, 7.4.1). Of
// other codecs than H.264 that is not known.
func (u unit) disposable() bool {
	const typeH264 = 0x1B
	var b []byte
	for _, s := range u.streams {
		for _, p := range u.packets {
			if s.Type == typeH264 && s.PID == p.PID() {
				b = append(b, p.Payload()...)
			}
		}
	}
	for {
		_, rest, _ := bytes.Cut(b, []byte{0, 0, 1})
		if len(rest) == 0 {
			return false
		}
		if kind := rest[0] & 0x1F; 1 <= kind && kind <= 5 {
			return rest[0]&0x60 == 0
		}
		b = rest
	}
}

// pid is the parameter of what is changed.
var pid = scenario.Param{Name: "pid", Doc: "what the packets are of: the picture, its ID3 tags or the tables", Type: scenario.Word,
	Default: video, Words: []string{video, tags, psi}}

// count is a parameter of how many packets.
func count(doc, normal string, least, most int64) scenario.Param {
	return scenario.Param{Name: "packets", Doc: doc, Type: scenario.Whole, Default: normal, Min: least, Max: most}
}

// spoilt is what verify and gaps may find, besides other findings, of pictures and tags that a demultiplexer gets wrong.
func spoilt(besides ...string) []string {
	return append(besides, "missing", "repeated", "unreadable", "collateral", "out_of_order", "misreported", "unannounced", "clock_gaps", "clock_gone", "clock_step",
		"segment_length", "pcr_repetition_error", "dts",
		"segment_content", "segment_missing", "extinf", "variants_differ")
}

// atLeast refuses a fault that is too short to be one.
func atLeast(d time.Duration) func(scenario.Fault, markers.Clock) error {
	return func(f scenario.Fault, clock markers.Clock) error {
		if clock.Rate.Nanos(f.Last+1)-clock.Rate.Nanos(f.First) < int64(d) {
			return fmt.Errorf("it is too short for a monitor to see it: use for: %s or more", d)
		}
		return nil
	}
}
