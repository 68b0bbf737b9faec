// Package hlsclient follows anybody's HTTP Live Streaming as a player would (RFC 8216bis, 6.3), and reports every request,
// playlist version and segment.
package hlsclient

import (
	"context"
	"net/http"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

// Client reads HLS streams. Only Now is needed. It may be used for several streams at once.
//
// One stream takes at most some 100 MB of memory, whatever the server sends. A playlist or answer that is too long, too slow
// or compressed without need is an error. Addresses are http, https and file URLs and paths; what a server sends can't name
// local files.
type Client struct {
	// Now is the wall clock that the times of an Exchange are taken from.
	Now func() time.Time
	// HTTP makes the requests; nil for http.DefaultClient. It should have no limit on how long a response lasts.
	HTTP *http.Client
	// Header is added to each request to the origin of the stream's address, and to no other, also where one is redirected.
	Header http.Header
	// HeaderTo are further hosts that get Header, such as "cdn.example.com" (any port) or "cdn.example.com:8443"; never over http
	// where the stream's address is https.
	HeaderTo []string
	// Choose picks the streams of a multivariant playlist; nil for HighestVariant. With ReloadMultivariant it is called for each
	// version, and streams that it adds are read too.
	Choose func(*m3u8.Multivariant) []Stream
	// DASH has manifests of MPEG-DASH read as playlists are: a multivariant playlist whose URIs are fragments (#0 ...), and for each
	// Representation a media playlist.
	DASH bool
	// Behind is where to begin, counted from the end of a live playlist: 0 for three target durations (6.3.3), negative for its
	// start.
	Behind time.Duration
	// Reload is the time between the starts of two loadings of a media playlist, at least 10 ms; changed reports whether the last
	// one changed. A failed loading is repeated no later. It is called concurrently and must not change m. nil for 6.3.4: the
	// target duration after a change, half of it otherwise.
	Reload func(m *m3u8.Media, changed bool) time.Duration
	// ReloadMultivariant is the time between two loadings of a multivariant playlist; 0 to load it once. New streams are read
	// too, removed ones until they end or fail. A stream is recognized by its URL, or by path and attributes if the query changes.
	ReloadMultivariant time.Duration
	// Timeout is how long a response may bring nothing before it is given up; 0 for 10 s.
	Timeout time.Duration
	// Attempts is how often the first playlist, a key, initialization section or segment is requested; 0 for 4. A segment that
	// has left the playlist is not requested again.
	Attempts int
	// Parallel is how many segments of a stream are requested at once; 0 for 3. More than one only while one fails or is slower
	// than it plays: later ones then overtake it and wait, up to 256 MiB for all streams.
	Parallel int
	// RetryMin and RetryMax bound the pauses between attempts, which double; 0 for 250 ms and 5 s.
	RetryMin, RetryMax time.Duration
	// GiveUp ends Run with an error when a playlist that was read fails for so long; 0 for never.
	GiveUp time.Duration
	// Follow continues after a playlist that is suddenly complete and empty, as some servers send between two programmes.
	Follow bool
	// MaxSegment is the largest segment in bytes that is taken; 0 for 256 MiB.
	MaxSegment int64
	// SpoolDir holds temporary files (".part-*") with long segments; empty for the system's folder. MaxSpool bounds their bytes;
	// 0 for 1 GiB, negative for no limit.
	SpoolDir string
	MaxSpool int64
}

// Handler gets what a Client reads; members may be nil. Its functions never run at once in one Run and should be quick. An error
// ends Run, which returns it.
//
// A stream's Exchanges are reported before the Version or Segment that they belong to, a Version before its segments, and
// segments in the order of the playlist.
type Handler struct {
	// Exchange gets each request with its outcome, failed or not: each byte received is reported here once, still encrypted.
	Exchange func(*Exchange) error
	// Version gets each loaded playlist, changed or not.
	Version func(*Version) error
	// Segment gets each segment once, decrypted, or the reason why it is missing. If thousands wait because fetching is slower
	// than the stream, the oldest are not requested (ErrNotAsked). When ctx ends it gets the segments that are complete, and those
	// that left the playlist unrequested.
	Segment func(*Segment) error
	// Trouble gets errors that don't end the reading and are not reported to the others.
	Trouble func(*Trouble) error
}

// Run reads a stream. It returns nil at the end of all playlists, ctx's error, the handler's error, or an error when something
// required fails for good: the first playlist, all chosen playlists, or, with GiveUp, one of them. That error wraps a
// *RequestError or a parse error. A chosen playlist that fails is requested again as long as another one is read.
// Everything that Run started has ended when it returns.
func (c *Client) Run(ctx context.Context, url string, h Handler) error {
	r, err := c.newReading(ctx, url, h)
	if err != nil {
		return err
	}
	return r.run()
}
