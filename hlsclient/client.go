// Package hlsclient follows anybody's HTTP Live Streaming as a player would (RFC 8216bis, 6.3), and reports every request,
// playlist version and segment.
package hlsclient

import (
	"context"
	"net/http"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

// Client reads HLS streams as a player would (RFC 8216bis, 6.3). Only Now is needed. It may be used for several streams
// at once.
//
// What a server sends takes no more than some 100 MB of memory, together for all playlists and segments of one stream. A
// playlist or answer that is too long, too slow or compressed without need is an error that says so.
//
// Addresses are http and https URLs, file URLs and paths. What comes over HTTP can't name local files.
type Client struct {
	// Now is the wall clock that the times of an Exchange are taken from.
	Now func() time.Time
	// HTTP makes the requests; nil for http.DefaultClient. It should have no limit on how long a response lasts.
	HTTP *http.Client
	// Header is added to each request to the origin of the stream's address, and to no other, also where one is redirected.
	Header http.Header
	// HeaderTo are hosts that get it too, such as "cdn.example.com", at any port, or "cdn.example.com:8443"; but not over http
	// where the stream's address is https.
	HeaderTo []string
	// Choose picks what is read of a multivariant playlist; nil for HighestVariant. With ReloadMultivariant it is asked
	// again for each version, and what it picks besides is read too.
	Choose func(*m3u8.Multivariant) []Stream
	// Behind says how far behind the end of a playlist without EXT-X-ENDLIST to begin: 0 for three target durations
	// (6.3.3), a negative value for all that it holds.
	Behind time.Duration
	// Reload says how long after the start of one loading of a media playlist the next begins, at least 10 ms, where the
	// last one brought m, which had changed or not. A loading that fails is repeated no later. Streams ask it at the same
	// time; it must not change m. nil for what 6.3.4 has: the target duration after a change, half of it otherwise.
	Reload func(m *m3u8.Media, changed bool) time.Duration
	// ReloadMultivariant is the time between two loadings of a multivariant playlist; 0 for one loading only. Streams
	// that newly appear in it are read too, those that vanish until they end or fail. A stream is known again by its
	// URL, or by the URL's path and the tag's attributes, where each loading brings another query.
	ReloadMultivariant time.Duration
	// Timeout is how long a response may bring nothing before it is given up; 0 for 10 s.
	Timeout time.Duration
	// Attempts is how often a key, initialization section or segment, and the first playlist, are asked for in all; 0
	// for 4. A segment that has left the playlist is not asked for again.
	Attempts int
	// Parallel is how many segments of a stream are asked for at once at the most; 0 for 3. Where all is well it is one at
	// a time. While one fails or takes longer than it lasts, the next ones overtake it, and wait to be told: up to 256 MiB of
	// all streams, beyond which nothing new is asked for but what they wait for.
	Parallel int
	// RetryMin and RetryMax bound the pauses between attempts, which double; 0 for 250 ms and 5 s.
	RetryMin, RetryMax time.Duration
	// GiveUp is how long the playlist of a stream that was read may fail to come until Run ends with an error; 0 for ever.
	GiveUp time.Duration
	// Follow goes on where a playlist is complete and empty after one with segments, as some servers have it for a moment
	// between two programmes.
	Follow bool
	// MaxSegment is the largest segment in bytes that is taken; 0 for 256 MiB.
	MaxSegment int64
	// SpoolDir is where temporary files are, with segments that are too long for memory; empty for the system's. Their names
	// begin with ".part-". MaxSpool is how many bytes they may have together; 0 for 1 GiB, less for no limit.
	SpoolDir string
	MaxSpool int64
}

// Handler is told what a Client reads; nil members are told nothing. No two of its functions run at once in one Run.
// What else comes waits meanwhile to be told: they should be quick.
//
// For each stream all comes in order: a segment after the Version that names it, both after the Exchanges that brought
// them, and segments in the order of the playlist. An error ends Run, which returns it.
type Handler struct {
	// Exchange is told each request and its outcome, also one that failed: each byte that comes is told here once, as it
	// was sent, still encrypted.
	Exchange func(*Exchange) error
	// Version is told each playlist that was loaded, also one that has not changed.
	Version func(*Version) error
	// Segment is told each segment once: fetched and decrypted, or why it isn't there. Where thousands wait, because they
	// come more slowly than the playlist names them, the first are not asked for (ErrNotAsked). When ctx is done it is told
	// what had come by then and waited for others, and what had left the playlist before its turn.
	Segment func(*Segment) error
	// Trouble is told what went wrong and did not end the reading, besides what the others are told.
	Trouble func(*Trouble) error
}

// Run reads a stream: until the end of all its playlists, when it returns nil; until ctx is done, when it returns ctx's
// error; until the handler has an error; or until what it needs can't be had: the first playlist, each playlist of those
// that were chosen, or, with GiveUp, one that was there before. Such an error wraps a *RequestError or a parse error.
// A chosen playlist that can't be had is asked for again as long as another one is read.
//
// Everything that it started has ended when it returns.
func (c *Client) Run(ctx context.Context, url string, h Handler) error {
	r, err := c.newReading(ctx, url, h)
	if err != nil {
		return err
	}
	return r.run()
}
