package recorder

import (
	"encoding/binary"
	"iter"
	"math"
)

// boxes are the boxes in b by their type, with their content (ISO/IEC 14496-12, 4.2), up to one that is no box or is cut
// off, whose part is given.
func boxes(b []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for len(b) >= 8 {
			size, header := uint64(binary.BigEndian.Uint32(b)), uint64(8)
			switch {
			case size == 0: // to the end
				size = uint64(len(b))
			case size == 1 && len(b) >= 16:
				size, header = binary.BigEndian.Uint64(b[8:]), 16
			}
			if size < header {
				return
			}
			end := min(size, uint64(len(b)))
			if !yield(string(b[4:8]), b[header:end]) {
				return
			}
			b = b[end:]
		}
	}
}

// box is the content of the first box at the end of a path; nil where there is none.
func box(b []byte, path ...string) []byte {
	for _, kind := range path {
		var found []byte
		for k, content := range boxes(b) {
			if k == kind {
				found = content
				break
			}
		}
		if b = found; b == nil {
			return nil
		}
	}
	return b
}

// fields reads the fields of a full box, one after the other. After its end all are 0, and short is set.
type fields struct {
	version byte
	flags   uint32
	b       []byte
	short   bool
}

func fullBox(b []byte) *fields {
	f := &fields{b: b}
	v := f.u32()
	f.version, f.flags = byte(v>>24), v&0xFFFFFF
	return f
}

func (f *fields) take(n int) []byte {
	if len(f.b) < n {
		f.short, f.b = true, nil
		return make([]byte, 8)
	}
	v := f.b[:n]
	f.b = f.b[n:]
	return v
}

func (f *fields) u32() uint32 { return binary.BigEndian.Uint32(f.take(4)) }

// time reads one of 32 bits in version 0, of 64 in others. One that is too large for an int64 is 0 and short.
func (f *fields) time() int64 {
	if f.version == 0 {
		return int64(f.u32())
	}
	v := binary.BigEndian.Uint64(f.take(8))
	if v > math.MaxInt64 {
		f.short = true
		return 0
	}
	return int64(v)
}

// signedTime is time where the field may be negative.
func (f *fields) signedTime() int64 {
	if f.version == 0 {
		return int64(int32(f.u32()))
	}
	return int64(binary.BigEndian.Uint64(f.take(8)))
}
