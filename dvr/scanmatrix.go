package dvr

import (
	"bytes"
	"sync/atomic"

	"github.com/refstream/refstream/h264"
)

// maxMatrixBytes is how much of a stream is looked through for what it says of its colours: that stands at its beginning.
const maxMatrixBytes = 64 << 10

// matrixFinder finds the matrix of a stream's colours at its beginning: H.264's VUI (ITU-T H.264, E.1.1) and MPEG-2's
// sequence_display_extension (ITU-T H.262, 6.2.2.4). Of other kinds it is not known.
type matrixFinder struct {
	// found may be read by another goroutine: 0 for nothing, else 1 + the matrix.
	found atomic.Int32
	data  []byte
	over  bool
}

// matrix is what was found.
func (m *matrixFinder) matrix() colourMatrix {
	if v := m.found.Load(); v > 0 {
		return colourMatrix(v - 1)
	}
	return matrixUnspecified
}

// take takes the next packet of the video. It finds the matrix before the packet that ends the first picture is given on,
// so that it is known before there is a picture.
func (m *matrixFinder) take(p packet, kind byte) {
	if m.over {
		return
	}
	if len(m.data) > 0 && p.starts() || len(m.data) >= maxMatrixBytes {
		m.end(kind)
	}
	m.data = append(m.data, p.payload()...)
}

// end looks through what has come.
func (m *matrixFinder) end(kind byte) {
	if m.over {
		return
	}
	matrix, ok := matrixUnspecified, false
	switch kind {
	case kindH264:
		matrix, ok = matrixH264(m.data)
	case kindMPEG2:
		matrix, ok = matrixMPEG2(m.data)
	default:
		m.over = true
	}
	if ok {
		m.found.Store(int32(matrix) + 1)
	}
	m.over = m.over || ok || len(m.data) >= maxMatrixBytes
	if m.over {
		m.data = nil
	}
}

func matrixH264(data []byte) (colourMatrix, bool) {
	for _, nal := range h264.SplitAnnexB(data) {
		if h264.TypeOf(nal) != h264.NALSPS {
			continue
		}
		if sps, err := h264.ParseSPS(nal); err == nil {
			if sps.VUI == nil {
				return matrixUnspecified, true
			}
			return colourMatrix(sps.VUI.Matrix), true
		}
	}
	return 0, false
}

func matrixMPEG2(data []byte) (colourMatrix, bool) {
	i := bytes.Index(data, []byte{0, 0, 1, 0xB5})
	for ; i >= 0; i = next(data, i) {
		b := data[i+4:]
		if len(b) < 4 {
			return 0, false
		}
		if b[0]>>4 == 2 && b[0]&1 == 1 { // sequence_display_extension with colour_description
			return colourMatrix(b[3]), true
		}
	}
	return matrixUnspecified, len(data) > 0
}

// next is where the next extension begins, -1 where there is none.
func next(data []byte, i int) int {
	j := bytes.Index(data[i+4:], []byte{0, 0, 1, 0xB5})
	if j < 0 {
		return -1
	}
	return i + 4 + j
}
