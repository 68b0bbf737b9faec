package gaps

import (
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/refstream/refstream/recorder"
)

// choose picks the playlists that which names, all where it is empty.
func choose(list []recorder.Playlist, session, which string) ([]PlaylistReport, error) {
	labels := label(list, session)
	all := make([]PlaylistReport, len(list))
	for i := range list {
		all[i] = PlaylistReport{Playlist: list[i], Label: labels[i]}
	}
	if which == "" {
		return all, nil
	}
	trimmed := strings.TrimPrefix(which, "/")
	for _, is := range []func(*PlaylistReport) bool{
		func(p *PlaylistReport) bool { return p.URL == which || p.Label == which },
		func(p *PlaylistReport) bool { return pathOf(p.URL) == trimmed },
		func(p *PlaylistReport) bool { return p.Name == which },
		func(p *PlaylistReport) bool { return strconv.FormatInt(p.ID, 10) == strings.TrimPrefix(which, "#") },
		func(p *PlaylistReport) bool { return trimmed != "" && strings.HasSuffix(pathOf(p.URL), "/"+trimmed) },
	} {
		var some []PlaylistReport
		for i := range all {
			if is(&all[i]) {
				some = append(some, all[i])
			}
		}
		if len(some) > 0 {
			return some, nil
		}
	}
	names := make([]string, 0, len(all))
	for i := range all {
		names = append(names, fmt.Sprintf("%d %s", all[i].ID, all[i].title()))
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("choose playlist %q: the session has none", which)
	}
	return nil, fmt.Errorf("choose playlist %q: there is none of that URL, path, name or id; there are: %s", which, strings.Join(names, ", "))
}

// title is for people: the label with the name.
func (p *PlaylistReport) title() string {
	if p.Name == "" {
		return printable(p.Label)
	}
	return printable(p.Label + " (" + p.Name + ")")
}

// label gives each playlist a short name: its path below the folder of the session's URL, or its URL if it is elsewhere, with
// the query only where names would be equal.
func label(list []recorder.Playlist, session string) []string {
	base, err := url.Parse(session)
	if err != nil {
		base = &url.URL{}
	}
	folder := path.Dir(base.Path)
	if folder != "/" {
		folder += "/"
	}
	labels := make([]string, len(list))
	count := map[string]int{}
	for i := range list {
		labels[i] = list[i].URL
		u, err := url.Parse(list[i].URL)
		if err != nil {
			continue
		}
		u.RawQuery, u.Fragment = "", ""
		labels[i] = u.Redacted()
		// The session may be a path of a file, where the playlists have file URLs.
		if below, ok := strings.CutPrefix(u.Path, folder); ok && below != "" && (u.Host == base.Host && u.Scheme == base.Scheme || base.Scheme == "") {
			labels[i] = below
		}
		count[labels[i]]++
	}
	for i := range list {
		if count[labels[i]] < 2 {
			continue
		}
		if u, err := url.Parse(list[i].URL); err == nil && u.RawQuery != "" {
			labels[i] += "?" + u.RawQuery
		}
	}
	return labels
}

// pathOf is the path of a URL without its first slash.
func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return strings.TrimPrefix(u.Path, "/")
}
