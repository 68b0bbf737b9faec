package rtmp

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	// hidden stands for what is not shown.
	hidden = "…"
	// shortSecret is the length in bytes under which a secret is found in other words: a text that holds one is left out
	// altogether.
	shortSecret = 4
)

// secrets are what a server may quote of a stream's name and nobody else should see, in all the forms in which servers
// quote: the longest first, none empty.
type secrets []string

// secretsOf lists those of a stream's name: the name, its query, and the values of that.
func secretsOf(stream string) secrets {
	name, query, _ := strings.Cut(stream, "?")
	parts := []string{stream, name, query}
	for pair := range strings.SplitSeq(query, "&") {
		_, value, ok := strings.Cut(pair, "=")
		if !ok {
			value = pair
		}
		parts = append(parts, value)
	}
	var all secrets
	for _, p := range parts {
		all = append(all, quotedForms(p)...)
	}
	// What holds another one first.
	slices.SortFunc(all, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	all = slices.Compact(all)
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
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

// hide takes the secrets out of a text of the peer's. It is for the text as it came: escaped or cut it holds them in
// forms that can't be found.
func (all secrets) hide(text string) string {
	for _, s := range all {
		switch {
		case !strings.Contains(text, s):
		case len(s) < shortSecret:
			return hidden
		default:
			text = strings.ReplaceAll(text, s, hidden)
		}
	}
	return text
}
