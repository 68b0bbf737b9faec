package rtmp

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/refstream/refstream/internal/redact"
)

// secretsOf lists what a server may quote of a stream's name and nobody else should see, in all the forms in which servers
// quote: the name, its query, and the values of that.
func secretsOf(stream string) redact.Secrets {
	name, query, _ := strings.Cut(stream, "?")
	parts := []string{stream, name, query}
	for pair := range strings.SplitSeq(query, "&") {
		_, value, ok := strings.Cut(pair, "=")
		if !ok {
			value = pair
		}
		parts = append(parts, value)
	}
	var all []string
	for _, p := range parts {
		all = append(all, quotedForms(p)...)
	}
	return redact.NewSecrets(all...)
}

// quotedForms are a text as it is, with its percent-encoding undone and made anew, and each of these as it stands between
// quotes, with a backslash where it needs one.
func quotedForms(text string) []string {
	list := []string{text}
	for _, undo := range []func(string) (string, error){url.PathUnescape, url.QueryUnescape} {
		if plain, err := undo(text); err == nil {
			list = append(list, plain, url.PathEscape(plain), url.QueryEscape(plain))
		}
	}
	for _, s := range list {
		q := strconv.Quote(s)
		list = append(list, q[1:len(q)-1])
	}
	return list
}
