package rtmp

// chunkStream is what the header of a chunk can refer to: the one before it on the same chunk stream (5.3.1.2).
type chunkStream struct {
	message           // of the message that arrives, or the last one; body is what has arrived of it
	length     int    // of the message, in bytes
	delta      uint32 // timestamp delta of the last header that had a timestamp; of type 0 its timestamp
	extended   bool   // that header had an extended timestamp
	inProgress bool   // a message has begun and isn't complete
}

// Types of chunk headers (5.3.1.2).
const (
	headerFull     = 0 // timestamp, length, type, message stream
	headerLength   = 1 // timestamp delta, length, type
	headerTime     = 2 // timestamp delta
	headerContinue = 3 // nothing
)

const (
	// timeExtended in place of a timestamp says that it stands in the extended one (5.3.1.3).
	timeExtended = 0xFFFFFF
	// defaultChunkSize is what both sides begin with (5.4.1).
	defaultChunkSize = 128
	// maxChunkSize is the largest size with a meaning, as no message is longer (5.4.1).
	maxChunkSize = maxBody
	// Chunk stream numbers that the one, two and three bytes of a basic header can say (5.3.1.1).
	minChunkStream = 2
	maxOneByte     = 63
	maxTwoBytes    = 64 + 0xFF
	maxThreeBytes  = 64 + 0xFFFF
)
