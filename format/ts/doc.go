// Package ts writes and reads H.264 in an MPEG-2 transport stream (ITU-T H.222.0 | ISO/IEC 13818-1): 188-byte packets,
// a PAT and a PMT, and one PES packet for each access unit; and beside it the stream's events as timed ID3. It also writes AAC.
//
// [Writer] makes a stream of one program with one video stream, as HLS wants its segments (RFC 8216, 3.2): the tables
// first, and enough to decode and to run a clock in every access unit. [Muxer] is the same for a stream without end,
// which a receiver may join anywhere. [Reader] takes the H.264 or HEVC stream and the ID3 tags out of any transport stream,
// its own or another's, with other streams beside it, with garbage, and with packets missing: a unit that lost a packet is
// left out and counted, never passed on in part. [Packet], [Splitter], [Sections] and [PSI] are what it is read with, for others too.
//
// Clauses: 2.4.3.2 packets, 2.4.3.4 adaptation field, 2.4.3.6 PES packets, 2.4.4 tables, 2.6.58 and 2.6.60 metadata
// descriptors, 2.14 carriage of H.264. Timed ID3 is as in Apple's Timed Metadata for HTTP Live Streaming; the tags are
// ID3v2.4.0, and ID3v2.3.0 is read too.
package ts

const (
	// PacketSize is the size of a packet in bytes (H.222.0, 2.4.3.2).
	PacketSize = 188
	// SyncByte is a packet's first byte.
	SyncByte = 0x47
	// NullPID is the PID of packets that carry nothing, and the 13 bits of any.
	NullPID = 0x1FFF

	headerSize     = 4
	bodySize       = PacketSize - headerSize
	patPID         = 0x0000
	tableIDPAT     = 0x00
	tableIDPMT     = 0x02
	streamTypeAV   = 0x1B // H.264 video (H.222.0, table 2-34)
	streamTypeHEVC = 0x24 // HEVC video
	streamTypeAAC  = 0x0F // AAC with ADTS headers
	// streamTypeMetadata is metadata in PES packets (table 2-34).
	streamTypeMetadata = 0x15

	// flagStart is payload_unit_start_indicator in the packet's second byte.
	flagStart = 0x40

	// Adaptation field flags (2.4.3.5).
	flagDiscontinuity = 0x80
	flagRandomAccess  = 0x40
	flagPCR           = 0x10
	flagOPCR          = 0x08
)

// crc32 is CRC_32 of the tables (H.222.0, annex A): polynomial 0x04C11DB7, all ones at first, not reflected. Over a
// whole section with its own CRC_32 at the end it is 0. Bit by bit, because sections are short and rare.
func crc32(data []byte) uint32 {
	crc := uint32(0xFFFFFFFF)
	for _, b := range data {
		crc ^= uint32(b) << 24
		for range 8 {
			carry := crc >> 31
			crc = crc<<1 ^ carry*0x04C11DB7
		}
	}
	return crc
}
