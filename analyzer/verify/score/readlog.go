package score

import (
	"bufio"
	"fmt"
	"io"
	"regexp"

	"github.com/refstream/refstream/markers"
)

// began is how ffmpeg's filters blackdetect, freezedetect, silencedetect and scdet log when something begins, in seconds.
var began = regexp.MustCompile(`\b(black_start|freeze_start|silence_start|lavfi\.scd\.time) ?[:=] ?(-?[0-9.]+)`)

// readLog reads what ffmpeg logs of one of these filters. What is not about it is left out, so a whole log does.
func (r Reading) readLog(in io.Reader) (List, error) {
	l := List{Clock: Time, At: []markers.Seconds{}}
	if r.Clock != "" && r.Clock != Time {
		return l, fmt.Errorf("ffmpeg logs seconds, no %s: leave the clock out", r.Clock)
	}
	lines, filter := bufio.NewScanner(in), ""
	lines.Buffer(nil, maxLine+1)
	for lines.Scan() {
		for _, found := range began.FindAllStringSubmatch(lines.Text(), -1) {
			if filter == "" {
				filter = found[1]
			}
			if found[1] != filter {
				return l, fmt.Errorf("the log has %s and %s: keep the lines of one filter", filter, found[1])
			}
			if err := r.add(&l, found[2]); err != nil {
				return l, err
			}
		}
	}
	return l, lines.Err()
}
