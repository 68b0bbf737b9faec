package generator

// CodeLevels are the means of the cells of a frame code, row by row, from 0 for the black of its sync cells to 255 for their
// white.
type CodeLevels [codeRows * codeColumns]uint8

// ReadCodeLevels measures the cells of a picture's code, given as to ReadFrameCode; ok is false where its sync cells are
// not there.
func ReadCodeLevels(luma []byte, stride, width, height int) (l CodeLevels, ok bool) {
	means, white, black, ok := codeMeans(luma, stride, width, height)
	if !ok {
		return l, false
	}
	for i := range l {
		v := (means[i/codeColumns][i%codeColumns] - black) * 255 / (white - black)
		l[i] = uint8(min(max(v, 0), 255))
	}
	return l, true
}

// Grey is how many cells are neither black nor white, but nearer to the middle.
func (l *CodeLevels) Grey() (n int) {
	for _, v := range l {
		if v >= 64 && v < 192 {
			n++
		}
	}
	return n
}

// blendTolerance is how far a cell may be, of 255, from the level that a blend gives it: what encoding leaves of one.
const blendTolerance = 28

// Mix reports whether the levels are those of the codes of several frames laid over each other: of two with any weights, of
// more with the same. weight is that of the first, of 255.
func (l *CodeLevels) Mix(frames ...int64) (weight int, ok bool) {
	ones := [len(l)]int{} // how many of the frames have a cell white
	for _, n := range frames {
		if n < 0 || n > MaxFrame {
			return 0, false
		}
		for i, white := range codeCells(n) {
			if white {
				ones[i]++
			}
		}
	}
	first := codeCells(frames[0])
	weight = 255 / len(frames)
	if len(frames) == 2 {
		sum, count := 0, 0
		for i, v := range l {
			switch {
			case ones[i] != 1:
			case first[i]:
				sum, count = sum+int(v), count+1
			default:
				sum, count = sum+255-int(v), count+1
			}
		}
		if count == 0 {
			return 0, false
		}
		weight = sum / count
	}
	for i, v := range l {
		want := ones[i] * 255 / len(frames)
		if len(frames) == 2 && ones[i] == 1 {
			if want = 255 - weight; first[i] {
				want = weight
			}
		}
		if off := int(v) - want; off > blendTolerance || off < -blendTolerance {
			return 0, false
		}
	}
	return weight, true
}

// codeCells is the code of a frame, cell by cell: true for white.
func codeCells(n int64) (cells [codeRows * codeColumns]bool) {
	for r, bits := range frameCode(n) {
		for c := range codeColumns {
			cells[r*codeColumns+c] = bits>>(codeColumns-1-c)&1 == 1
		}
	}
	return cells
}
