package outputs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

// Hub is where all live consumers of one channel get the stream. Write is called by one goroutine; everything else may be
// used from anywhere.
type Hub struct {
	o     Options
	times times

	tsMuxer  *ts.Muxer
	flvMuxer *flv.Muxer
	flvFile  []byte // the header of an FLV file
	ts       *stream.Feed[[]byte]
	flv      *stream.Feed[*flvChunk]

	// closed ends when there are no more units; end ends it.
	closed context.Context
	end    context.CancelFunc

	httpTS, httpFLV *output

	mu      sync.Mutex
	outputs []*output
	lastDTS int64 // of the newest unit, ticks
}

// New makes a hub. Errors name what is wrong with the options.
func New(o Options) (*Hub, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("make live outputs: %w", err)
	}
	h := &Hub{
		o: o, times: defaultTimes(), tsMuxer: ts.NewMuxer(), flvMuxer: flv.NewMuxer(o.FLV), flvFile: flv.FileHeader(o.FLV.Sound != nil),
		ts: stream.New[[]byte](stream.Options{}), flv: stream.New[*flvChunk](stream.Options{}),
	}
	h.tsMuxer.Step, h.tsMuxer.Sound = o.Channel.Rate.Ticks(1), o.FLV.Sound != nil
	if o.Faults != nil {
		h.tsMuxer.Faults, h.flvMuxer.Faults = o.Faults(), o.Faults()
	}
	h.closed, h.end = context.WithCancel(context.Background())
	h.httpTS = h.newOutput(KindHTTPTS, "/live/"+o.Channel.Name+".ts")
	h.httpFLV = h.newOutput(KindHTTPFLV, "/live/"+o.Channel.Name+".flv")
	h.httpTS.setState(StateListening)
	h.httpFLV.setState(StateListening)
	return h, nil
}

// Write takes the next unit in decoding order and never waits for consumers. u is not changed, but held on to. Of the renditions
// of pictures only the first is carried, with the sound. An error names the format that the unit could not be packed in: it is
// missing there, and the stream continues. After Close it does nothing.
func (h *Hub) Write(u stream.Unit) error {
	if !u.OfMain() {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed.Err() != nil {
		return nil
	}
	h.lastDTS = u.DecodedAt()
	start := u.Key && u.Codec() != media.AAC
	packets, tsErr := h.tsMuxer.Unit(u.Unit, annotate.ID3(u.Markers...)...)
	if tsErr == nil {
		h.ts.Append(stream.Chunk[[]byte]{Payload: packets, Size: len(packets), Time: h.lastDTS, Start: start})
	}
	tags, flvErr := h.flvMuxer.Unit(u.Unit, annotate.Scripts(u.Record, u.Markers))
	if flvErr == nil {
		c := h.newFLVChunk(tags)
		h.flv.Append(stream.Chunk[*flvChunk]{Payload: c, Size: c.size(), Time: h.lastDTS, Start: start})
	}
	return errors.Join(tsErr, flvErr)
}

// Close ends the stream. Consumers get what is left, and then the end of the stream.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed.Err() != nil {
		return
	}
	if tags := h.flvMuxer.Flush(); len(tags) > 0 {
		c := h.newFLVChunk(flv.Chunk{Tags: tags})
		h.flv.Append(stream.Chunk[*flvChunk]{Payload: c, Size: c.size(), Time: h.lastDTS})
	}
	h.ts.Close()
	h.flv.Close()
	h.end()
	for _, o := range []*output{h.httpTS, h.httpFLV} {
		o.setState(StateEnded)
		o.quiet.Flush()
	}
}

// flvChunk is what an access unit became in FLV, made once for all consumers: as tags for RTMP and as bytes for FLV over
// HTTP. The bodies of the tags lie within the bytes.
type flvChunk struct {
	file                 []byte // the file header
	head, tags           []flv.Tag
	headBytes, tagsBytes []byte
}

func (h *Hub) newFLVChunk(c flv.Chunk) *flvChunk {
	f := flvChunk{file: h.flvFile}
	f.head, f.headBytes = pack(c.Head)
	f.tags, f.tagsBytes = pack(c.Tags)
	return &f
}

// pack writes tags as in a file, and returns the same tags with bodies that lie in it.
func pack(tags []flv.Tag) (within []flv.Tag, b []byte) {
	size := 0
	for _, t := range tags {
		size += t.Size()
	}
	b = make([]byte, 0, size)
	within = make([]flv.Tag, len(tags))
	for i, t := range tags {
		at := len(b) + flvTagHeader
		b = flv.AppendTag(b, t)
		t.Body = b[at : at+len(t.Body) : at+len(t.Body)]
		within[i] = t
	}
	return within, b
}

// flvTagHeader is the length of a tag's header in a file, in bytes (Adobe FLV 10.1, E.4.1).
const flvTagHeader = 11

// size is in bytes.
func (c *flvChunk) size() int { return len(c.headBytes) + len(c.tagsBytes) }

// begin is what a consumer that begins with this chunk gets of it; all others get tags.
func (c *flvChunk) begin() []flv.Tag { return append(c.head[:len(c.head):len(c.head)], c.tags...) }

// beginBytes is begin as a file: with the file header.
func (c *flvChunk) beginBytes() []byte {
	return slices.Concat(c.file, c.headBytes, c.tagsBytes)
}
