package outputs

import "github.com/refstream/refstream/format/flv"

// flvChunk is what an access unit became in FLV, made once for all consumers: as tags for RTMP and as bytes for FLV over
// HTTP. The bodies of the tags lie within the bytes.
type flvChunk struct {
	head, tags           []flv.Tag
	headBytes, tagsBytes []byte
}

func newFLVChunk(c flv.Chunk) *flvChunk {
	var f flvChunk
	f.head, f.headBytes = pack(c.Head)
	f.tags, f.tagsBytes = pack(c.Tags)
	return &f
}

// pack writes tags as they stand in a file, and returns the same tags with bodies that lie in it.
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

// flvTagHeader is the length of what stands before a tag's body in a file, in bytes (Adobe FLV 10.1, E.4.1).
const flvTagHeader = 11

// size is in bytes.
func (c *flvChunk) size() int { return len(c.headBytes) + len(c.tagsBytes) }

// begin is what a consumer that begins with this chunk gets of it; all others get tags.
func (c *flvChunk) begin() []flv.Tag { return append(c.head[:len(c.head):len(c.head)], c.tags...) }

// beginBytes is begin as a file: with the file header.
func (c *flvChunk) beginBytes() []byte {
	return append(append(flv.FileHeader(), c.headBytes...), c.tagsBytes...)
}
