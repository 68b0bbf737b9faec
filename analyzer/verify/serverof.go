package verify

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// ServerWith is the truth of a server about the first channel of these that it has. An empty name, which may be the last,
// is that of its only channel.
func ServerWith(ctx context.Context, base string, client *http.Client, channels ...string) (Source, error) {
	var first error
	for i, name := range channels {
		if name == "" && i < len(channels)-1 {
			continue
		}
		s, err := Server(base, name, client)
		if err == nil {
			_, err = s.Channel(ctx)
		}
		if err == nil {
			return s, nil
		}
		first = cmp.Or(first, err)
	}
	return nil, fmt.Errorf("read truth: %w", first)
}

// ServerOf is the server that a stream comes from, by its address, and the channel that this names; empty where it is no
// address of HTTP. What stands in front of /hls/ or /live/ is the prefix that a proxy puts before the server's paths.
func ServerOf(address string) (base, channel string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return "", ""
	}
	whole := u.Path
	u.Path, u.RawPath, u.RawQuery, u.Fragment = "/", "", "", ""
	for _, folder := range []string{"/hls/", "/live/"} {
		i := strings.LastIndex(whole, folder)
		if i < 0 {
			continue
		}
		name, file, below := strings.Cut(whole[i+len(folder):], "/")
		switch ext := path.Ext(name); {
		case folder == "/hls/" && below && file != "" && name != "":
			channel = name
		case folder == "/live/" && !below && (ext == ".ts" || ext == ".flv"):
			channel = strings.TrimSuffix(name, ext)
		default:
			continue
		}
		u.Path = whole[:i+1]
		return u.String(), channel
	}
	return u.String(), ""
}
