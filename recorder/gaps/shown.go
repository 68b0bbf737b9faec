package gaps

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/refstream/refstream/internal/redact"
	"github.com/refstream/refstream/recorder"
)

// Shown is a version of a playlist with its text.
type Shown struct {
	recorder.Version
	UTC  time.Time // when it was seen
	Text string
}

// show reads two versions for each kept finding: the first and the last that it names; the one that it names and the one before;
// or, if it names none, those before and after its moment.
func (f *finder) show() error {
	for _, p := range f.r.Playlists {
		list, err := f.listVersions(p.ID)
		if err != nil {
			return err
		}
		wanted := make([]bool, len(list))
		for k := range f.r.Findings {
			if found := &f.r.Findings[k]; found.Playlist == p.ID {
				first, last := around(list, found)
				for _, at := range []int{first, last} {
					if at >= 0 && at < len(list) && list[at].Run == found.Run {
						wanted[at] = true
					}
				}
			}
		}
		for k, v := range list {
			if !wanted[k] {
				continue
			}
			text, err := f.s.Body(f.ctx, v.Body)
			if err != nil {
				return fmt.Errorf("read version %d of %s: %w", v.ID, p.title(), err)
			}
			f.r.Shown = append(f.r.Shown, Shown{v, f.r.utc(recorder.Moment{Run: v.Run, At: v.Seen}), string(text)})
		}
	}
	return nil
}

// around are the places in list of the two versions around a finding; either may be outside of it.
func around(list []recorder.Version, found *Finding) (first, last int) {
	place := func(id int64) int {
		return slices.IndexFunc(list, func(v recorder.Version) bool { return v.ID == id })
	}
	switch n := len(found.Versions); n {
	case 0:
		for last < len(list) && (list[last].Run < found.Run || list[last].Run == found.Run && list[last].Seen <= found.At) {
			last++
		}
		return last - 1, last
	case 1:
		last = place(found.Versions[0])
		return last - 1, last
	default:
		return place(found.Versions[0]), place(found.Versions[n-1])
	}
}

// writeShown writes the versions that are shown, line by line.
func (r *Report) writeShown(b *strings.Builder, layout string) {
	if len(r.Shown) > 0 {
		b.WriteString("\nVERSIONS\n")
	}
	for _, v := range r.Shown {
		fmt.Fprintf(b, "  %s#%d %s%s\n", r.of(v.Playlist), v.ID, v.UTC.Format(layout), r.at(recorder.Moment{Run: v.Run, At: v.Seen}))
		for line := range strings.Lines(v.Text) {
			fmt.Fprintf(b, "    %s\n", redact.Unseen(strings.TrimRight(line, "\r\n")))
		}
	}
}
