package ts

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
)

// TestID3OfOthers makes streams as other writers do, faulty ones too, around the tag of a marker.
func TestID3OfOthers(t *testing.T) {
	m := testTag(0)
	tag := m.Tag
	pes := func(id byte, length int, header string, data []byte) []byte {
		b := binary.BigEndian.AppendUint16([]byte{0, 0, 1, id}, uint16(length))
		return append(append(b, header...), data...)
	}
	whole := 8 + len(tag)
	timed := "\x80\x80\x05" + string(appendTimestamp(nil, 2, m.PTS))
	id3Descriptor, klv := string(descriptor(0x26, 0x0F)), "\x05\x04KLVA"
	one := [][]byte{pes(0xBD, whole, timed, tag)}
	part := func(from, to int) []byte { return tag[from:to] }
	for name, tt := range map[string]struct {
		kind        byte
		descriptors string
		packets     [][]byte
		tags        int
		damaged     int64
	}{
		"usual":                        {0x15, id3Descriptor, one, 1, 0},
		"without descriptor":           {0x15, "", one, 1, 0},
		"private data, descriptor":     {0x06, id3Descriptor, one, 1, 0},
		"private data, registration":   {0x06, "\x05\x04ID3 ", one, 1, 0},
		"application without its code": {0x15, "\x26\x09\x01\x00\xFFID3 \x00\x0F", one, 1, 0},
		"another descriptor in front":  {0x15, "\x0A\x04eng\x00" + id3Descriptor, one, 1, 0},
		"private data":                 {0x06, "", one, 0, 0},
		"other metadata":               {0x15, klv, one, 0, 0},
		"other metadata, descriptor":   {0x15, "\x26\x05\x01\x00\x10\x00\x0F", one, 0, 0},
		"descriptor too short":         {0x15, "\x26\x01\xFF", one, 0, 0},
		"descriptor longer than all":   {0x15, "\x26\x70ID3 ", one, 1, 0},
		"metadata stream id":           {0x15, id3Descriptor, [][]byte{pes(0xFC, whole, timed, tag)}, 1, 0},
		"a stream id without header":   {0x15, id3Descriptor, [][]byte{pes(0xBF, whole, timed, tag)}, 0, 1},
		"PES packet without length":    {0x15, id3Descriptor, [][]byte{pes(0xBD, 0, timed, tag)}, 1, 0},
		"PES length too short":         {0x15, id3Descriptor, [][]byte{pes(0xBD, whole-1, timed, tag)}, 0, 1},
		"PES length too long":          {0x15, id3Descriptor, [][]byte{pes(0xBD, whole+50, timed, tag)}, 1, 0},
		"with DTS":                     {0x15, id3Descriptor, [][]byte{pes(0xBD, whole+5, "\x80\xC0\x0A"+string(appendTimestamp(appendTimestamp(nil, 3, m.PTS), 1, m.PTS)), tag)}, 1, 0},
		"without PTS":                  {0x15, id3Descriptor, [][]byte{pes(0xBD, whole-5, "\x80\x00\x00", tag)}, 0, 1},
		"two tags":                     {0x15, id3Descriptor, [][]byte{pes(0xBD, whole+len(tag), timed, slices.Concat(tag, tag))}, 2, 0},
		"filling after the tag":        {0x15, id3Descriptor, [][]byte{pes(0xBD, whole+3, timed, append(bytes.Clone(tag), 0, 0, 0))}, 1, 0},
		"without its first 5 bytes":    {0x15, id3Descriptor, [][]byte{pes(0xBD, whole-5, timed, tag[5:])}, 1, 0},
		"without its header":           {0x15, id3Descriptor, [][]byte{pes(0xBD, whole-10, timed, tag[10:])}, 0, 1},
		"no data":                      {0x15, id3Descriptor, [][]byte{pes(0xBD, 8, timed, nil)}, 0, 1},
		"no tag":                       {0x15, id3Descriptor, [][]byte{pes(0xBD, 8+4, timed, []byte("TAG?"))}, 0, 1},
		"huge tag":                     {0x15, id3Descriptor, [][]byte{pes(0xBD, 8+10, timed, []byte("ID3\x04\x00\x00\x7F\x7F\x7F\x7F"))}, 0, 1},
		"in three parts": {0x15, id3Descriptor, [][]byte{pes(0xBD, 8+100, timed, part(0, 100)), pes(0xBD, 3+200, "\x80\x00\x00", part(100, 300)),
			pes(0xBD, 8+len(tag)-300, timed, part(300, len(tag)))}, 1, 0},
		"part missing, then whole": {0x15, id3Descriptor, [][]byte{pes(0xBD, 8+100, timed, part(0, 100)), one[0]}, 1, 1},
		"part missing at the end":  {0x15, id3Descriptor, [][]byte{pes(0xBD, 8+100, timed, part(0, 100))}, 0, 1},
		"ends without start":       {0x15, id3Descriptor, [][]byte{pes(0xBD, 8+100, timed, part(100, 200)), one[0]}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var stream []byte
			var pat, pmt, video, id3 uint8
			body := []byte{0xE1, 0, 0xF0, 0}
			body = appendStream(body, streamTypeAV, videoPID, nil)
			body = appendStream(body, tt.kind, id3PID, []byte(tt.descriptors))
			stream = appendPacket(stream, patPID, &pat, flagStart, nil, patSection(pmtPID))
			stream = appendPacket(stream, pmtPID, &pmt, flagStart, nil, section(tableIDPMT, 1, body))
			au := unitOfSize(0, 100)
			stream = appendPackets(stream, videoPID, &video, flagStart, nil, appendPES(nil, au))
			for _, p := range tt.packets {
				stream = appendPackets(stream, id3PID, &id3, flagStart, nil, p)
			}
			units, tags, stats := readID3(t, stream)
			if len(units) != 1 || len(tags) != tt.tags || stats.DamagedID3 != tt.damaged || stats.Damaged != 0 {
				t.Fatalf("%d units, %d tags, %+v", len(units), len(tags), stats)
			}
			for _, got := range tags {
				if got.PTS != m.PTS || !bytes.Equal(got.Tag, tag) {
					t.Errorf("PTS %d, %q", got.PTS, got.Tag)
				}
			}
		})
	}
}
