package packets

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/scenario"
)

// shortestAbsence is how long tables must be absent to be so for more than the 500 ms of 1.3 and 1.5 in any case: pictures are
// decoded in another order than they are shown in, and tables go with the picture that they are sent before.
const shortestAbsence = time.Second

// tables is the kinds of wrong tables (1.3, 1.5, 2.2).
func tables() []kind {
	which := scenario.Param{Name: "table", Doc: "which table", Type: scenario.Word, Default: pmt, Words: []string{pat, pmt}}
	return []kind{
		absent("ts.pat", pat, "PAT_error", "TR101290.1.3"),
		absent("ts.pmt", pmt, "PMT_error", "TR101290.1.5"),
		{
			Kind: scenario.Kind{
				Name: "ts.crc", Property: "psi", Doc: "CRC_32 of a table is wrong wherever it is in the fault's frames. The table is absent for who drops it.",
				Default: scenario.Span{Segments: 1}, Params: []scenario.Param{which},
				Alarms: []string{"TR101290.2.2", "CRC_error"}, Expects: []string{"crc_error"}, Tolerates: spoilt("pat_error", "pmt_error"),
				Implies: []string{"ts.pat", "ts.pmt"}, Oracle: "tsreport -v",
			},
			change: func(f scenario.Fault, u unit) ([]ts.Packet, string) {
				why := "no such table that is all in one packet is due with the frame"
				for _, i := range u.places(f.Params[which.Name].Text) {
					if crc := checksum(u.packets[i]); crc != nil {
						crc[0] ^= 0xFF
						why = ""
					}
				}
				return u.packets, why
			},
		},
	}
}

// absent is the kind of a table that is missing. Its packets stay, with stuffing in its place: so their counter has no gap.
func absent(name, table, alarm, number string) kind {
	return kind{
		Kind: scenario.Kind{
			Name: name, Property: "psi", Doc: "There is no " + map[string]string{pat: "PAT", pmt: "PMT"}[table] + ": stuffing is in its packets.",
			Default: scenario.Span{Nanos: int64(2 * time.Second)}, Check: atLeast(shortestAbsence),
			Alarms: []string{number, number + ".a", alarm, alarm + "_2"}, Expects: []string{strings.ToLower(alarm)}, Tolerates: spoilt("pmt_error"), Oracle: "tsreport -v",
		},
		change: func(_ scenario.Fault, u unit) ([]ts.Packet, string) {
			at := u.places(table)
			for _, i := range at {
				const start = 0x40 // payload_unit_start_indicator
				p := u.packets[i]
				p[1] &^= start
				b := p.Payload()
				for i := range b {
					b[i] = 0xFF
				}
			}
			if len(at) == 0 {
				return nil, "no such table is due with the frame"
			}
			return u.packets, ""
		},
	}
}

// checksum is CRC_32 of the section that begins in a packet and is all in it (H.222.0, 2.4.4); nil where none is.
func checksum(p ts.Packet) []byte {
	b := p.Payload()
	if !p.Starts() || !p.Readable() || len(b) == 0 || len(b) < 1+int(b[0])+3 {
		return nil
	}
	b = b[1+int(b[0]):]
	n := 3 + int(binary.BigEndian.Uint16(b[1:])&0x0FFF)
	if n < 3+4 || n > len(b) {
		return nil
	}
	return b[n-4 : n]
}
