package outputs

import (
	"bytes"
	"sync/atomic"
)

// maxProgressLine bounds a line that doesn't end.
const maxProgressLine = 1024

// relayProgress takes the reports that ffmpeg writes with -progress: lines "key=value", the last of each report
// "progress=continue" or "progress=end". The first comes when the output is open.
type relayProgress struct {
	opened func() // called once, with the first report

	line   []byte // begun
	report []byte // what counts of the report begun
	last   []byte // the same of the one before
	beats  atomic.Int64
}

// begun says whether the output was opened.
func (p *relayProgress) begun() bool { return p.beats.Load() > 0 }

// Write never fails.
func (p *relayProgress) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		part, rest, ended := bytes.Cut(b, []byte{'\n'})
		p.line = append(p.line, part[:min(len(part), maxProgressLine-len(p.line))]...)
		if ended {
			p.take(bytes.TrimSpace(p.line))
			p.line = p.line[:0]
		}
		b = rest
	}
	return n, nil
}

// take reads a line. A report in which nothing has moved is none: some versions of ffmpeg go on reporting when they hang.
func (p *relayProgress) take(line []byte) {
	key, _, _ := bytes.Cut(line, []byte{'='})
	switch string(key) {
	case "frame", "total_size", "out_time_us":
		p.report = append(append(p.report, line...), ' ')
		if len(p.report) > maxProgressLine {
			p.report = p.report[:0] // without an end it is no report
		}
	case "progress":
		if !bytes.Equal(p.report, p.last) && p.beats.Add(1) == 1 {
			p.opened()
		}
		p.last, p.report = p.report, p.last[:0]
	}
}
