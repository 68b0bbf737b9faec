// Package splice makes one MPEG-2 transport stream (ITU-T H.222.0 | ISO/IEC 13818-1) of what senders bring over TCP, in a
// recording that grows. It has two files in the folder of a session:
//
//	stream/recording.ts       what was received, whole 188-byte packets (2.4.3.2)
//	stream/connections.jsonl  a line for each connection as it begins and one as it ends, see [Connection]
//
// The recording is one stream, whoever sent it in however many connections: a program map stands near every place where
// a reader may begin (2.4.4), the first packet of each PID after a break has discontinuity_indicator (2.4.3.5), and time
// stamps go on (PCR and OPCR, 2.4.3.5; PTS and DTS, 2.4.3.7), modulo 2^33 ticks of 90 kHz as on the wire. A sender's own
// time stamps are kept where they do go on; else all of its connection are shifted by one constant, so that nothing of it
// is presented before all that was there is. Nothing else is changed; null packets before the first table or PES packet of
// a connection are left out. The clocks that are not shifted are those nobody sends over TCP: ESCR, DTS_next_AU, and times inside of
// sections, such as those of SCTE 35.
//
// One sender is recorded at a time. Others wait for a moment, in order, so that nothing is lost of one who connects again
// at once. A sender that brings nothing gives way; else the others are turned away. What is no transport stream is not
// recorded.
package splice
