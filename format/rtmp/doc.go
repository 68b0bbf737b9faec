// Package rtmp serves and publishes FLV tags over RTMP (Adobe's Real Time Messaging Protocol, specification 1.0 of 2012),
// and plays other people's streams.
//
// [Server] is the server's side of one connection, for players; it takes no publishers. [Publish] sends a stream to
// another server; [Play] reads one from it. All work on a net.Conn that the caller has made, and close it; to a server of
// RTMPS the latter two talk TLS on it.
//
// The handshake is the plain one (5.2). The kind with digests, which is in no specification, is answered plainly, which
// ffmpeg and librtmp take; the encrypted kind (RTMPE) is not supported. Commands are in AMF0; those in the envelope of
// AMF3 (message type 17) are understood as long as their values are AMF0.
//
// A message's time is 32 bits of milliseconds, and from 0xFFFFFF (4.66 hours) on it is in an extended timestamp
// (5.3.1.3). On chunks that continue a message (type 3) this is repeated, as Adobe's own software does and the
// specification says; on reading, peers that leave it out there are recognized.
//
// Everything that a peer sends is bounded: a message's size, the number of chunk streams, the memory that messages in
// parts take up, how much it sends in a second when it has no media to send, and the time that it may take over its
// handshake, its commands, and what is written to it. Errors in what it sends name the offset in bytes from the start of
// the connection.
package rtmp
