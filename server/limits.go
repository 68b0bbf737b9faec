package server

import "github.com/refstream/refstream/internal/rlimit"

const (
	// ownFiles is what serve has open itself, at the most, without clients: the standard streams, the system's own, listeners,
	// the lock, a file for each log of the journal and one in reserve, a segment, a playlist and their folder, the encoder's
	// pipes and those of one that is just being started. Some are to spare.
	ownFiles = 32
	// relayFiles, pushFiles and redisFiles are what else there may be: the pipes of a relay's ffmpeg and those of its next one,
	// a push's connection and one to a name server, the connections to Redis.
	relayFiles = 8
	pushFiles  = 2
	redisFiles = 24
	// connectionFiles is what an HTTP connection may have: itself and, while a file is opened for it, the folder and the file.
	// The fourth is for the consumers of the other carriers.
	connectionFiles = 4
	// Of the connections, each sort of endless answers gets a quarter, so that one is left for all else.
	endlessShare = 4
	// maxConnections, maxConsumers and maxEventStreams are as many as make sense where files are plenty: more than a machine
	// that encodes can feed.
	maxConnections  = 4096
	maxConsumers    = 1000
	maxEventStreams = 256
)

// clientLimits are how many clients there may be at once, so that the stream itself never lacks a file.
type clientLimits struct {
	connections  int // over HTTP
	consumers    int // of each live output
	eventStreams int
}

// limitsOf divides the files that a process may have open. own is what it needs besides what every serve does.
func limitsOf(files uint64, own int) clientLimits {
	left := int(min(files, 1<<20)) - ownFiles - own
	n := min(max(left/connectionFiles, 1), maxConnections)
	share := max(n/endlessShare, 1)
	return clientLimits{connections: n, consumers: min(share, maxConsumers), eventStreams: min(share, maxEventStreams)}
}

// clientLimits are those of what the configuration asks for.
func (c *Config) clientLimits() clientLimits {
	own := -ownFiles // limitsOf counts them once
	for _, one := range c.each() {
		own += ownFiles + len(one.Outputs.Relay)*relayFiles + len(one.Outputs.Push)*pushFiles
	}
	if c.Redis != "" {
		own += redisFiles
	}
	return limitsOf(rlimit.OpenFiles(), own)
}
