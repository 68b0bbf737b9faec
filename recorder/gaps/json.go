package gaps

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/refstream/refstream/faults/verdict"
	"github.com/refstream/refstream/internal/redact"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/recorder"
)

// The names below are the format of the report and must not change. Durations and offsets are decimal seconds, exact to the
// nanosecond; offsets count from the start of their run, replay_offset from the start of the recording, as replay counts. Times
// are RFC 3339 in UTC. Rows are ids of the session's tables.

type jsonReport struct {
	URL       string           `json:"url"`
	Created   time.Time        `json:"created"`
	Runs      []jsonRun        `json:"runs"`
	Playlists []jsonPlaylist   `json:"playlists"`
	Gaps      []jsonGap        `json:"gaps"`
	Findings  []jsonFinding    `json:"findings"`
	Counts    map[Kind]int64   `json:"counts"`
	Faults    []verdict.Result `json:"faults,omitempty"`   // where they are known: then none of the findings above is theirs
	Versions  []jsonShown      `json:"versions,omitempty"` // only where they are to be shown
}

type jsonRun struct {
	Run      int64         `json:"run"`
	Started  time.Time     `json:"started"`
	Duration media.Seconds `json:"duration"`
	Offset   media.Seconds `json:"replay_offset"`
	Reason   string        `json:"reason,omitempty"`
}

type jsonPlaylist struct {
	ID             int64                 `json:"id"`
	Playlist       string                `json:"playlist"` // the short name
	URL            string                `json:"url"`
	Kind           recorder.PlaylistKind `json:"kind"`
	Name           string                `json:"name,omitempty"`
	TargetDuration media.Seconds         `json:"target_duration"`
	Threshold      media.Seconds         `json:"threshold"`
	PlaylistCounts
	Shortest    media.Seconds `json:"shortest_interval"`
	Median      media.Seconds `json:"median_interval"`
	Longest     media.Seconds `json:"longest_interval"`
	Uncertainty media.Seconds `json:"uncertainty"`
}

type jsonVersion struct {
	Row    int64         `json:"row"`
	Run    int64         `json:"run"`
	Seen   media.Seconds `json:"seen"`
	UTC    time.Time     `json:"utc"`
	Offset media.Seconds `json:"replay_offset"`
}

type jsonShown struct {
	PlaylistID int64  `json:"playlist_id"`
	Playlist   string `json:"playlist"`
	jsonVersion
	Text string `json:"text"`
}

type jsonGap struct {
	PlaylistID int64          `json:"playlist_id"`
	Playlist   string         `json:"playlist"`
	Before     jsonVersion    `json:"before"`
	After      *jsonVersion   `json:"after"`    // null: the run ended
	Interval   media.Seconds  `json:"interval"` // as seen
	Least      media.Seconds  `json:"least"`
	Most       *media.Seconds `json:"most"` // null: not known
	Threshold  media.Seconds  `json:"threshold"`
	Certain    bool           `json:"certain"` // least is over threshold
}

type jsonFinding struct {
	Kind       Kind          `json:"kind"`
	PlaylistID int64         `json:"playlist_id,omitempty"`
	Playlist   string        `json:"playlist,omitempty"`
	Run        int64         `json:"run"`
	At         media.Seconds `json:"at"`
	UTC        time.Time     `json:"utc"`
	Offset     media.Seconds `json:"replay_offset"`
	MSN        *int64        `json:"msn,omitempty"`
	Count      int64         `json:"count"`
	Amount     media.Seconds `json:"amount"`
	Versions   []int64       `json:"version_rows,omitempty"`
	Exchanges  []int64       `json:"exchange_rows,omitempty"`
	Came       int64         `json:"came_exchange_row,omitempty"` // the exchange that succeeded
	Segments   []int64       `json:"segment_rows,omitempty"`
	Text       string        `json:"text"`
}

// WriteJSON writes the report as indented JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	out := jsonReport{
		URL: redact.Address(r.Session.URL), Created: r.Session.Created.UTC(), Counts: r.Counts, Faults: r.Faults,
		// Lists that are empty are [] and not null.
		Runs: []jsonRun{}, Playlists: []jsonPlaylist{}, Gaps: []jsonGap{}, Findings: []jsonFinding{},
	}
	for _, run := range r.Runs {
		out.Runs = append(out.Runs, jsonRun{
			run.ID, run.Started.UTC(), media.Seconds(run.Ended), media.Seconds(r.Offset(recorder.Moment{Run: run.ID})), run.Reason,
		})
	}
	for i := range r.Playlists {
		out.Playlists = append(out.Playlists, r.Playlists[i].json())
	}
	for i := range r.Gaps {
		out.Gaps = append(out.Gaps, r.jsonGap(&r.Gaps[i]))
	}
	for i := range r.Findings {
		out.Findings = append(out.Findings, r.jsonFinding(&r.Findings[i]))
	}
	for _, v := range r.Shown {
		out.Versions = append(out.Versions, jsonShown{v.Playlist, r.label(v.Playlist), r.jsonVersion(&v.Version, v.UTC), v.Text})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (p *PlaylistReport) json() jsonPlaylist {
	return jsonPlaylist{
		ID: p.ID, Playlist: p.Label, URL: redact.Address(p.URL), Kind: p.Kind, Name: p.Name,
		TargetDuration: media.Seconds(p.TargetDuration), Threshold: media.Seconds(p.Threshold),
		PlaylistCounts: p.PlaylistCounts, Shortest: media.Seconds(p.Shortest), Median: media.Seconds(p.Median),
		Longest: media.Seconds(p.Longest), Uncertainty: media.Seconds(p.Uncertainty),
	}
}

func (r *Report) jsonGap(g *Gap) jsonGap {
	out := jsonGap{
		PlaylistID: g.Playlist, Playlist: r.label(g.Playlist),
		Before: r.jsonVersion(&g.Before, g.BeforeUTC), Interval: media.Seconds(g.Interval), Least: media.Seconds(g.Least),
		Threshold: media.Seconds(g.Threshold), Certain: g.Certain(),
	}
	if g.Most > 0 {
		out.Most = new(media.Seconds(g.Most))
	}
	if g.After != nil {
		out.After = new(r.jsonVersion(g.After, g.AfterUTC))
	}
	return out
}

func (r *Report) jsonVersion(v *recorder.Version, utc time.Time) jsonVersion {
	at := r.Offset(recorder.Moment{Run: v.Run, At: v.Seen})
	return jsonVersion{v.ID, v.Run, media.Seconds(v.Seen), utc, media.Seconds(at)}
}

func (r *Report) jsonFinding(f *Finding) jsonFinding {
	out := jsonFinding{
		Kind: f.Kind, PlaylistID: f.Playlist, Playlist: r.label(f.Playlist), Run: f.Run, At: media.Seconds(f.At), UTC: f.UTC,
		Offset: media.Seconds(r.Offset(f.Moment)), Came: f.Came,
		Count: f.Count, Amount: media.Seconds(f.Amount), Versions: f.Versions, Exchanges: f.Exchanges, Segments: f.Segments,
		Text: f.Text,
	}
	if f.MSN >= 0 {
		out.MSN = new(f.MSN)
	}
	return out
}

func (r *Report) label(playlist int64) string {
	if p := r.playlist(playlist); p != nil {
		return p.Label
	}
	return ""
}
