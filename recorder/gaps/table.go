package gaps

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/refstream/refstream/faults/verdict"
	"github.com/refstream/refstream/internal/redact"
	"github.com/refstream/refstream/recorder"
)

// WriteTable writes the report for a terminal. Times are in UTC, with their position in the recording as a replay counts; #12 is
// row 12 of the table versions; in brackets are the tables and rows of a finding, and the exchange that succeeded after failures.
func (r *Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", printable(redact.Address(r.Session.URL)), r.headline())
	for _, run := range r.Runs {
		fmt.Fprintf(&b, "Recorded %s UTC%s, for %s", run.Started.UTC().Format("2006-01-02 15:04:05.000"),
			r.at(recorder.Moment{Run: run.ID}), seconds(run.Ended))
		if run.Reason != "" {
			fmt.Fprintf(&b, " (%s)", printable(run.Reason))
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0) // two spaces between the columns
	fmt.Fprintln(t, "ID\tPLAYLIST\tKIND\tTARGET\tLOADED\tVERSIONS\tSEGMENTS\tMISSING\tSHORTEST\tMEDIAN\tLONGEST\tUNCERTAIN")
	for _, p := range r.Playlists {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\n", p.ID, p.title(), p.Kind, orNone(p.TargetDuration),
			p.Loadings, p.Versions, p.Segments, p.Missing, orNone(p.Shortest), orNone(p.Median), orNone(p.Longest),
			orNone(p.Uncertainty))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	layout := r.layout()
	if len(r.Findings) > 0 {
		b.WriteString("\nTimes are in UTC; after \"at\" is the position in the recording, as replay --offset takes it.\n")
	}
	if len(r.Gaps) > 0 {
		b.WriteString("\nGAPS\n")
	}
	for i := range r.Gaps {
		fmt.Fprintf(&b, "  %s\n", r.gapLine(&r.Gaps[i], layout))
	}
	if int64(len(r.Findings)) > r.Counts[KindGap] {
		b.WriteString("\nFINDINGS\n")
	}
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Kind != KindGap {
			fmt.Fprintf(&b, "  %s%s %s: %s%s%s\n", f.UTC.Format(layout), r.at(f.Moment), f.Kind, r.of(f.Playlist), f.Text, f.rows())
		}
	}
	if left := r.total() - int64(len(r.Findings)); left > 0 {
		fmt.Fprintf(&b, "  and %s more of the same kinds\n", plural(left, "finding"))
	}
	if err := verdict.WriteTable(&b, r.Faults); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	r.writeShown(&b, layout)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (r *Report) headline() string {
	gaps, all := r.Counts[KindGap], r.total()
	text := plural(gaps, "gap") + ", " + plural(all-gaps, "other finding")
	if all == 0 {
		text = "nothing was found"
	}
	if len(r.Faults) > 0 {
		text += " that no labelled fault explains"
	}
	if n := verdict.Count(r.Faults, verdict.NotSeen); n > 0 {
		text += ", " + plural(int64(n), "labelled fault") + " not seen"
	}
	return text
}

// total counts all findings, also those that were left out.
func (r *Report) total() (n int64) {
	for _, count := range r.Counts {
		n += count
	}
	return n
}

// layout is how times are written: with the date where the recording is not of one day.
func (r *Report) layout() string {
	const clock, day = "15:04:05.000", "2006-01-02"
	if n := len(r.Runs); n > 0 {
		last := &r.Runs[n-1]
		if r.Runs[0].Started.UTC().Format(day) != last.Started.Add(last.Ended).UTC().Format(day) {
			return day + " " + clock
		}
	}
	return clock
}

func (r *Report) gapLine(g *Gap, layout string) string {
	to := "the end"
	if g.After != nil {
		to = fmt.Sprintf("#%d", g.After.ID)
	}
	possibly := ""
	if !g.Certain() {
		possibly = "possibly a gap: "
	}
	return fmt.Sprintf("%s#%d %s%s -> %s %s%s, %s%s", r.of(g.Playlist),
		g.Before.ID, g.BeforeUTC.Format(layout), r.at(recorder.Moment{Run: g.Before.Run, At: g.Before.Seen}),
		to, g.AfterUTC.Format(layout), r.at(g.end()), possibly, g.extent())
}

// at is the position of a moment in the recording, rounded down, so that a replay from there begins before it.
func (r *Report) at(m recorder.Moment) string {
	tenths := max(0, r.Offset(m)) / (time.Second / 10)
	return fmt.Sprintf(" (at %d.%d s)", tenths/10, tenths%10)
}

// of names a playlist at the start of a line, empty where it is not known.
func (r *Report) of(playlist int64) string {
	if p := r.playlist(playlist); p != nil {
		return p.title() + ", "
	}
	return ""
}

// rows lists the rows of a finding: those of versions, or else of exchanges, and those of segments.
func (f *Finding) rows() string {
	const most = 4 // all of them are in the JSON
	var list []string
	add := func(table string, rows []int64) {
		var ids []string
		for _, id := range rows[:min(len(rows), most)] {
			ids = append(ids, strconv.FormatInt(id, 10))
		}
		if len(rows) > most {
			ids = append(ids, "…")
		}
		if len(rows) > 0 {
			list = append(list, table+" "+strings.Join(ids, ", "))
		}
	}
	if add("versions", f.Versions); len(f.Versions) == 0 {
		add("exchanges", f.Exchanges)
	}
	if f.Came != 0 {
		list = append(list, fmt.Sprintf("came with %d", f.Came))
	}
	add("segments", f.Segments)
	if len(list) == 0 {
		return ""
	}
	return " [" + strings.Join(list, "; ") + "]"
}

func orNone(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return seconds(d)
}

// maxText bounds a text of the stream's in a message.
const maxText = 200

// seconds writes a time in seconds, to the millisecond.
func seconds(d time.Duration) string {
	ms := d.Round(time.Millisecond).Milliseconds()
	sign := ""
	if ms < 0 {
		sign, ms = "-", -ms
	}
	return fmt.Sprintf("%s%d.%03d s", sign, ms/1000, ms%1000)
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// printable is a harmless text that is not too long.
func printable(s string) string {
	if s = redact.Unseen(s); len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}
