package score

import (
	"bytes"
	"fmt"
	"io"
)

// maxLine is as much as POST /score takes in all, far above what a row with a detection takes. What has no lines is no list.
const maxLine = 4 << 20

// lineReader reads text whose lines are not too long.
type lineReader struct {
	in   io.Reader
	line int64 // that is being read, counted from 0
	size int64 // of what was read of it
}

// Read reads once.
func (l *lineReader) Read(p []byte) (int, error) {
	n, err := l.in.Read(p)
	if last := bytes.LastIndexByte(p[:n], '\n'); last >= 0 {
		l.line += int64(bytes.Count(p[:last+1], []byte{'\n'}))
		l.size = int64(n - last - 1)
	} else {
		l.size += int64(n)
	}
	if l.size > maxLine {
		return 0, fmt.Errorf("line %d has more than %d bytes: it is no row with a detection", l.line+1, maxLine)
	}
	return n, err
}
