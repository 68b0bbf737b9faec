// Package chunks lists the media that a recorded HLS session holds, under the names that it was published by. In the session's
// own folder the files are named by their checksums.
package chunks

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/recorder"
)

// Chunk is a complete content, with the first request that returned it.
type Chunk struct {
	*recorder.Exchange
	// Name is the path of the URL, below the folder common to all chunks; it has no "..", no backslash and nothing that file names
	// can't have. A byte range is added to it, seg@1000+500.mp4, as is a number for another content of the same path: seg~2.ts.
	Name string
}

// List gives the chunks of a session in the order in which they were requested first.
func List(ctx context.Context, s *recorder.Session) ([]Chunk, error) {
	type content struct {
		name string
		body recorder.Body
	}
	var list []Chunk
	listed := map[content]bool{}
	for e, err := range s.Exchanges(ctx) {
		if err != nil {
			return nil, err
		}
		if e.Resource == hlsclient.ResourcePlaylist || e.Error != "" || e.Body == 0 {
			continue
		}
		c := Chunk{e, fullName(e)}
		if key := (content{c.Name, e.Body}); !listed[key] {
			listed[key] = true
			list = append(list, c)
		}
	}
	common := commonFolder(list)
	given := map[string]bool{}
	for i := range list {
		own := list[i].Name[common:]
		name := own
		for n := 2; given[name]; n++ {
			name = before(own, fmt.Sprintf("~%d", n))
		}
		given[name] = true
		list[i].Name = name
	}
	return list, nil
}

// fullName is the host and path of a URL as a relative path of file names.
func fullName(e *recorder.Exchange) string {
	host, p := "", e.URL
	if u, err := url.Parse(e.URL); err == nil {
		host, p = u.Host, u.Path
	}
	name := strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7F || strings.ContainsRune(`\:*?"<>|`, c) {
			return '_'
		}
		return c
	}, path.Clean("/" + p)[1:])
	name = strings.ReplaceAll(host, ":", "_") + "/" + cmp.Or(name, "chunk")
	if e.Range != nil {
		name = before(name, fmt.Sprintf("@%d+%d", e.Range.Offset, e.Range.Length))
	}
	return name
}

// before puts a text in front of a name's extension.
func before(name, text string) string {
	ext := path.Ext(name)
	return strings.TrimSuffix(name, ext) + text + ext
}

// commonFolder is the length of what all names begin with, up to a slash.
func commonFolder(list []Chunk) int {
	if len(list) == 0 {
		return 0
	}
	common := list[0].Name[:strings.LastIndexByte(list[0].Name, '/')+1]
	for _, c := range list {
		for !strings.HasPrefix(c.Name, common) {
			common = common[:strings.LastIndexByte(strings.TrimSuffix(common, "/"), '/')+1]
		}
	}
	return len(common)
}
